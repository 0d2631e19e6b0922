/** What is taken, and what is only remembered: decisions as plans that a commit carries out. Pure. */
import type { AnyCollection } from "@tillwire/protocol/collection";
import type { RejectionCode } from "@tillwire/protocol/errors";
import { hashOf } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Outcome } from "@tillwire/protocol/messages";
import { amendNumber, isAmendmentOf } from "./amend-number.ts";
import { asSentOf, type CheckedWrite } from "./checked-write.ts";
import { conflictOf, type DecidedConflict } from "./conflict-record.ts";
import type {
  ConflictSummary,
  PlannedRow,
  PlannedWrite,
  RecordContext,
  StoredRecord,
  StoredVersion,
} from "./store/store.ts";

export interface Decided {
  readonly outcome: Outcome;
  /** Only with outcome "rejected". */
  readonly rejection?: { readonly code: RejectionCode; readonly message: string };
  /** What to commit; null: nothing, the answer stands at once. */
  readonly plan: PlannedWrite | null;
  /** The record's new value, the first row of the plan; null: `current` stands. */
  readonly stored: { readonly row: PlannedRow; readonly data: Record<string, unknown> | null } | null;
  readonly current: StoredRecord | null;
  readonly conflict: ConflictSummary | null;
}

export interface TakeOptions {
  /** What the write replaces of another device, as a settled conflict. */
  readonly overwritten?: DecidedConflict | null;
  /** The write as it came, where a policy made another value of it. */
  readonly sent?: CheckedWrite;
  /** Further rows of the same plan: the conflict that the write settles. */
  readonly alongside?: readonly PlannedRow[];
}

/** Rules 3 and 4: the write is taken, if its guard allows it, with its number amended if that is taken. */
export function takeWrite(
  write: CheckedWrite,
  context: RecordContext,
  nowMs: number,
  { overwritten = null, sent = write, alongside = [] }: TakeOptions = {},
): Decided {
  const { current } = context;
  const syncVersion = Math.max(write.syncVersion, (current?.syncVersion ?? 0) + 1);
  if (syncVersion > LIMITS.syncVersion)
    return rejected(current, "VERSION_EXHAUSTED", "the record has too many versions");

  const claimed = write.number;
  const amended = claimed === null ? null : amendedNumber(claimed, context);
  const data = amended === null ? write.data : { ...write.data, [write.collection.uniqueBy!]: amended };
  const refused = guardOf(write.collection, context, data);
  if (refused !== null) return rejected(current, "GUARD", refused);
  const hash = amended === null ? write.hash : hashOf(data);
  const asSentStored = hash === sent.hash && syncVersion === sent.syncVersion;
  const row: PlannedRow = {
    collection: write.collection.name,
    localId: write.localId,
    expect: positionOf(current),
    syncVersion,
    hash,
    sentVersion: asSentStored ? null : sent.syncVersion,
    sentHash: asSentStored ? null : sent.hash,
    base: write.base,
    uniqueKey: amended ?? claimed,
    createdBy: current?.createdBy ?? write.createdBy,
    deviceId: write.author,
    deleted: write.deleted,
    reoffered: write.reoffer,
    dataJson: amended === null ? write.dataJson : JSON.stringify(data),
    updatedAt: write.updatedAt,
  };
  const renumbered = amended === null ? null : numberConflict(sent, row, data!, nowMs);
  const conflicts = [overwritten, renumbered].filter((conflict) => conflict !== null);
  const outcome: Outcome = amended === null && sent === write ? "accepted" : "merged";
  const conflict = renumbered?.summary ?? overwritten?.summary ?? null;
  return {
    outcome,
    plan: {
      sender: write.sender,
      asSent: asSentOf(sent),
      remember:
        asSentStored && sent.deviceId === row.deviceId && sent.resolves === null
          ? null
          : { outcome: "merged", conflict, dataJson: sent.dataJson },
      rows: [row, ...alongside, ...conflicts.map((each) => each.row)],
      policyVersion: null,
    },
    stored: { row, data },
    current,
    conflict,
  };
}

/** Of a tombstone the last value counts: to delete and put again is no way around the guard. */
export function guardOf(
  collection: AnyCollection,
  { current, lastData }: RecordContext,
  next: Record<string, unknown> | null,
): string | null {
  return collection.guard?.(current?.data ?? lastData, next) ?? null;
}

/** The number under which the record is kept instead of the claimed one; null: the claimed one. Stable once given. */
function amendedNumber(claimed: string, context: RecordContext): string | null {
  const { current, number } = context;
  const kept = current?.uniqueKey ?? null;
  // What was merged may bear the record's own number, whatever the write claimed.
  if (kept === claimed) return null;
  // A number that was never amended may look so; it is given up for a free one like any other.
  const wasAmended = number.taken || (current?.sentHash ?? null) !== null;
  if (kept !== null && wasAmended && isAmendmentOf(kept, claimed)) return kept;
  return number.taken ? amendNumber(claimed, number.nextAmendment) : null;
}

/** Settled at once: a sale that happened is never refused, and people see what became of its number. */
function numberConflict(
  write: CheckedWrite,
  row: PlannedRow,
  data: Record<string, unknown>,
  nowMs: number,
): DecidedConflict {
  const stored: StoredRecord = { ...row, seq: 0, updatedAt: nowMs, data };
  return conflictOf(write, stored, "SERVER_WINS", "SERVER", nowMs, "NUMBER_TAKEN");
}

/** Nothing of the write is stored, but it is remembered as sent: a late retry gets the same answer. */
export function remembered(
  write: CheckedWrite,
  current: StoredRecord,
  outcome: "duplicate" | "merged",
  conflict: ConflictSummary | null,
  rows: readonly PlannedRow[] = [],
): Decided {
  const remember = { outcome, conflict, dataJson: write.dataJson };
  return {
    outcome,
    plan: { sender: write.sender, asSent: asSentOf(write), remember, rows, policyVersion: null },
    stored: null,
    current,
    conflict,
  };
}

export function rejected(current: StoredRecord | null, code: RejectionCode, message: string): Decided {
  return { outcome: "rejected", rejection: { code, message }, plan: null, stored: null, current, conflict: null };
}

export function positionOf(current: StoredVersion | null): { version: number; hash: string | null } {
  return current ? { version: current.syncVersion, hash: current.hash } : { version: 0, hash: null };
}
