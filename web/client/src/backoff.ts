/**
 * How long to wait before the next try: exponential with full jitter, so that a shop full of registers does not come back in step
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const LINK_BACKOFF: Backoff = { firstMs: 500, maxMs: 30_000 };
export const REQUEST_BACKOFF: Backoff = { firstMs: 1_000, maxMs: 30_000 };

/**
 * @param failures in a row so far, at least 1
 * @param random in [0, 1)
 * @param atLeastMs what the server asked for (`retryAfterMs`)
 */
export function retryDelayMs(failures: number, random: number, backoff: Backoff, atLeastMs = 0): number {
  // 2^20 is beyond every cap; an unbounded exponent would end in Infinity
  const ceilingMs = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 20));
  return atLeastMs + Math.floor(random * ceilingMs);
}
