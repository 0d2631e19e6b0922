/** Drives pushes over the live link: the next batch as soon as the last one is answered, later when the server asks for it. */
import { retryDelayMs, REQUEST_BACKOFF } from "./backoff.ts";
import type { Environment } from "./environment.ts";
import { mayOfferAgain } from "./fresh-base.ts";
import type { LinkDriver } from "./link-driver.ts";
import type { SyncRow } from "./local-store.ts";
import type { OutboxRow } from "./outbox.ts";
import type { Push, Pusher } from "./pusher.ts";
import type { View } from "./view.ts";

export interface PumpHost {
  readonly env: Pick<Environment, "now" | "random" | "setTimer">;
  readonly view: View;
  readonly driver: LinkDriver;
  readonly pusher: Pusher;
  /** The local database failed. */
  broken(error: unknown): void;
  changed(): void;
}

export class PushPump {
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  /** Until when the server asked to wait; device clock, epoch ms. */
  #askedUntil = 0;

  constructor(private readonly host: PumpHost) {}

  /** Sends the next batch, if there is one, a live link to send it over, and nothing in flight. */
  run(): void {
    void this.#run().catch((error: unknown) => this.host.broken(error));
  }

  /** The same at once, whatever the backoff says; what the server asked for is waited for. */
  now(): void {
    if (this.host.env.now() >= this.#askedUntil) this.stop();
    this.run();
  }

  /** Whether what is saved now can leave at once: a live link, nothing in flight, nothing older that waits. */
  get isIdle(): boolean {
    const { driver, pusher, view } = this.host;
    return driver.isLive && !pusher.isBusy && !this.#cancelRetry && !view.hasPending && mayPush(view.position);
  }

  /** Sends rows that were frozen as they were saved. Where that can't be any more they go with the next batch. */
  express(rows: readonly OutboxRow[], epoch: string): void {
    const { driver, pusher } = this.host;
    const push = driver.isLive && !this.#cancelRetry ? pusher.adopt(rows, epoch) : null;
    if (push) this.#send(push);
  }

  /** A push was answered. @param settled how many writes the answer settled */
  answered(settled: number): void {
    if (settled > 0) this.#failures = 0;
    else if (!this.host.pusher.inFlight) return this.later(0);
    this.run();
  }

  /** Not before the server asked for it, and less and less often while it goes on failing. */
  later(retryAfterMs: number): void {
    const { env } = this.host;
    const delayMs = retryDelayMs(++this.#failures, env.random(), REQUEST_BACKOFF, retryAfterMs);
    this.#askedUntil = env.now() + retryAfterMs;
    this.#cancelRetry?.();
    this.#cancelRetry = env.setTimer(() => {
      this.#cancelRetry = null;
      this.run();
    }, delayMs);
  }

  stop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  async #run(): Promise<void> {
    const { driver, pusher, view } = this.host;
    if (!driver.isLive || pusher.isBusy || this.#cancelRetry) return;
    if (!view.hasPending || !mayPush(view.position)) return;
    const { serial } = driver;
    const push = await pusher.take();
    if (!push) return;
    if (serial === driver.serial) this.#send(push);
    else pusher.giveUp(push);
    this.host.changed();
  }

  // Whatever becomes of the link: the batch is frozen and will be sent again as it is.
  #send(push: Push): void {
    const { driver, pusher } = this.host;
    if (!driver.send({ type: "push", id: push.id, writes: [...push.writes] })) pusher.giveUp(push);
  }
}

/** A write's result needs the epoch that its seq belongs to; the first frame tells it. */
function mayPush(position: SyncRow): boolean {
  return position.epoch !== null && !mayOfferAgain(position);
}
