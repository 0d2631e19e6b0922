/**
 * What people see of a record (S5): the server's value, overlaid by a settled write that the feed has not brought yet, overlaid by this
 * device's own side of an open conflict, overlaid by what waits in the outbox. Pure.
 */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Base, Change } from "@tillwire/protocol/messages";
import type { RecordSync, ReplicaRecord } from "./api.ts";
import type { Overlay } from "./local-store.ts";
import { positionOf, type OutboxRow } from "./outbox.ts";

export const NO_VALUE: Base = { version: 0, hash: null };

/** The latest value that the server is known to hold, or undefined. */
export function settledOf<B extends Change>(
  base: B | undefined,
  overlay: Overlay | undefined,
): B | Overlay | undefined {
  // seqs compare within one epoch only; while a fresh base is read, overlays of either stand above what lies aside
  return overlay ?? base;
}

export function settledPosition(base: Change | undefined, overlay: Overlay | undefined): Base {
  const settled = settledOf(base, overlay);
  return settled ? { version: settled.syncVersion, hash: settled.hash } : NO_VALUE;
}

/**
 * @param rows the record's outbox rows in the order of their keys
 * @param deviceId of this device, whose writes wait here
 * @param conflict the open one in which this device's own side waits, unless a choice about it waits in the outbox
 * @returns undefined where there is no record, or a deleted one
 */
export function visibleOf(
  base: Change | undefined,
  overlay: Overlay | undefined,
  rows: readonly OutboxRow[],
  deviceId: string,
  conflict?: ConflictData,
): ReplicaRecord<unknown> | undefined {
  const settled = settledOf(base, overlay);
  if (rows.length === 0 && !conflict) return settled && syncedRecord(settled);
  const attention = rows.find((row) => row.state === "rejected");
  // A deletion that was refused did not happen: what it was to delete is seen again.
  const last = rows.findLast((row) => !(row.state === "rejected" && row.op === "delete"));
  const sync: RecordSync = attention ? "attention" : last ? (last.state === "sent" ? "sending" : "saved") : "synced";
  const error = attention?.error ? { error: attention.error } : {};
  const open = conflict ? { conflict: conflict.id } : {};
  const beneath = conflict && settled ? { server: serverValue(settled) } : {};
  if (!last) {
    if (conflict && !conflict.client.deleted) return { ...ownSide(conflict, settled, deviceId), ...beneath, ...error };
    const shown = settled && syncedRecord(settled);
    return shown && { ...shown, sync: conflict ? "attention" : sync, ...open, ...error };
  }
  if (last.op === "delete") return undefined;
  const { collection, localId, data, syncVersion, hash, reoffer } = last;
  return {
    ...{ collection, localId, data, syncVersion, hash, sync, ...open, ...beneath, ...error },
    readAt: positionOf(last),
    createdBy: settled?.createdBy ?? rows.find((row) => row.reoffer)?.reoffer?.createdBy ?? deviceId,
    deviceId: reoffer?.deviceId ?? deviceId,
    updatedAt: reoffer?.updatedAt ?? last.editedAt,
  };
}

/** Nearly every record, nearly always: nothing of this device's own waits or lost. */
function syncedRecord(settled: Change | Overlay): ReplicaRecord<unknown> | undefined {
  if (settled.deleted) return undefined;
  const { collection, localId, data, syncVersion, hash, createdBy, deviceId, updatedAt, seq } = settled;
  const readAt = { version: syncVersion, hash };
  return { collection, localId, data, syncVersion, hash, readAt, createdBy, deviceId, updatedAt, sync: "synced", seq };
}

/** Further edits are made on the side that lost, so that the server puts them in its place. */
function ownSide(
  { id, collection, recordId, client }: ConflictData,
  settled: Change | Overlay | undefined,
  deviceId: string,
): ReplicaRecord<unknown> {
  const { data, syncVersion, hash, at } = client;
  return {
    ...{ collection, localId: recordId, data, syncVersion, hash, deviceId },
    readAt: { version: syncVersion, hash },
    createdBy: settled?.createdBy ?? deviceId,
    updatedAt: at,
    sync: "attention",
    conflict: id,
  };
}

function serverValue({ data, syncVersion, hash, deviceId, updatedAt, deleted }: Change | Overlay) {
  return { data: deleted ? null : data, hash, readAt: { version: syncVersion, hash }, deviceId, updatedAt };
}
