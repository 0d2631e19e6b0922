/**
 * The digest by which a replica proves that it equals the server: per collection the sum modulo 2^64, over all records, of the
 * first 8 bytes (big-endian) of SHA-256 over `localId|syncVersion|hash|0` (1 for a tombstone). Order does not matter, and a
 * change adjusts it by a subtraction and an addition.
 */
import { sha256Hex } from "./hash.ts";

const MASK = (1n << 64n) - 1n;

export interface DigestedRecord {
  readonly localId: string;
  readonly syncVersion: number;
  readonly hash: string;
  readonly deleted: boolean;
}

/** One record's share of its collection's digest. */
export function digestOf(record: DigestedRecord): bigint {
  const text = `${record.localId}|${record.syncVersion}|${record.hash}|${record.deleted ? 1 : 0}`;
  return BigInt("0x" + sha256Hex(text).slice(0, 16));
}

/** The sum after a record's value was replaced; `before` null for a new record, `after` null for one that leaves. */
export function adjustDigest(sum: bigint, before: DigestedRecord | null, after: DigestedRecord | null): bigint {
  return (sum - (before ? digestOf(before) : 0n) + (after ? digestOf(after) : 0n)) & MASK;
}

/** 16 lower-case hex digits, as on the wire. */
export function formatDigest(sum: bigint): string {
  return (sum & MASK).toString(16).padStart(16, "0");
}

export function parseDigest(text: string): bigint {
  return BigInt("0x" + text);
}
