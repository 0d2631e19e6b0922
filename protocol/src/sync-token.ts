/**
 * The opaque sync token: a cursor with the epoch that it belongs to and, where a device chose its collections, a fingerprint of
 * the choice, since a cursor says nothing about collections that were not read.
 */
import { sha256Hex } from "./hash.ts";

export interface SyncPosition {
  readonly epoch: string;
  /** Highest seq applied. */
  readonly cursor: number;
  /** `allCollections` or the fingerprint of the chosen ones. */
  readonly choice: string;
}

const SHAPE = /^tw1\.([A-Za-z0-9-]{1,64})\.(\d{1,16})\.([a-z0-9]{1,16})$/;

/** The choice of a device that named no collections. */
export const ALL_COLLECTIONS = "all";

/** Order and repetition of the names do not matter. */
export function choiceOf(collections: readonly string[] | undefined | null): string {
  if (!collections) return ALL_COLLECTIONS;
  return sha256Hex([...new Set(collections)].sort().join(",")).slice(0, 12);
}

export function formatSyncToken(position: SyncPosition): string {
  return `tw1.${position.epoch}.${position.cursor}.${position.choice}`;
}

/** Null for anything that this server never gave. */
export function parseSyncToken(token: string): SyncPosition | null {
  const match = SHAPE.exec(token);
  if (!match) return null;
  const cursor = Number(match[2]);
  return Number.isSafeInteger(cursor) ? { epoch: match[1]!, cursor, choice: match[3]! } : null;
}
