/** A change as JSON text, encoded once; the same members in the same order as the feed's SQL builds them. */
import type { EncodedChange, Stamp } from "./store.ts";

/** Where a change stands in the feed. */
export interface ChangePlace {
  readonly seq: number;
  readonly updatedAt: number;
  readonly stamp?: Stamp;
}

export interface ChangeParts {
  readonly collection: string;
  readonly localId: string;
  readonly syncVersion: number;
  readonly hash: string;
  readonly deleted: boolean;
  readonly deviceId: string;
  readonly createdBy: string;
  readonly dataJson: string | null;
}

/** Ids, names and hashes are of characters that JSON need not escape (messages.ts): plain concatenation is safe. */
export function encodeChange(change: ChangeParts, { seq, updatedAt, stamp = null }: ChangePlace): EncodedChange {
  return {
    seq,
    collection: change.collection,
    stamp,
    json:
      `{"seq":${seq},"collection":"${change.collection}","localId":"${change.localId}","syncVersion":${change.syncVersion}` +
      `,"hash":"${change.hash}","deleted":${change.deleted},"deviceId":"${change.deviceId}","createdBy":"${change.createdBy}"` +
      `,"updatedAt":${updatedAt},"data":${change.dataJson ?? "null"}}`,
  };
}
