/**
 * Conflicts that wait for a person: how one is opened, and what further edits of the device that lost do to it. Meanwhile the server's
 * value stands, for everybody but that device. Pure.
 */
import { asSentOf, sameBase, type CheckedWrite } from "./checked-write.ts";
import {
  clientSide,
  conflictIn,
  conflictRow,
  openConflictOf,
  openFields,
  serverSide,
  summaryOf,
  withAttempt,
} from "./conflict-record.ts";
import type { ConflictSummary, PlannedRow, StoredRecord } from "./store/store.ts";
import type { Decided } from "./take-write.ts";

/** Both sides are kept, and the server's stands until a person settles it. */
export function leaveOpen(write: CheckedWrite, current: StoredRecord, nowMs: number): Decided {
  const { summary, row } = openConflictOf(write, current, nowMs);
  return lost(write, current, summary, [row]);
}

/**
 * The device that lost edited on before it knew, or all the same: its side of the open conflict is replaced, whatever the policy is by now.
 * What it replaces is in the conflict's history.
 */
export function replaceSide(write: CheckedWrite, open: StoredRecord, current: StoredRecord, nowMs: number): Decided {
  const conflict = conflictIn(open);
  // Several devices may offer, in any order, what they hold of a device's versions: the highest counts.
  if (write.reoffer && write.syncVersion <= conflict.client.syncVersion)
    return lost(write, current, summaryOf(conflict), []);
  // Outrun by a later one: from a device that was copied, or put back to an earlier moment.
  if (write.syncVersion < conflict.client.syncVersion)
    return lost(write, current, summaryOf(conflict), [conflictRow(withAttempt(conflict, write, nowMs), open)]);
  const { syncVersion: version, hash } = conflict.client;
  const next = {
    ...conflict,
    // An edit of its own side was made on what that side was made on.
    base: sameBase(write.base, { version, hash }) ? conflict.base : write.base,
    client: clientSide(write, nowMs),
    server: serverSide(current),
    fields: openFields(write.data, current.data),
  };
  return lost(write, current, summaryOf(next), [conflictRow(next, open)]);
}

/** Outcome conflict: the server's value stands, and the write, as sent, is remembered with the conflict that keeps it. */
export function lost(
  write: CheckedWrite,
  current: StoredRecord | null,
  conflict: ConflictSummary,
  rows: readonly PlannedRow[],
): Decided {
  const remember = { outcome: "conflict" as const, conflict, dataJson: write.dataJson };
  return {
    outcome: "conflict",
    plan: { sender: write.sender, asSent: asSentOf(write), remember, rows, policyVersion: null },
    stored: null,
    current,
    conflict,
  };
}
