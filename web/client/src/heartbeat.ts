/**
 * Whether a live link lives: pings, and the watchdog against silent stalls (L4). Silence is counted from a ping that was sent, not from
 * the last word: in a background tab, whose timers run once a minute, the latter would cut links that are fine.
 */
import type { Environment } from "./environment.ts";
import { LIMITS } from "@tillwire/protocol/limits";

const TICK_MS = 1_000;
/** A tick that is late by more than this: the device slept. */
const JUMP_MS = 5_000;
/** Patience after a wake-up, focus or `online`. */
const PROBE_MS = 5_000;
const RESULT_MS = 30_000;

export interface HeartbeatEvents {
  ping(): void;
  /** Every second while the link is up. */
  tick(): void;
  dead(reason: string): void;
  /** When the push in flight was sent; null: none. */
  pushedAt(): number | null;
}

export class Heartbeat {
  #intervalMs = 0;
  #lastTickAt = 0;
  #pingedAt = 0;
  #unansweredSince: number | null = null;
  #patienceMs = 0;
  #cancel: (() => void) | null = null;

  constructor(
    private readonly env: Pick<Environment, "now" | "setTimer">,
    private readonly events: HeartbeatEvents,
  ) {}

  start(intervalMs: number): void {
    this.stop();
    this.#intervalMs = intervalMs;
    this.#lastTickAt = this.#pingedAt = this.env.now();
    this.heard();
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  heard(): void {
    this.#unansweredSince = null;
    this.#patienceMs = Math.max(PROBE_MS, LIMITS.deadAfterMs - this.#intervalMs);
  }

  /** Asks at once, and waits less long. */
  probe(): void {
    if (!this.#cancel) return;
    this.#ping();
    this.#unansweredSince = this.env.now();
    this.#patienceMs = PROBE_MS;
  }

  #schedule(): void {
    this.#cancel = this.env.setTimer(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    this.#schedule();
    const now = this.env.now();
    const lateMs = now - this.#lastTickAt - TICK_MS;
    this.#lastTickAt = now;
    // also when the clock was set back: all that was counted from it is void
    if (lateMs > JUMP_MS || lateMs < -TICK_MS) return this.probe();
    if (this.#unansweredSince !== null && now - this.#unansweredSince >= this.#patienceMs) {
      return this.events.dead("nothing heard");
    }
    const pushedAt = this.events.pushedAt();
    if (pushedAt !== null && Math.abs(now - pushedAt) >= RESULT_MS) return this.events.dead("no result");
    if (now - this.#pingedAt >= this.#intervalMs) this.#ping();
    this.events.tick();
  }

  #ping(): void {
    this.#pingedAt = this.env.now();
    this.#unansweredSince ??= this.#pingedAt;
    this.events.ping();
  }
}
