/**
 * Writes that settle an open conflict: people's answers. Such a write travels like any other, so that somebody may have been faster, or
 * the record may have gone on: then nothing of it is taken, and the conflict keeps it as an attempt. Pure.
 */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { allDifferences, boundedDifferences, fieldDifferences } from "@tillwire/protocol/differences";
import type { FieldDifference } from "@tillwire/protocol/messages";
import { sameBase, type CheckedWrite } from "./checked-write.ts";
import {
  conflictIn,
  conflictRow,
  isNewRecord,
  openFields,
  serverSide,
  summaryOf,
  withAttempt,
} from "./conflict-record.ts";
import { leaveOpen, lost, replaceSide } from "./open-conflict.ts";
import type { PlannedRow, RecordContext, StoredRecord } from "./store/store.ts";
import { rejected, remembered, takeWrite, type Decided } from "./take-write.ts";
import { isCurrentBase, sameContent } from "./write-base.ts";

/** @param named the conflict that the write names, settled or not */
export function decideSettling(
  write: CheckedWrite,
  context: RecordContext,
  named: StoredRecord,
  nowMs: number,
): Decided {
  const { current } = context;
  const conflict = conflictIn(named);
  const keepsBoth = write.localId !== conflict.recordId;
  if (conflict.collection !== write.collection.name)
    return rejected(current, "WRITE_MALFORMED", "the conflict is one of another collection");
  if (keepsBoth && (!isNewRecord(write) || write.deleted))
    return rejected(current, "WRITE_MALFORMED", "the conflict is one of another record");
  const settled = (): PlannedRow => settledRow(write, keepsBoth ? null : current, named, nowMs);
  if (current && sameContent(write, current)) {
    const rows = conflict.status === "open" ? [settled()] : [];
    return remembered(write, current, "duplicate", null, rows);
  }
  if (conflict.status === "settled") {
    const late = withAttempt(conflict, write, nowMs);
    return lost(write, current, summaryOf(conflict), [conflictRow(late, named)]);
  }
  if (!current || (!keepsBoth && isCurrentBase(write, context, current)))
    return takeWrite(write, context, nowMs, { alongside: [settled()] });
  // The id of the new record was taken: a clash of its own.
  if (keepsBoth)
    return context.openConflict
      ? replaceSide(write, context.openConflict, current, nowMs)
      : leaveOpen(write, current, nowMs);
  const later = {
    ...withAttempt(conflict, write, nowMs),
    server: serverSide(current),
    fields: openFields(conflict.client.data, current.data),
  };
  return lost(write, current, summaryOf(later), [conflictRow(later, named)]);
}

/**
 * An edit by which the losing device's own side comes to equal the server's value ends their conflict: nobody has anything left to decide. To send
 * the server's value on any other base decides nothing.
 */
export function comeRound(
  write: CheckedWrite,
  open: StoredRecord | null,
  current: StoredRecord,
  nowMs: number,
): PlannedRow[] {
  if (!open) return [];
  const { syncVersion: version, hash } = conflictIn(open).client;
  return sameBase(write.base, { version, hash }) ? [settledRow(write, current, open, nowMs)] : [];
}

/** @param server the value that stood until now; null: the conflict's record stays as it is, and the write's side becomes another one */
function settledRow(write: CheckedWrite, server: StoredRecord | null, named: StoredRecord, nowMs: number): PlannedRow {
  const conflict = conflictIn(named);
  const settlement = server ? settlementOf(write, conflict, server) : "BOTH";
  const known: ConflictData = server ? { ...conflict, server: serverSide(server) } : conflict;
  const data: ConflictData = {
    ...known,
    status: "settled",
    settledAt: nowMs,
    settledBy: write.sender,
    settlement,
    fields: settledFields(known, settlement === "BOTH" ? known.server.data : write.data),
    ...(settlement === "BOTH" && { keptAs: write.localId }),
  };
  return conflictRow(data, named);
}

function settlementOf(
  write: CheckedWrite,
  conflict: ConflictData,
  current: StoredRecord,
): "SERVER" | "CLIENT" | "MERGED" {
  const isWritten = (side: { deleted: boolean; hash: string }): boolean =>
    side.deleted === write.deleted && side.hash === write.hash;
  if (isWritten(conflict.server) || isWritten(current)) return "SERVER";
  return isWritten(conflict.client) ? "CLIENT" : "MERGED";
}

/** What differed between the sides, each with the side that it was taken from. */
function settledFields({ client, server }: ConflictData, chosen: unknown): FieldDifference[] {
  const notClients = fieldsOf(allDifferences(client.data, chosen, "SERVER"));
  const notServers = fieldsOf(allDifferences(server.data, chosen, "CLIENT"));
  // Only so many are kept, and each is looked for among all that differ.
  const fields = fieldDifferences(client.data, server.data, "MERGED").map((difference) => {
    const { field } = difference;
    const resolution = !concerns(notServers, field)
      ? ("SERVER" as const)
      : concerns(notClients, field)
        ? ("MERGED" as const)
        : ("CLIENT" as const);
    return { ...difference, resolution };
  });
  return boundedDifferences(fields);
}

function fieldsOf(differences: readonly FieldDifference[]): ReadonlySet<string> {
  return new Set(differences.map(({ field }) => field));
}

/** Whether the field, something in it, or what it is in, is one of the fields. */
function concerns(fields: ReadonlySet<string>, field: string): boolean {
  if (fields.has(field)) return true;
  for (let dot = field.indexOf("."); dot >= 0; dot = field.indexOf(".", dot + 1))
    if (fields.has(field.slice(0, dot))) return true;
  const within = `${field}.`;
  for (const each of fields) if (each.startsWith(within)) return true;
  return false;
}
