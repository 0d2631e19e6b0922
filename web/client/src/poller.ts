/** The way without live links: push and pull over HTTP, every interval, at once for new writes, with backoff after failures. */
import { ReplicationError } from "@tillwire/protocol/errors";
import type { Reset } from "@tillwire/protocol/messages";
import { REQUEST_BACKOFF, retryDelayMs } from "./backoff.ts";
import type { Environment } from "./environment.ts";
import type { FeedReader } from "./feed-reader.ts";
import { mayOfferAgain } from "./fresh-base.ts";
import type { SyncRow } from "./local-store.ts";
import type { PolledStatus } from "./polled-status.ts";
import type { Push, Pusher } from "./pusher.ts";
import type { HttpLink } from "./transports/http.ts";
import { parseServerMessage } from "./wire.ts";

type Requests = Pick<HttpLink, "push" | "pull">;

const RESETS_PER_CYCLE = 3;

export interface PollerHost {
  readonly env: Pick<Environment, "now" | "random" | "setTimer">;
  readonly http: HttpLink;
  readonly feed: FeedReader;
  readonly pusher: Pusher;
  readonly collections: readonly string[] | undefined;
  readonly intervalMs: number;
  position(): SyncRow;
  /** Told at the end of each poll. */
  readonly status: Pick<PolledStatus, "begin" | "tell">;
  polled(): void;
  failed(error: unknown, retryAt: number | null): void;
  changed(): void;
}

export class Poller {
  #on = false;
  #failures = 0;
  #resets = 0;
  #stops = 0;
  #cancelTimer: (() => void) | null = null;
  #cycle: Promise<void> | null = null;
  #again = false;
  /** Under way over HTTP. */
  push: Push | null = null;

  constructor(private readonly host: PollerHost) {}

  get isBusy(): boolean {
    return this.#cycle !== null;
  }

  start(): void {
    this.#on = true;
    this.host.status.begin();
    this.now();
  }

  /** Ends the requests under way: whatever they would have brought is asked for again, wherever that goes. */
  stop(): void {
    this.#on = false;
    this.#failures = 0;
    this.#stops++;
    this.#cancelTimer?.();
    this.host.http.abort();
  }

  /** New writes, or a nudge. After failures the backoff decides, not the writes. */
  wake(): void {
    if (this.#on && this.#failures === 0) this.now();
  }

  /** Polls, unless it is not wanted any more. */
  now(): void {
    if (this.#on) void this.cycle().catch(() => undefined);
  }

  /** One round: everything that waits is offered, then the feed read to its head. A cycle that runs makes another one at its end. */
  cycle(): Promise<void> {
    // it may have offered already what waited
    this.#again = true;
    if (this.#cycle) return this.#cycle;
    this.#cancelTimer?.();
    this.#cycle = this.#run().finally(() => {
      this.#cycle = null;
      this.host.changed();
    });
    this.host.changed();
    return this.#cycle;
  }

  async #run(): Promise<void> {
    this.#resets = 0;
    const { http } = this.host;
    const stops = this.#stops;
    // A request that would begin after a live link took over is not made any more.
    const unlessStopped =
      <A extends unknown[]>(request: (...args: A) => Promise<unknown>) =>
      async (...args: A) => {
        if (stops !== this.#stops) throw new ReplicationError("UNAVAILABLE", "a live link took over");
        return request(...args);
      };
    const link: Requests = {
      push: unlessStopped((...args: Parameters<HttpLink["push"]>) => http.push(...args)),
      pull: unlessStopped((...args: Parameters<HttpLink["pull"]>) => http.pull(...args)),
    };
    try {
      while (this.#again) {
        this.#again = false;
        // A push names its epoch, so the feed has to be known first; after a restore, all of it.
        const position = this.host.position();
        if (position.syncToken === null || mayOfferAgain(position)) await this.#pullToHead(link);
        await this.#pushAll(link);
        await this.#pullToHead(link);
        if (stops === this.#stops) await this.host.status.tell();
      }
    } catch (error) {
      this.#failures++;
      const retryAfterMs = error instanceof ReplicationError ? error.retryAfterMs : undefined;
      const delayMs = retryDelayMs(this.#failures, this.host.env.random(), REQUEST_BACKOFF, retryAfterMs);
      this.#schedule(delayMs);
      this.host.failed(error, this.#on ? this.host.env.now() + delayMs : null);
      throw error;
    }
    this.#failures = 0;
    this.#schedule(this.host.intervalMs);
    this.host.polled();
  }

  #schedule(delayMs: number): void {
    if (this.#on) this.#cancelTimer = this.host.env.setTimer(() => this.now(), delayMs);
  }

  async #pushAll(link: Requests): Promise<void> {
    const { pusher } = this.host;
    for (;;) {
      const push = await pusher.take();
      if (!push) return;
      this.push = push;
      try {
        const message = parseServerMessage(await link.push(push.id, this.host.position().syncToken, push.writes));
        if (message?.type === "reset") {
          await this.#reset(message);
          await this.#pullToHead(link);
          continue;
        }
        if (message?.type !== "pushed") throw new ReplicationError("UNAVAILABLE", "the answer is no result");
        const { settled, restored } = await pusher.settle(message.id, message.results);
        if (settled === 0) throw new ReplicationError("UNAVAILABLE", "the answer settled nothing");
        if (restored) await this.#pullToHead(link);
      } catch (error) {
        if (error instanceof ReplicationError && error.code === "TOO_LARGE") pusher.shrink();
        throw error;
      } finally {
        this.push = null;
        pusher.giveUp(push);
      }
    }
  }

  // Nodes that disagree about the epoch must not keep a device reading in circles.
  async #reset(message: Reset): Promise<void> {
    if (++this.#resets > RESETS_PER_CYCLE) throw new ReplicationError("RESET", "one reset after another");
    await this.host.feed.reset(message);
  }

  async #pullToHead(link: Requests): Promise<void> {
    const { feed, collections } = this.host;
    for (;;) {
      const before = this.host.position();
      const message = parseServerMessage(await link.pull(before.syncToken, collections));
      if (message?.type === "reset") {
        await this.#reset(message);
        continue;
      }
      if (message?.type !== "changes") throw new ReplicationError("UNAVAILABLE", "the answer is no frame");
      await feed.take(message);
      const after = this.host.position();
      if (after.base === after.visible && after.cursor >= message.head) return;
      // A fresh base was begun, or a page applied: go on. Anything else would go round in circles.
      if (after.base === before.base && after.cursor === before.cursor)
        throw new ReplicationError("UNAVAILABLE", "the feed does not move");
    }
  }
}
