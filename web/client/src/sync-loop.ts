/** The sync loop of the leading tab: composes link, pusher, feed reader and poller, and says what ails them. Every tx checks the fence. */
import { ReplicationError } from "@tillwire/protocol/errors";
import type { DeviceMessage } from "@tillwire/protocol/messages";
import { PROTOCOL_VERSION } from "@tillwire/protocol/version";
import { Conversation } from "./conversation.ts";
import { FeedReader } from "./feed-reader.ts";
import { fencedTransact } from "./fenced.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LeadershipLost } from "./leader.ts";
import { LinkDriver } from "./link-driver.ts";
import type { Pause } from "./link-state.ts";
import type { LoopFailure, LoopHost } from "./loop-host.ts";
import { markOf } from "./mark.ts";
import { PolledStatus } from "./polled-status.ts";
import { Poller } from "./poller.ts";
import { PushPump } from "./push-pump.ts";
import { Pusher } from "./pusher.ts";
import type { Express, Frozen } from "./save.ts";
import { StatusReport } from "./status-report.ts";
import { SyncRounds } from "./sync-round.ts";
import { httpLink } from "./transports/http.ts";
import type { LinkEnd } from "./transports/link.ts";

/** Before the next link after the local database failed. */
const BROKEN_RETRY_MS = 2_000;

export class SyncLoop {
  readonly driver: LinkDriver;
  readonly #pusher: Pusher;
  readonly #pump: PushPump;
  readonly #feed: FeedReader;
  readonly #poller: Poller;
  readonly #heartbeat: Heartbeat;
  readonly #rounds: SyncRounds;
  readonly #report: StatusReport;
  readonly #conversation: Conversation;
  #running = false;
  #tokenUsed = "";
  failure: LoopFailure | null = null;
  lastSyncAt: number | null = null;
  lastContactAt: number | null = null;

