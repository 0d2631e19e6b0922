import { adjustDigest, formatDigest } from "@tillwire/protocol/digest";
import { expect } from "vitest";

/** What a replica that applied these frames holds, and its digests. */
export function replay(frames: any[]): {
  cursor: number;
  records: Map<string, any>;
  digests: Record<string, { count: number; digest: string }>;
} {
  const records = new Map<string, any>();
  let cursor = 0;
  for (const frame of frames) {
    if (frame.to <= cursor) continue;
    expect(frame.from).toBe(cursor);
    for (const change of frame.changes) records.set(`${change.collection}/${change.localId}`, change);
    cursor = frame.to;
  }
  const sums = new Map<string, { count: number; sum: bigint }>();
  for (const change of records.values()) {
    const { count, sum } = sums.get(change.collection) ?? { count: 0, sum: 0n };
    sums.set(change.collection, { count: count + 1, sum: adjustDigest(sum, null, change) });
  }
  const digests = [...sums].map(([name, { count, sum }]) => [name, { count, digest: formatDigest(sum) }]);
  return { cursor, records, digests: Object.fromEntries(digests) };
}
