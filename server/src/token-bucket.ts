/** A rate with bursts, per key. Buckets that are full again say nothing and are forgotten. */
export interface TokenBuckets {
  /** 0: go ahead; otherwise how long to wait, in ms. */
  take(key: string): number;
  /** What was taken did no harm. */
  giveBack(key: string): void;
}

interface Bucket {
  tokens: number;
  at: number;
}

const SWEEP_ABOVE = 1_000;

export function createTokenBuckets(
  rate: { readonly perSecond: number; readonly burst: number },
  now: () => number,
): TokenBuckets {
  const buckets = new Map<string, Bucket>();

  function refill(bucket: Bucket, at: number): void {
    // A clock that was set back refills nothing.
    bucket.tokens = Math.min(rate.burst, bucket.tokens + (Math.max(0, at - bucket.at) / 1_000) * rate.perSecond);
    bucket.at = at;
  }

  function forgetFull(at: number): void {
    for (const [key, bucket] of buckets) {
      refill(bucket, at);
      if (bucket.tokens >= rate.burst) buckets.delete(key);
    }
  }

  return {
    take(key) {
      const at = now();
      let bucket = buckets.get(key);
      if (!bucket) {
        if (buckets.size >= SWEEP_ABOVE) forgetFull(at);
        bucket = { tokens: rate.burst, at };
        buckets.set(key, bucket);
      }
      refill(bucket, at);
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return 0;
      }
      return Math.ceil(((1 - bucket.tokens) / rate.perSecond) * 1_000);
    },
    giveBack(key) {
      const bucket = buckets.get(key);
      if (bucket) bucket.tokens = Math.min(rate.burst, bucket.tokens + 1);
    },
  };
}
