/** All live sessions of this node, by store: who gets what the feed brings, who is there, who must go. */
import { ReplicationError, type ErrorCode } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Committed } from "./accept.ts";
import type { Device } from "./auth.ts";
import { StoreHub } from "./hub.ts";
import { closeCodeOf, errorMessage, type Link, type LinkListener } from "./link.ts";
import { StorePresence, type LivePresence } from "./presence.ts";
import { Session, type SessionHost } from "./session.ts";
import type { SessionServices } from "./session-services.ts";
import type { DeviceRow, EnrolledKey } from "./store/device-store.ts";

interface StoreRoom {
  readonly hub: StoreHub;
  readonly presence: StorePresence;
  readonly sessions: Set<Session>;
}

export interface SessionsOptions {
  readonly services: SessionServices;
  readonly listDevices: (storeId: string) => Promise<DeviceRow[]>;
}

export class Sessions implements SessionHost {
  readonly #options: SessionsOptions;
  readonly #rooms = new Map<string, StoreRoom>();
  readonly #strangers = new Map<Session, string>();
  readonly #strangersByAddress = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;
  #draining = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#timer = options.services.runtime.setInterval(() => this.#tick(), 1_000);
    this.#timer.unref();
  }

  /** A transport has a new link; null: it was turned away. */
  open(link: Link): LinkListener | null {
    if (this.#draining) return turnAway(link, "SHUTTING_DOWN", "the server is going down");
    const address = link.remoteAddress;
    const waiting = this.#strangersByAddress.get(address) ?? 0;
    if (waiting >= LIMITS.unauthenticatedLinksPerAddress)
      return turnAway(link, "TOO_MANY_LINKS", "too many links that have not said hello");
    const session = new Session(link, this.#options.services, this);
    this.#strangers.set(session, address);
    this.#strangersByAddress.set(address, waiting + 1);
    return session;
  }

  opened(session: Session, device: Device, presence: boolean): StoreHub {
    this.#forgetStranger(session);
    const room = this.#roomOf(device.storeId);
    room.sessions.add(session);
    this.#options.services.metrics.sessions.inc({ transport: session.link.transport });
    if (presence) room.presence.watch(session);
    room.presence.changed();
    return room.hub;
  }

  statusChanged(device: Device): void {
    this.#rooms.get(device.storeId)?.presence.changed();
  }

  closed(session: Session): void {
    this.#forgetStranger(session);
    const device = session.conversation?.device;
    const room = device && this.#rooms.get(device.storeId);
    if (!device || !room?.sessions.delete(session)) return;
    this.#options.services.metrics.sessions.dec({ transport: session.link.transport });
    room.presence.unwatch(session);
    if (!this.live(device.storeId).has(device.deviceId)) room.presence.left(device.deviceId);
    if (room.sessions.size > 0) return;
    // Nobody listens: what this node remembers of the store is only a copy of the feed.
    room.presence.close();
    this.#rooms.delete(device.storeId);
  }

  publish(committed: Committed): void {
    this.#rooms.get(committed.storeId)?.hub.publish(committed);
  }

  hint(storeId: string, head: number, epoch: string): void {
    this.#rooms.get(storeId)?.hub.hint(head, epoch);
  }

  /** Stores with sessions, and where their hubs stand. */
  positions(): Map<string, Pick<StoreHub, "seq" | "stamp">> {
    return new Map(
      [...this.#rooms].map(
        ([
          storeId,
          {
            hub: { seq, stamp },
          },
        ]) => [storeId, { seq, stamp }],
      ),
    );
  }

  get isEmpty(): boolean {
    return this.#rooms.size === 0;
  }

  devices(): EnrolledKey[] {
    return this.#all().map(({ conversation }) => {
      const { storeId, deviceId, registerCode = "" } = conversation!.device;
      return { storeId, deviceId, registerCode };
    });
  }

  /** By deviceId. A device with several sessions (tabs) shows the latest. */
  live(storeId: string): Map<string, LivePresence> {
    const sessions = this.#rooms.get(storeId)?.sessions ?? [];
    return new Map([...sessions].map(({ conversation }) => [conversation!.device.deviceId, conversation!.live]));
  }

  /** Epoch ms of the oldest write that waits on a connected device; null: none does. */
  oldestPendingAt(): number | null {
    const times = this.#all().flatMap(({ conversation }) => conversation!.oldestPendingAt ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Ends the sessions of a device. */
  cut(storeId: string, deviceId: string, code: ErrorCode, message: string): void {
    for (const session of this.#rooms.get(storeId)?.sessions ?? []) {
      if (session.conversation!.device.deviceId === deviceId) session.fail(code, message);
    }
  }

  /** Ends the sessions that began with a token of that enrolment. */
  cutReplaced({ storeId, deviceId, registerCode }: EnrolledKey): void {
    for (const session of this.#rooms.get(storeId)?.sessions ?? []) {
      const { device } = session.conversation!;
      if (device.deviceId === deviceId && device.registerCode === registerCode)
        session.fail("UNAUTHENTICATED", "the device was enrolled anew");
    }
  }

  /** Ends all sessions: another node, or this one after its restart, carries on. */
  drain(): void {
    this.#draining = true;
    this.#options.services.runtime.clearInterval(this.#timer);
    for (const session of [...this.#all(), ...this.#strangers.keys()]) {
      session.report(new ReplicationError("SHUTTING_DOWN", "the server is going down", 1_000));
    }
  }

  #all(): Session[] {
    return [...this.#rooms.values()].flatMap(({ sessions }) => [...sessions]);
  }

  #roomOf(storeId: string): StoreRoom {
    const known = this.#rooms.get(storeId);
    if (known) return known;
    const { services, listDevices } = this.#options;
    const { feed, metrics, log, runtime } = services;
    const room: StoreRoom = {
      hub: new StoreHub({
        storeId,
        readFeed: (id, from) => feed.readAll(id, from),
        encode: (stretch, choice) => feed.encode(storeId, stretch, choice),
        onGap: () => metrics.feedGaps.inc(),
        onError: (error) => log.warn({ err: error, storeId }, "The feed could not be read"),
      }),
      presence: new StorePresence({
        listDevices: () => listDevices(storeId),
        live: () => this.live(storeId),
        runtime,
        onError: (error) => log.warn({ err: error, storeId }, "Presence could not be read"),
      }),
      sessions: new Set(),
    };
    this.#rooms.set(storeId, room);
    return room;
  }

  #forgetStranger(session: Session): void {
    const address = this.#strangers.get(session);
    if (address === undefined) return;
    this.#strangers.delete(session);
    const left = this.#strangersByAddress.get(address)! - 1;
    if (left > 0) this.#strangersByAddress.set(address, left);
    else this.#strangersByAddress.delete(address);
  }

  #tick(): void {
    const now = this.#options.services.runtime.now();
    for (const { sessions } of this.#rooms.values()) for (const session of sessions) session.tick(now);
    // Devices on other nodes come and go without a word to this one.
    this.#ticks += 1;
    if (this.#ticks % 5 === 0) for (const { presence } of this.#rooms.values()) presence.changed();
  }
}

function turnAway(link: Link, code: ErrorCode, message: string): null {
  link.send(JSON.stringify(errorMessage(code, message, { retryAfterMs: 1_000 })));
  link.close(closeCodeOf(code) ?? 1013, code);
  return null;
}