  constructor(private readonly host: LoopHost) {
    const { env, options, view } = host;
    const subscribed = options.subscribe ? new Set(options.subscribe) : null;
    const now = () => env.now();
    const position = () => view.position;
    const transact = fencedTransact(host);
    const deviceId = () => host.identity().deviceId;
    this.#pusher = new Pusher({ transact, now, deviceId, subscribed });
    this.#feed = new FeedReader({
      ...{ transact, now, deviceId, position },
      pull: (syncToken) => void this.driver.send({ type: "pull", syncToken }),
    });
    this.driver = new LinkDriver(env, options.url, options.live ?? ["socket.io"], {
      hello: () => this.#hello(),
      received: (message) => {
        this.lastContactAt = now();
        this.#conversation.received(message);
      },
      ended: (end) => this.#ended(end),
      changed: () => host.changed(),
      startPolling: () => this.#poller.start(),
      stopPolling: () => this.#poller.stop(),
      pollNow: () => this.#poller.now(),
      probe: () => this.#heartbeat.probe(),
    });
    const http = httpLink(options.url, () => this.#token(), env);
    const { syncIntervalMs: intervalMs = 30_000, subscribe: collections } = options;
    const identity = { position, deviceId, status: () => host.status(), app: options.app };
    const status = new PolledStatus({ env, http, transact, ...identity });
    this.#poller = new Poller({
      ...{ env, http, status, feed: this.#feed, pusher: this.#pusher, collections, intervalMs, position },
      polled: () => this.#polled(),
      failed: (error, retryAt) => this.#pollFailed(error, retryAt),
      changed: () => {
        host.changed();
        // a cycle that a live link cut short leaves its batch to that link
        this.#pump.run();
      },
    });
    this.#pump = new PushPump({
      ...{ env, view, driver: this.driver, pusher: this.#pusher },
      broken: (error) => this.#broken(error),
      changed: () => host.changed(),
    });
    this.#heartbeat = new Heartbeat(env, {
      ping: () => this.#ping(),
      tick: () => this.#tick(),
      dead: (reason) => this.#fail(new ReplicationError("UNAVAILABLE", reason)),
      pushedAt: () => this.#pusher.inFlight?.sentAt ?? null,
    });
    this.#report = new StatusReport(host.status, (message) => void this.driver.send(message));
    this.#rounds = new SyncRounds(env, {
      isPending: (key) => (view.row(key)?.state ?? "rejected") !== "rejected",
      cursor: () => view.position.cursor,
      isAtHead: () => this.#feed.isAtHead,
    });
    const { driver } = this;
    const [pusher, pump, feed, heartbeat, rounds] = [
      this.#pusher,
      this.#pump,
      this.#feed,
      this.#heartbeat,
      this.#rounds,
    ];
    this.#conversation = new Conversation(
      { host, transact, driver, pusher, pump, feed, heartbeat, rounds },
      {
        failed: (failure) => (this.failure = failure),
        refused: (pause) => this.#refused(pause),
        arrived: () => (this.lastSyncAt = now()),
        answered: () => this.#report.ifDrained(),
        broken: (error) => this.#broken(error),
      },
    );
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
    this.#pump.stop();
    this.driver.dispatch({ type: "stop" });
    this.#rounds.fail(new ReplicationError("UNAVAILABLE", "the replica was closed"));
  }

  /** Not null while a save could leave at once, without waiting for a tx of this loop. */
  express(): Express | null {
    const { epoch } = this.host.view.position;
    return this.#running && epoch !== null && this.#pump.isIdle ? { fence: this.host.fence, epoch } : null;
  }
  sendFrozen({ rows, epoch }: Frozen): void {
    if (this.#running) this.#pump.express(rows, epoch);
  }

  /** New writes wait. */
  wake(): void {
    this.#pump.run();
    this.#poller.wake();
  }
  /** Focus, online, visible again. */
  nudge(): void {
    this.driver.dispatch({ type: "nudged" });
  }
  /** A new token: it may be another device's, so that nothing more goes over a link of the former one. */
  resume(): void {
    this.failure = null;
    if (this.driver.state.pausedFor) return this.driver.dispatch({ type: "resumed" });
    if (this.#tokenUsed !== this.host.identity().token)
      this.#fail(new ReplicationError("UNAVAILABLE", "the link was of a former token"));
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
    // a person asks: whatever was waited for after failures is not waited for any more
    this.#pump.now();
    return round;
  }

  #hello(): DeviceMessage {
    const { options, view } = this.host;
    return {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      token: this.#token(),
      syncToken: view.position.syncToken,
      mark: markOf(view.position, this.host.identity().deviceId),
      status: this.#report.first(),
      ...(options.subscribe ? { collections: [...options.subscribe] } : {}),
      ...(options.presence ? { presence: true } : {}),
      ...(options.app ? { app: options.app } : {}),
    };
  }

  #token(): string {
    this.#tokenUsed = this.host.identity().token;
    return this.#tokenUsed;
  }

  #refused(pause: Pause): void {
    // What was refused is the token before: nobody has to be asked.
    if (pause === "reauthenticate" && this.#tokenUsed !== this.host.identity().token)
      return this.#fail(new ReplicationError("UNAVAILABLE", "the former token was refused"));
    this.#heartbeat.stop();
    this.#pusher.forget();
    this.#rounds.fail(
      new ReplicationError(pause === "upgrade" ? "PROTOCOL_VERSION" : "UNAUTHENTICATED", "sync is paused"),
    );
    this.driver.dispatch({ type: "refused", pause });
  }

  /** The live link is gone. */
  #ended({ code, reason }: LinkEnd): void {
    this.#heartbeat.stop();
    // an HTTP push, if that is what is under way, is none of this link's
    const { inFlight } = this.#pusher;
    if (inFlight === null || inFlight !== this.#poller.push) this.#pusher.forget();
    if (code === 4401 || code === 4403) {
      this.failure ??= { code: code === 4403 ? "DEVICE_REVOKED" : "UNAUTHENTICATED", message: reason, retryAt: null };
      return this.#refused("reauthenticate");
    }
    if (code === 4426) return this.#refused("upgrade");
    if (code === 1009) this.#pusher.shrink();
    this.driver.dispatch({ type: "failed", retryAfterMs: this.#conversation.retryAfterMs });
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
    // A newer build has upgraded the database: only that one can go on.
    if (error instanceof DOMException && error.name === "VersionError") return this.#refused("upgrade");
    // Each welcome ends the backoff, and each link brings the first page: not as often as links can be opened.
    this.#conversation.retryAfterMs = BROKEN_RETRY_MS;
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
    this.#report.heartbeat();
  }

  #tick(): void {
    this.#feed.tick();
    this.#report.ifChanged();
  }
}
