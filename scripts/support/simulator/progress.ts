/** How far a batch is: a bar that moves on a terminal, a line now and then in a log. */
import type { Totals } from "./batch.ts";
import type { Told } from "./worker.ts";

const BAR_WIDTH = 24;
const TERMINAL_EVERY_MS = 250;
const LOG_EVERY_MS = 30_000;
const CLEAR_LINE = "\r\u001b[K";

/** One line: `[#####-----] 50 of 100 seeds, 1210 x real time, 0 violations, 40 s to go`. */
export function progressLine(totals: Totals, count: number, elapsedMs: number): string {
  const { seeds, virtualMs, failed } = totals;
  const filled = Math.round((seeds / count) * BAR_WIDTH);
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
  const toGo = seeds === 0 ? "" : `, ${spanOf((elapsedMs / seeds) * (count - seeds))} to go`;
  const speed = `${Math.round(virtualMs / Math.max(elapsedMs, 1))} x real time`;
  return `${bar} ${seeds} of ${count} seeds, ${speed}, ${violations(failed.length)}${toGo}`;
}

export function violations(count: number): string {
  return `${count} ${count === 1 ? "violation" : "violations"}`;
}

export function failureLine({
  seed,
  violation,
  isRepeatable,
}: Pick<Told, "seed" | "violation" | "isRepeatable">): string {
  const found = violation ? ` ${violation.invariant} ${violation.what}` : "";
  return `seed ${seed}:${found}${isRepeatable ? "" : " NOT REPEATABLE"}`;
}

/** `42 s`, `12 min`, `1 h 5 min`. */
export function spanOf(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** @returns ends it */
export function showProgress(totals: Totals, count: number, out: Screen): () => void {
  const startedAt = performance.now();
  const line = (): string => progressLine(totals, count, performance.now() - startedAt);
  let told = 0;
  const show = (): void => {
    // What was found is told at once: a long run need not end for somebody to look for the cause.
    for (const failure of totals.failed.slice(told))
      out.write(`${out.isTTY ? CLEAR_LINE : ""}${failureLine(failure)}\n`);
    told = totals.failed.length;
    // What is wider than the terminal would leave pieces of itself behind.
    out.write(out.isTTY ? CLEAR_LINE + line().slice(0, Math.max(20, (out.columns ?? 80) - 1)) : `${line()}\n`);
  };
  show();
  const timer = setInterval(show, out.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS);
  return () => {
    clearInterval(timer);
    if (out.isTTY) out.write(CLEAR_LINE);
  };
}
