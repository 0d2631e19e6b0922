/** What a result does to a record's chain in the outbox. Pure, like outbox.ts; carried out by settle.ts. */
import type { Base, Result } from "@tillwire/protocol/messages";
import {
  absorb,
  positionOf,
  ROW_TRANSITIONS,
  samePosition,
  versionAbove,
  type OutboxPlan,
  type OutboxRow,
} from "./outbox.ts";
import { isChoice } from "./settling-row.ts";

/** A write as it was sent: what a result is about. Never just the localId: that may have gone on meanwhile. */
export interface SentWrite {
  readonly key: number;
  readonly collection: string;
  readonly localId: string;
  readonly syncVersion: number;
  readonly hash: string;
}

/** The server's current value of the record, as far as the result tells. */
export interface SettledValue {
  readonly seq: number;
  readonly syncVersion: number;
  readonly hash: string;
  readonly deleted: boolean;
  readonly data: unknown;
  readonly updatedAt: number | null;
  /** Whether it is what was sent. */
  readonly asSent: boolean;
}

export interface Settlement extends OutboxPlan {
  /** The row that the result settled; null: none, it is not waited for any more. */
  readonly row: OutboxRow | null;
  /** To show until the feed brings it; null where the feed must tell. */
  readonly value: SettledValue | null;
}

const NOTHING: Settlement = { put: [], remove: [], row: null, value: null };

/** @param rows the record's rows in the order of their keys */
export function settle(rows: readonly OutboxRow[], sent: SentWrite, result: Result): Settlement {
  const index = rows.findIndex(
    (row) => row.key === sent.key && row.syncVersion === sent.syncVersion && row.hash === sent.hash,
  );
  const row = rows[index];
  if (!row || ROW_TRANSITIONS[row.state].settled !== "gone") return NOTHING;
  const behind = rows.slice(index + 1);
  if (result.outcome === "rejected") return refused(row, behind, result);
  const value = settledValue(row, result);
  // The tail goes on from what the server has, if that is what the person saw; else the server must compare the two.
  const next =
    (result.hash ?? row.hash) === row.hash ? { version: result.syncVersion ?? row.syncVersion, hash: row.hash } : null;
  const tail = settlesItsConflict(row, result) ? settledAlready(behind, row.resolves) : behind;
  return { put: next ? rebased(tail, positionOf(row), next) : [], remove: [row.key], row, value };
}

/** Whether the result says that the conflict which the write names is settled by it. */
export function settlesItsConflict(row: OutboxRow, result: Result): boolean {
  return row.resolves !== undefined && ["accepted", "duplicate", "merged"].includes(result.outcome);
}

// What a person chose after that is an edit like any other: the first choice would win over it.
function settledAlready(behind: readonly OutboxRow[], conflictId: string | undefined): OutboxRow[] {
  return behind.map((row) => {
    if (row.state !== "queued" || row.resolves !== conflictId || row.mayBeKnown) return row;
    const { resolves: _, ...edit } = row;
    return edit;
  });
}

function refused(row: OutboxRow, behind: readonly OutboxRow[], result: Result): Settlement {
  const error = { code: result.code ?? "WRITE_FAILED", message: result.message ?? "" };
  const tail = behind[0];
  const isRejected: OutboxRow = { ...row, state: "rejected", error };
  if (!tail || row.base === null || !samePosition(tail.base, positionOf(row)))
    return { put: [isRejected], remove: [], row, value: null };
  // A person's choice stands behind the edit and is not made on it: with the edit replaced by it, what was edited would vanish.
  if (isChoice(tail) && !isChoice(row))
    return { put: [isRejected, { ...tail, base: row.base }], remove: [], row, value: null };
  const resolves = tail.resolves ?? row.resolves;
  const replacing = { ...tail, base: row.base, absorbed: [...absorb(row), ...tail.absorbed] };
  return {
    put: [resolves === undefined ? replacing : { ...replacing, resolves }],
    remove: [row.key],
    row,
    value: null,
  };
}

/** Rows that were made on `from` go on from `to`, and so on along the chain; versions rise along it, whatever a row was made on. */
function rebased(rows: readonly OutboxRow[], from: Base, to: Base): OutboxRow[] {
  const moved: OutboxRow[] = [];
  let before = from;
  let after = to;
  for (const row of rows) {
    if (row.state === "sent") break;
    const syncVersion = Math.max(row.syncVersion, versionAbove(after.version));
    const base = samePosition(row.base, before) ? after : row.base;
    const absorbed = syncVersion === row.syncVersion ? row.absorbed : absorb(row);
    before = positionOf(row);
    after = { version: syncVersion, hash: row.hash };
    // To be numbered anew is no edit: a choice stays as it was made.
    const chosen = samePosition(row.chosen ?? null, before) ? { chosen: after } : {};
    moved.push({ ...row, base, syncVersion, absorbed, ...chosen });
  }
  return moved;
}

function settledValue(row: OutboxRow, result: Result): SettledValue | null {
  if (result.seq === undefined) return null;
  const hash = result.hash ?? row.hash;
  const deleted = result.deleted ?? (hash === row.hash ? row.op === "delete" : false);
  const asSent = hash === row.hash;
  // a different value without its data can't be shown; the feed has it
  if (!asSent && !deleted && result.data === undefined) return null;
  return {
    seq: result.seq,
    syncVersion: result.syncVersion ?? row.syncVersion,
    hash,
    deleted,
    data: deleted ? null : (result.data ?? row.data),
    updatedAt: result.updatedAt ?? null,
    asSent,
  };
}
