/**
 * The sync loop of the leading tab: joins link, pusher, feed reader and poller. Messages are handled one after another, in the order in
 * which they came; every tx checks the fence.
 */
import { ReplicationError, unreachable } from "@tillwire/protocol/errors";
import type {
  DeviceMessage,
  DeviceStatus,
  ErrorMessage,
  PresentDevice,
  ServerMessage,
  Welcome,
} from "@tillwire/protocol/messages";
import { PROTOCOL_VERSION } from "@tillwire/protocol/version";
import { retryDelayMs, REQUEST_BACKOFF } from "./backoff.ts";
import { commit } from "./commit.ts";
import type { Environment } from "./environment.ts";
import { FeedReader } from "./feed-reader.ts";
import { Heartbeat } from "./heartbeat.ts";
import { checkFence, LeadershipLost } from "./leader.ts";
import { LinkDriver } from "./link-driver.ts";
import type { LocalStore } from "./local-store.ts";
import type { Identity, ReplicaOptions } from "./api.ts";
import { Poller } from "./poller.ts";
import { Pusher, type Transact } from "./pusher.ts";
import { SyncRounds } from "./sync-round.ts";
import { httpLink } from "./transports/http.ts";
import type { LinkEnd } from "./transports/link.ts";
import type { View } from "./view.ts";

export interface LoopHost {
  readonly env: Environment;
  readonly store: LocalStore;
  readonly view: View;
  readonly options: ReplicaOptions;
  readonly fence: number;
  identity(): Identity;
  status(): DeviceStatus;
  /** This tab committed something. */
  committed(): void;
  /** Link, busyness or failure changed. */
  changed(): void;
  presence(devices: readonly PresentDevice[], whole: boolean): void;
  lostLeadership(): void;
}

export interface LoopFailure {
  readonly code: string;
  readonly message: string;
  readonly retryAt: number | null;
}

export class SyncLoop {
  readonly driver: LinkDriver;
  readonly #pusher: Pusher;
  readonly #feed: FeedReader;
  readonly #poller: Poller;
  readonly #heartbeat: Heartbeat;
  readonly #rounds: SyncRounds;
  #queue: Promise<void> = Promise.resolve();
  #running = false;
  #link = 0;
  #retryAfterMs = 0;
  #pushFailures = 0;
  #cancelPushRetry: (() => void) | null = null;
  #presenceIsWhole = true;
  #statusSent = "";
  failure: LoopFailure | null = null;
  lastSyncAt: number | null = null;
  lastContactAt: number | null = null;

