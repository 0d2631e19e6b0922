/** What each message of the server leads to. They are handled one after another, in the order in which they came. */
import { unreachable } from "@tillwire/protocol/errors";
import type { ErrorMessage, ServerMessage, Welcome } from "@tillwire/protocol/messages";
import type { Transact } from "./fenced.ts";
import type { FeedReader } from "./feed-reader.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { LinkDriver } from "./link-driver.ts";
import type { Pause } from "./link-state.ts";
import type { LoopFailure, LoopHost } from "./loop-host.ts";
import { heedPresence, keepMark } from "./mark.ts";
import type { PushPump } from "./push-pump.ts";
import type { Pusher } from "./pusher.ts";
import type { SyncRounds } from "./sync-round.ts";

export interface ConversationParts {
  readonly host: LoopHost;
  readonly transact: Transact;
  readonly driver: LinkDriver;
  readonly pusher: Pusher;
  readonly pump: PushPump;
  readonly feed: FeedReader;
  readonly heartbeat: Heartbeat;
  readonly rounds: SyncRounds;
}

export interface ConversationEvents {
  /** Null: all is well again. */
  failed(failure: LoopFailure | null): void;
  refused(pause: Pause): void;
  arrived(): void;
  /** Results have come. */
  answered(): void;
  /** The local database failed. */
  broken(error: unknown): void;
}

/**
 * Frames that may wait for the local database. A link has no way to say that it is too fast; what comes beyond is left out and pulled once
 * those before it are written, so that a long catch-up does not fill the memory.
 */
const FRAMES_WAITING = 64;

export class Conversation {
  /** What the server asked to wait before the next link. */
  retryAfterMs = 0;
  #queue: Promise<void> = Promise.resolve();
  #presenceIsWhole = true;
  #framesWaiting = 0;
  /** Serial of the link of which frames were left out. */
  #leftOut: number | null = null;

  constructor(
    private readonly parts: ConversationParts,
    private readonly events: ConversationEvents,
  ) {}

  received(message: ServerMessage): void {
    this.parts.heartbeat.heard();
    // The link may end with it, and on Socket.IO it alone says why: it does not wait for the frames before it.
    if (message.type === "error") return this.#told(message);
    const { driver } = this.parts;
    const { serial } = driver;
    const isFrame = message.type === "changes";
    if (isFrame && !this.#admits(serial)) return this.parts.feed.heardHead(message.head);
    this.#queue = this.#queue.then(async () => {
      try {
        // what an earlier link brought may no longer fit what the present one was told
        if (serial === driver.serial) await this.#handle(message);
      } catch (error) {
        this.events.broken(error);
      }
      if (isFrame) this.#frameDone();
    });
  }

  #admits(serial: number): boolean {
    if (this.#leftOut === serial) return false;
    if (this.#framesWaiting >= FRAMES_WAITING) {
      this.#leftOut = serial;
      return false;
    }
    this.#framesWaiting++;
    return true;
  }

  #frameDone(): void {
    const { driver, feed } = this.parts;
    if (--this.#framesWaiting > 0 || this.#leftOut === null) return;
    const goesOn = this.#leftOut === driver.serial;
    this.#leftOut = null;
    if (goesOn) feed.readOn();
  }

  async #handle(message: Exclude<ServerMessage, ErrorMessage>): Promise<void> {
    const { host, transact, driver, pusher, feed, rounds } = this.parts;
    switch (message.type) {
      case "welcome":
        if (this.#welcomed(message)) await keepMark(transact, message);
        return;
      case "changes":
        await feed.take(message);
        return this.#followed();
      case "pushed":
        return this.#pushed(await pusher.settle(message.id, message.results));
      case "reset":
        // nothing of it was decided
        pusher.giveUp(pusher.inFlight);
        await feed.reset(message);
        return driver.dispatch({ type: "fell behind" });
      case "presence":
        host.presence(message.devices, this.#presenceIsWhole);
        this.#presenceIsWhole = false;
        return heedPresence(transact, host.view.position, message.devices, host.identity().deviceId);
      case "pong":
        feed.heardHead(message.head);
        rounds.heardHead(message.head);
        return host.changed();
      default:
        return unreachable(message);
    }
  }

  /** @returns whether this device may go on */
  #welcomed(welcome: Welcome): boolean {
    const { host, driver, pusher, feed, heartbeat, pump } = this.parts;
    if (welcome.storeId !== host.identity().storeId) {
      this.events.failed({
        code: "FORBIDDEN",
        message: "the server knows this device under another store",
        retryAt: null,
      });
      this.events.refused("reauthenticate");
      return false;
    }
    this.retryAfterMs = 0;
    this.#presenceIsWhole = true;
    this.events.failed(null);
    // Ends polling, and with it a push that may be under way there.
    driver.dispatch({ type: "welcomed" });
    pusher.limits = welcome.limits;
    pusher.forget();
    feed.linked(welcome.head);
    heartbeat.start(welcome.heartbeatMs);
    // a reset is on its way: what is pushed now was meant for the epoch that is over
    const { epoch } = host.view.position;
    if (epoch === null || epoch === welcome.epoch) pump.run();
    return true;
  }

  #followed(): void {
    const { driver, feed, rounds, pump } = this.parts;
    if (feed.isAtHead) this.events.arrived();
    if (driver.isLive) driver.dispatch({ type: feed.isAtHead ? "reached head" : "fell behind" });
    rounds.check();
    pump.run();
  }

  #pushed({ settled, restored }: { settled: number; restored: boolean }): void {
    const { host, feed, rounds, pump } = this.parts;
    if (settled > 0) this.events.failed(null);
    if (restored) feed.startAgain();
    rounds.check();
    pump.answered(settled);
    this.events.answered();
    host.changed();
  }

  /** An error that leaves the link open, or announces its end. */
  #told({ code, message, retry, retryAfterMs = 0, requestId }: ErrorMessage): void {
    const { host, pusher, pump } = this.parts;
    const failure = { code, message, retryAt: null };
    this.retryAfterMs = retryAfterMs;
    if (retry === "reauthenticate" || retry === "upgrade") {
      this.events.failed(failure);
      return this.events.refused(retry);
    }
    if (code === "TOO_LARGE") pusher.shrink();
    // One that names another push, or none, says nothing about what becomes of this one; unless the server could not read what it was sent.
    const unread = requestId === undefined && (code === "TOO_LARGE" || code === "MALFORMED");
    if (pusher.inFlight && (requestId === pusher.inFlight.id || unread)) {
      this.events.failed(failure);
      pusher.giveUp(pusher.inFlight);
      pump.later(retryAfterMs);
    }
    host.changed();
  }
}
