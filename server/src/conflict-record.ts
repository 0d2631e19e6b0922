/** Conflicts as records of the collection `conflicts`: what is kept of a clash, and as which row. Pure. */
import { conflicts, SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { boundedDifferences, fieldDifferences } from "@tillwire/protocol/differences";
import { hashOf, sha256Hex } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { ConflictKind, ConflictPolicy, FieldDifference } from "@tillwire/protocol/messages";
import { asSentOf, compact, openConflictKey, type CheckedWrite } from "./checked-write.ts";
import type { ConflictSummary, PlannedRow, StoredRecord } from "./store/store.ts";

export interface DecidedConflict {
  readonly summary: ConflictSummary;
  readonly row: PlannedRow;
}

/** The seed's table of conflict types, and a new record that bears another's id. */
export function conflictKindOf(write: CheckedWrite, current: StoredRecord): ConflictKind {
  if (isNewRecord(write)) return "ID_TAKEN";
  if (current.deleted) return "DELETED_ITEM";
  if (write.syncVersion < current.syncVersion) return "VERSION_MISMATCH";
  return write.syncVersion === current.syncVersion ? "HASH_MISMATCH" : "CONCURRENT_MODIFICATION";
}

/** Whether its device made a record, rather than a version of one that it knew. What is offered again after a restore was one once. */
export function isNewRecord(write: CheckedWrite): boolean {
  return write.base?.version === 0 && !write.reoffer;
}

/** A conflict's id follows from the write as sent: one write, however often retried and on however many nodes, makes one conflict. */
export function conflictIdOf(write: CheckedWrite, kind: ConflictKind): string {
  const sent = asSentOf(write);
  const key = [sent.collection, sent.localId, sent.deviceId, sent.syncVersion, sent.hash, sent.base].join("|");
  // A write may both overwrite another device's version and claim a taken number.
  return `${kind === "NUMBER_TAKEN" ? "n" : "c"}-${sha256Hex(key).slice(0, 40)}`;
}

/** A conflict between `write` and `server` that a policy settled at once. */
export function conflictOf(
  write: CheckedWrite,
  server: StoredRecord,
  policy: ConflictPolicy,
  settlement: "SERVER" | "CLIENT" | "MERGED",
  nowMs: number,
  kind: ConflictKind = conflictKindOf(write, server),
  fields: readonly FieldDifference[] = fieldDifferences(write.data, server.data, settlement),
): DecidedConflict {
  const settled = { settledAt: nowMs, settledBy: SERVER_DEVICE_ID, settlement };
  return decidedConflict({
    ...bothSides(write, server, nowMs),
    ...{ id: conflictIdOf(write, kind), kind, policy, status: "settled", ...settled },
    fields: boundedDifferences(fields),
  });
}

/** A conflict that waits for a person: the server's value stands until then. */
export function openConflictOf(write: CheckedWrite, server: StoredRecord, nowMs: number): DecidedConflict {
  const kind = conflictKindOf(write, server);
  const open = { settledAt: null, settledBy: null, settlement: null };
  return decidedConflict({
    ...bothSides(write, server, nowMs),
    ...{ id: conflictIdOf(write, kind), kind, policy: "MANUAL", status: "open", ...open },
    fields: openFields(write.data, server.data),
  });
}

export function openFields(client: unknown, server: unknown): FieldDifference[] {
  return boundedDifferences(fieldDifferences(client, server, "OPEN"));
}

function decidedConflict(data: ConflictData): DecidedConflict {
  return { summary: summaryOf(data), row: conflictRow(data, null) };
}

function bothSides(write: CheckedWrite, server: StoredRecord, nowMs: number) {
  return {
    collection: write.collection.name,
    recordId: write.localId,
    base: write.base,
    client: clientSide(write, nowMs),
    server: serverSide(server),
    createdAt: nowMs,
  };
}

export function clientSide(write: CheckedWrite, nowMs: number): ConflictData["client"] {
  return {
    syncVersion: write.syncVersion,
    hash: write.hash,
    deleted: write.deleted,
    deviceId: write.author,
    at: nowMs,
    data: compact(write.data),
  };
}

const MAX_ATTEMPTS = 3;
/** Of a conflict's record, in characters of JSON: as the database writes it, and in a frame, it must still fit into one message. */
const MAX_LENGTH = 1024 * 1024;

/** With what came too late to take effect: the latest few, and no more than there is room for; at least this one, whatever its size. */
export function withAttempt(conflict: ConflictData, write: CheckedWrite, nowMs: number): ConflictData {
  let attempts = [...(conflict.attempts ?? []), clientSide(write, nowMs)].slice(-MAX_ATTEMPTS);
  const isTooLarge = (): boolean => JSON.stringify({ ...conflict, attempts }).length > MAX_LENGTH;
  while (attempts.length > 1 && isTooLarge()) attempts = attempts.slice(1);
  return { ...conflict, attempts };
}

export function serverSide(server: StoredRecord): ConflictData["server"] {
  return {
    syncVersion: server.syncVersion,
    hash: server.hash,
    deleted: server.deleted,
    deviceId: server.deviceId,
    at: server.updatedAt,
    data: compact(server.data),
  };
}

/** What results tell of a conflict. */
export function summaryOf({ id, kind, policy, fields }: ConflictData): ConflictSummary {
  return { id, kind, policy, fields };
}

/** The conflict that a stored record is. Only the server writes them. */
export function conflictIn(stored: StoredRecord): ConflictData {
  return stored.data as ConflictData;
}

/** A conflict record nests the data of both sides a few levels deeper than a device could. */
const CONFLICT_DEPTH = LIMITS.jsonDepth + 8;

/**
 * @param replaced the conflict's record as it stands; null: it is new
 */
export function conflictRow(data: ConflictData, replaced: StoredRecord | null): PlannedRow {
  return {
    collection: conflicts.name,
    localId: data.id,
    expect: { version: replaced?.syncVersion ?? 0, hash: replaced?.hash ?? null },
    syncVersion: (replaced?.syncVersion ?? 0) + 1,
    hash: hashOf(data, CONFLICT_DEPTH),
    sentVersion: null,
    sentHash: null,
    base: replaced && { version: replaced.syncVersion, hash: replaced.hash },
    // One open conflict a record and device, whatever happens at once elsewhere: the commit refuses a second.
    uniqueKey: data.status === "open" ? openConflictKey(data.collection, data.recordId, data.client.deviceId) : null,
    createdBy: SERVER_DEVICE_ID,
    deviceId: SERVER_DEVICE_ID,
    deleted: false,
    reoffered: false,
    dataJson: JSON.stringify(data),
    updatedAt: null,
  };
}
