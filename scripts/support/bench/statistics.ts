/** Numbers about numbers. */

/** @param values in any order @param share 0.5: the median; nearest rank @returns NaN where there are none */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export interface Latencies {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export function latenciesOf(values: readonly number[]): Latencies {
  const at = (share: number): number => percentile(values, share);
  return { count: values.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** The curve of a distribution, as points of (share, value): what a plot needs of many thousand values. */
export function curveOf(values: readonly number[]): [number, number][] {
  const shares = [
    0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 1,
  ];
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? [] : shares.map((share) => [share, percentileOfSorted(sorted, share)]);
}

function percentileOfSorted(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

/** Events a second over time, from the moments (ms) at which they happened, none before `start`. @returns points of (second, rate) */
export function rateOverTime(
  momentsMs: readonly number[],
  bucketMs = 200,
  start = leastOf(momentsMs),
): [number, number][] {
  if (momentsMs.length === 0) return [];
  const counts: number[] = [];
  for (const moment of momentsMs) {
    const bucket = Math.floor((moment - start) / bucketMs);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return Array.from(counts, (count, i) => [(i * bucketMs) / 1_000, ((count ?? 0) * 1_000) / bucketMs]);
}

function leastOf(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}
