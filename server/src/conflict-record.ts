/** Conflicts as records of the collection `conflicts`. */
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { fieldDifferences } from "@tillwire/protocol/differences";
import { hashOf, sha256Hex } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { ConflictKind, ConflictPolicy, FieldDifference } from "@tillwire/protocol/messages";
import { asSentOf, type CheckedWrite } from "./checked-write.ts";
import type { ConflictSummary, PlannedRow, StoredRecord } from "./store/store.ts";

export interface DecidedConflict {
  readonly summary: ConflictSummary;
  readonly row: PlannedRow;
}

/** The seed's table of conflict types. */
export function conflictKindOf(write: CheckedWrite, current: StoredRecord): ConflictKind {
  if (current.deleted) return "DELETED_ITEM";
  if (write.syncVersion < current.syncVersion) return "VERSION_MISMATCH";
  return write.syncVersion === current.syncVersion ? "HASH_MISMATCH" : "CONCURRENT_MODIFICATION";
}

/** A conflict's id follows from the write as sent: one write, however often retried and on however many nodes, makes one conflict. */
export function conflictIdOf(write: CheckedWrite, kind: ConflictKind): string {
  const sent = asSentOf(write);
  const key = [sent.collection, sent.localId, sent.deviceId, sent.syncVersion, sent.hash, sent.base].join("|");
  // A write may both overwrite another device's version and claim a taken number.
  return `${kind === "NUMBER_TAKEN" ? "n" : "c"}-${sha256Hex(key).slice(0, 40)}`;
}

/** A conflict record nests the data of both sides a few levels deeper than a device could. */
const CONFLICT_DEPTH = LIMITS.jsonDepth + 8;

/** A settled conflict between `write` and `server`, with the record that keeps both sides whole. */
export function conflictOf(
  write: CheckedWrite,
  server: StoredRecord,
  policy: ConflictPolicy,
  settlement: "SERVER" | "CLIENT" | "MERGED",
  nowMs: number,
  kind: ConflictKind = conflictKindOf(write, server),
  fields: readonly FieldDifference[] = fieldDifferences(write.data, server.data, settlement),
): DecidedConflict {
  const id = conflictIdOf(write, kind);
  const data: ConflictData = {
    id,
    collection: write.collection.name,
    recordId: write.localId,
    kind,
    policy,
    status: "settled",
    base: write.base,
    client: {
      syncVersion: write.syncVersion,
      hash: write.hash,
      deleted: write.deleted,
      deviceId: write.author,
      at: nowMs,
      data: write.data,
    },
    server: {
      syncVersion: server.syncVersion,
      hash: server.hash,
      deleted: server.deleted,
      deviceId: server.deviceId,
      at: server.updatedAt,
      data: server.data,
    },
    fields: [...fields],
    createdAt: nowMs,
    settledAt: nowMs,
    settledBy: SERVER_DEVICE_ID,
    settlement,
  };
  const row: PlannedRow = {
    collection: "conflicts",
    localId: id,
    expect: { version: 0, hash: null },
    syncVersion: 1,
    hash: hashOf(data, CONFLICT_DEPTH),
    sentVersion: null,
    sentHash: null,
    base: null,
    uniqueKey: null,
    createdBy: SERVER_DEVICE_ID,
    deviceId: SERVER_DEVICE_ID,
    deleted: false,
    reoffered: false,
    dataJson: JSON.stringify(data),
    updatedAt: null,
  };
  return { summary: { id, kind, policy, fields }, row };
}
