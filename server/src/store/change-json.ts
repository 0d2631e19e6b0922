/** A change as JSON text, encoded once; the same members in the same order as the feed's SQL builds them. */
import type { EncodedChange, Stamp } from "./store.ts";

export interface ChangeParts {
  readonly seq: number;
  readonly collection: string;
  readonly localId: string;
  readonly syncVersion: number;
  readonly hash: string;
  readonly deleted: boolean;
  readonly deviceId: string;
  readonly createdBy: string;
  readonly updatedAt: number;
  readonly dataJson: string | null;
  readonly stamp?: Stamp;
}

/** Ids, names and hashes are of characters that JSON need not escape (messages.ts): plain concatenation is safe. */
export function encodeChange(change: ChangeParts): EncodedChange {
  return {
    seq: change.seq,
    collection: change.collection,
    stamp: change.stamp ?? null,
    json:
      `{"seq":${change.seq},"collection":"${change.collection}","localId":"${change.localId}","syncVersion":${change.syncVersion}` +
      `,"hash":"${change.hash}","deleted":${change.deleted},"deviceId":"${change.deviceId}","createdBy":"${change.createdBy}"` +
      `,"updatedAt":${change.updatedAt},"data":${change.dataJson ?? "null"}}`,
  };
}