  constructor(private readonly host: LoopHost) {
    const { env, options, view } = host;
    const subscribed = options.subscribe ? new Set(options.subscribe) : null;
    const now = () => env.now();
    const position = () => view.position;
    const transact: Transact = (run) => this.#transact(run);
    this.#pusher = new Pusher({ transact, now, deviceId: () => host.identity().deviceId, subscribed });
    this.#feed = new FeedReader({
      transact,
      now,
      position,
      pull: (syncToken) => void this.driver.send({ type: "pull", syncToken }),
    });
    this.driver = new LinkDriver(env, options.url, options.live ?? ["socket.io"], {
      hello: () => this.#hello(),
      received: (message) => this.#receive(message),
      ended: (end) => this.#ended(end),
      changed: () => host.changed(),
      startPolling: () => this.#poller.start(),
      stopPolling: () => this.#poller.stop(),
      pollNow: () => this.#poller.now(),
      probe: () => this.#heartbeat.probe(),
    });
    const http = httpLink(options.url, () => host.identity().token, env);
    const { syncIntervalMs: intervalMs = 30_000, subscribe: collections } = options;
    this.#poller = new Poller({
      ...{ env, http, feed: this.#feed, pusher: this.#pusher, collections, intervalMs, position },
      polled: () => this.#polled(),
      failed: (error, retryAt) => this.#pollFailed(error, retryAt),
      changed: () => {
        host.changed();
        // a cycle that a live link cut short leaves its batch to that link
        void this.#pump();
      },
    });
    this.#heartbeat = new Heartbeat(env, {
      ping: () => this.#ping(),
      tick: () => this.#tick(),
      dead: (reason) => this.#fail(new ReplicationError("UNAVAILABLE", reason)),
      pushedAt: () => this.#pusher.inFlight?.sentAt ?? null,
    });
    this.#rounds = new SyncRounds(env, {
      isPending: (key) => (view.row(key)?.state ?? "rejected") !== "rejected",
      cursor: () => view.position.cursor,
      isAtHead: () => this.#feed.isAtHead,
    });
  }

  get isBusy(): boolean {
    return this.#pusher.inFlight !== null || this.#poller.isBusy;
  }
  get head(): number {
    return this.#feed.head;
  }

  start(): void {
    this.#running = true;
    this.driver.dispatch({ type: "start" });
  }

  stop(): void {
    this.#running = false;
    this.#heartbeat.stop();
    this.#cancelPushRetry?.();
    this.driver.dispatch({ type: "stop" });
    this.#rounds.fail(new ReplicationError("UNAVAILABLE", "the replica was closed"));
  }

  /** New writes wait. */
  wake(): void {
    void this.#pump();
    this.#poller.wake();
  }
  /** Focus, online, visible again. */
  nudge(): void {
    this.driver.dispatch({ type: "nudged" });
  }
  /** A new token. */
  resume(): void {
    this.failure = null;
    this.driver.dispatch({ type: "resumed" });
  }

  /** @throws ReplicationError why it could not be done */
  async syncNow(): Promise<void> {
    const { pausedFor } = this.driver.state;
    if (pausedFor)
      throw new ReplicationError(pausedFor === "upgrade" ? "PROTOCOL_VERSION" : "UNAUTHENTICATED", "sync is paused");
    if (this.driver.isLive) return this.#liveRound();
    this.nudge();
    try {
      await this.#poller.cycle();
    } catch (error) {
      // A live link came up meanwhile and took over.
      if (!this.driver.isLive) throw error;
      return this.#liveRound();
    }
  }

  #liveRound(): Promise<void> {
    const round = this.#rounds.begin(this.host.view.pendingKeys());
    this.#ping();
    this.wake();
    return round;
  }

  async #transact<R>(run: Parameters<Transact>[0]): Promise<R> {
    const { store, view, fence } = this.host;
    try {
      const { result, delta } = await commit(store, "relaxed", async (tx) => {
        await checkFence(tx, fence);
        const sync = await tx.meta("sync");
        if (!sync) throw new Error("the local database has not been set up");
        return run(tx, sync);
      });
      await view.apply(delta);
      if (delta) this.host.committed();
      return result as R;
    } catch (error) {
      if (error instanceof LeadershipLost) this.host.lostLeadership();
      throw error;
    }
  }

  #hello(): DeviceMessage {
    const { options, view } = this.host;
    this.#statusSent = "";
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      token: this.host.identity().token,
      syncToken: view.position.syncToken,
      status: this.host.status(),
      ...(options.subscribe ? { collections: [...options.subscribe] } : {}),
      ...(options.presence ? { presence: true } : {}),
      ...(options.app ? { app: options.app } : {}),
    };
  }

  #receive(message: ServerMessage): void {
    this.lastContactAt = this.host.env.now();
    this.#heartbeat.heard();
    const link = this.#link;
    this.#queue = this.#queue.then(async () => {
      // what an earlier link brought may no longer fit what the present one was told
      if (!this.#running || link !== this.#link) return;
      try {
        await this.#handle(message);
      } catch (error) {
        this.#broken(error);
      }
    });
  }

  async #handle(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case "welcome":
        return this.#welcomed(message);
      case "changes":
        await this.#feed.take(message);
        return this.#atHead();
      case "pushed":
        return this.#pushed(message.id, await this.#pusher.settle(message.id, message.results));
      case "reset":
        this.#pusher.giveUp(this.#pusher.inFlight);
        await this.#feed.reset(message);
        return this.driver.dispatch({ type: "fell behind" });
      case "presence":
        this.host.presence(message.devices, this.#presenceIsWhole);
        this.#presenceIsWhole = false;
        return;
      case "pong":
        this.#feed.heardHead(message.head);
        this.#rounds.heardHead(message.head);
        return this.host.changed();
      case "error":
        return this.#told(message);
      default:
        return unreachable(message);
    }
  }

  #welcomed(welcome: Welcome): void {
    if (welcome.storeId !== this.host.identity().storeId) {
      this.failure = { code: "FORBIDDEN", message: "the server knows this device under another store", retryAt: null };
      return this.driver.dispatch({ type: "refused", pause: "reauthenticate" });
    }
    this.#pusher.limits = welcome.limits;
    this.#retryAfterMs = 0;
    this.failure = null;
    this.#presenceIsWhole = true;
    // Ends polling, and with it a push that may be under way there.
    this.driver.dispatch({ type: "welcomed" });
    this.#pusher.forget();
    this.#feed.linked(welcome.head);
    this.#heartbeat.start(welcome.heartbeatMs);
    void this.#pump();
  }

  #atHead(): void {
    const { isAtHead } = this.#feed;
    if (isAtHead) this.lastSyncAt = this.host.env.now();
    if (this.driver.isLive) this.driver.dispatch({ type: isAtHead ? "reached head" : "fell behind" });
    this.#rounds.check();
    void this.#pump();
  }

  #pushed(id: string, { settled, restored }: { settled: number; restored: boolean }): void {
    if (restored) this.#feed.startAgain();
    this.#rounds.check();
    if (settled > 0) this.#pushFailures = 0;
    else if (this.#pusher.inFlight === null) return this.#pushLater(0);
    void this.#pump();
    this.host.changed();
  }

  /** An error that leaves the link open, or announces its end. */
  #told(error: ErrorMessage): void {
    const failure = { code: error.code, message: error.message, retryAt: null };
    this.#retryAfterMs = error.retryAfterMs ?? 0;
    if (error.retry === "reauthenticate" || error.retry === "upgrade") {
      this.failure = failure;
      this.#refused(error.retry);
      return;
    }
    if (error.code === "TOO_LARGE") this.#pusher.shrink();
    if (this.#pusher.inFlight) {
      this.failure = failure;
      this.#pusher.giveUp(this.#pusher.inFlight);
      this.#pushLater(error.retryAfterMs ?? 0);
    }
    this.host.changed();
  }

  #refused(pause: "reauthenticate" | "upgrade"): void {
    this.#heartbeat.stop();
    this.#pusher.forget();
    this.#rounds.fail(
      new ReplicationError(pause === "upgrade" ? "PROTOCOL_VERSION" : "UNAUTHENTICATED", "sync is paused"),
    );
    this.driver.dispatch({ type: "refused", pause });
  }

  /** The live link is gone. */
  #ended({ code, reason }: LinkEnd): void {
    this.#link++;
    this.#heartbeat.stop();
    // an HTTP push, if one is under way, is none of this link's
    if (!this.#poller.isBusy) this.#pusher.forget();
    if (code === 4401 || code === 4403) {
      this.failure ??= { code: code === 4403 ? "DEVICE_REVOKED" : "UNAUTHENTICATED", message: reason, retryAt: null };
      return this.#refused("reauthenticate");
    }
    if (code === 4426) return this.#refused("upgrade");
    if (code === 1009) this.#pusher.shrink();
    this.driver.dispatch({ type: "failed", retryAfterMs: this.#retryAfterMs });
    this.failure = { code: "UNAVAILABLE", message: reason, retryAt: this.driver.retryAt };
    this.#rounds.fail(new ReplicationError("UNAVAILABLE", reason));
    this.host.changed();
  }

  #fail(error: ReplicationError): void {
    this.#ended({ code: null, reason: error.message });
  }

  /** The local database failed: nothing is known to be wrong with what it holds, so it is tried again. */
  #broken(error: unknown): void {
    if (error instanceof LeadershipLost || !this.#running) return;
    this.#fail(new ReplicationError("INTERNAL", error instanceof Error ? error.message : String(error)));
  }

  #polled(): void {
    this.failure = null;
    this.lastContactAt = this.lastSyncAt = this.host.env.now();
    this.driver.dispatch({ type: "polled" });
    this.host.changed();
  }

  #pollFailed(error: unknown, retryAt: number | null): void {
    if (this.driver.isLive || this.driver.state.pausedFor || !this.#running || error instanceof LeadershipLost) return;
    const { code, message, retry } =
      error instanceof ReplicationError
        ? error
        : new ReplicationError("INTERNAL", error instanceof Error ? error.message : String(error));
    this.failure = { code, message, retryAt };
    if (retry === "reauthenticate" || retry === "upgrade") return this.#refused(retry);
    this.driver.dispatch({ type: "poll failed" });
    this.host.changed();
  }

  #ping(): void {
    this.driver.send({ type: "ping", clock: this.host.env.now() });
    this.#sendStatus(true);
  }

  #tick(): void {
    this.#feed.tick();
    this.#sendStatus(false);
  }

  #sendStatus(always: boolean): void {
    const { clock, ...status } = this.host.status();
    const text = JSON.stringify(status);
    if (!always && text === this.#statusSent) return;
    this.#statusSent = text;
    this.driver.send({ type: "status", ...status, ...(clock === undefined ? {} : { clock }) });
  }

  #pushLater(retryAfterMs: number): void {
    const delayMs = retryDelayMs(++this.#pushFailures, this.host.env.random(), REQUEST_BACKOFF, retryAfterMs);
    this.#cancelPushRetry?.();
    this.#cancelPushRetry = this.host.env.setTimer(() => {
      this.#cancelPushRetry = null;
      void this.#pump();
    }, delayMs);
  }

  /** Sends the next batch over the live link, if there is one and nothing is in flight. */
  async #pump(): Promise<void> {
    if (!this.#running || !this.driver.isLive || this.#pusher.isBusy || this.#cancelPushRetry) return;
    if (!this.host.view.hasPending || this.host.view.position.epoch === null) return;
    const link = this.#link;
    try {
      const push = await this.#pusher.take();
      if (!push) return;
      // Whatever became of the link meanwhile: the batch is frozen and will be sent again as it is.
      if (
        link !== this.#link ||
        !this.driver.isLive ||
        !this.driver.send({ type: "push", id: push.id, writes: [...push.writes] })
      ) {
        this.#pusher.giveUp(push);
      }
      this.host.changed();
    } catch (error) {
      this.#broken(error);
    }
  }
}
