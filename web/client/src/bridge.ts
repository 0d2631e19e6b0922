/**
 * Between the result of a write and the frame that brings its conflict's record, nothing shall flicker: what the result tells of the conflict
 * lies over the collection `conflicts` until the feed has brought as much.
 */
import { conflicts, SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import type { Change, Result } from "@tillwire/protocol/messages";
import type { Overlay, SyncRow, WriteTx } from "./local-store.ts";
import { NO_VALUE } from "./visible.ts";
import type { OutboxRow } from "./outbox.ts";
import type { Answer } from "./settle.ts";
import { settlesItsConflict } from "./settlement.ts";

/** Beyond every seq: such an overlay goes by what it says, see `isBrought`. */
const NO_SEQ = Number.MAX_SAFE_INTEGER;

/** Whether the feed's version of an overlaid record makes the overlay superfluous. */
export function isBrought(overlay: Overlay, change: Pick<Change, "seq" | "data">): boolean {
  if (overlay.collection !== conflicts.name) return overlay.seq <= change.seq;
  return tellsAsMuch(change.data as ConflictData, overlay.data as ConflictData);
}

// Versions of one device's edits rise, and what is settled stays settled.
function tellsAsMuch(theirs: ConflictData, ours: ConflictData): boolean {
  if (theirs.status === "settled") return true;
  return ours.status === "open" && theirs.client.syncVersion >= ours.client.syncVersion;
}

/** Lays what a result tells of a conflict over what this device holds of it. */
export async function bridge(
  tx: WriteTx,
  sync: SyncRow,
  row: OutboxRow,
  result: Result,
  answer: Answer,
): Promise<void> {
  const { epoch, subscribed } = answer;
  if (epoch === null || (subscribed && !subscribed.has(conflicts.name))) return;
  const id = result.conflict?.id ?? row.resolves;
  if (id === undefined) return;
  const [base, before] = await Promise.all([
    tx.record(sync.visible, conflicts.name, id),
    tx.overlay(conflicts.name, id),
  ]);
  const known = (before ?? base)?.data as ConflictData | undefined;
  const told = id === row.resolves ? settledBy(row, result, known, answer) : leftOpen(row, result, known, answer);
  // what lies aside may be of another history, in which the write has settled nothing
  if (told?.status === "settled" && sync.visible !== sync.base) return;
  if (!told || (known && tellsAsMuch(known, told))) return;
  tx.putOverlay({
    ...{ epoch, seq: NO_SEQ, collection: conflicts.name, localId: id, deleted: false, data: told },
    ...{ syncVersion: (before ?? base)?.syncVersion ?? 1, hash: (before ?? base)?.hash ?? row.hash },
    ...{ deviceId: SERVER_DEVICE_ID, createdBy: SERVER_DEVICE_ID, updatedAt: answer.now },
  });
}

/** The write lost, and waits for a person. */
function leftOpen(
  row: OutboxRow,
  result: Result,
  known: ConflictData | undefined,
  answer: Answer,
): ConflictData | null {
  const { conflict } = result;
  if (result.outcome !== "conflict" || conflict?.policy !== "MANUAL") return null;
  const { collection, localId: recordId, syncVersion, hash, op, data, base } = row;
  // A large answer leaves values out: the feed brings them.
  if (result.data === undefined && !result.deleted && (result.hash ?? hash) !== hash) return null;
  const deleted = op === "delete";
  const deviceId = row.reoffer?.deviceId ?? answer.deviceId;
  const at = answer.now;
  const server: ConflictData["server"] = {
    ...{ syncVersion: result.syncVersion ?? 0, hash: result.hash ?? hash, deleted: result.deleted ?? false },
    ...{ deviceId: SERVER_DEVICE_ID, at: result.updatedAt ?? at, data: result.deleted ? null : (result.data ?? data) },
  };
  return {
    ...{ createdAt: at, settledAt: null, settledBy: null, settlement: null },
    ...known,
    ...{ id: conflict.id, collection, recordId, policy: "MANUAL", status: "open", base: base ?? NO_VALUE },
    // what is not known yet is shown as what it is
    kind: conflict.kind as ConflictData["kind"],
    client: { syncVersion, hash, deleted, deviceId, at, data: deleted ? null : data },
    ...{ server, fields: conflict.fields },
  };
}

/** The write settled its conflict, or came after another one that did. */
function settledBy(
  row: OutboxRow,
  result: Result,
  known: ConflictData | undefined,
  answer: Answer,
): ConflictData | null {
  if (!known) return null;
  const settled = { ...known, status: "settled" as const, settledAt: answer.now };
  if (!settlesItsConflict(row, result)) {
    const { conflict: { fields } = { fields: [] } } = result;
    const isSettled = fields.length > 0 && fields.every(({ resolution }) => resolution !== "OPEN");
    return isSettled ? settled : null;
  }
  const by = { settledBy: answer.deviceId };
  if (row.localId !== known.recordId) return { ...settled, ...by, settlement: "BOTH", keptAs: row.localId };
  if (row.hash === known.client.hash) return { ...settled, ...by, settlement: "CLIENT" };
  return { ...settled, ...by, settlement: result.outcome === "duplicate" ? "SERVER" : "MERGED" };
}
