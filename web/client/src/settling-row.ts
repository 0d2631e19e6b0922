/**
 * Where a write that settles a conflict stands in its record's chain. It is made on the server's value and never on this device's losing
 * side; edits that wait are sent before it as they are, so that nothing of them is lost. Pure, like outbox.ts.
 */
import type { Base } from "@tillwire/protocol/messages";
import {
  absorb,
  endOfLine,
  inChain,
  newRow,
  positionOf,
  samePosition,
  versionAbove,
  type Draft,
  type OutboxPlan,
  type OutboxRow,
} from "./outbox.ts";

/**
 * @param rows the record's rows in the order of their keys
 * @param server position of the server's value
 * @param key of a new row, if one is needed
 */
export function enqueueSettling(rows: readonly OutboxRow[], server: Base, draft: Draft, key: number): OutboxPlan {
  const last = rows.at(-1);
  const replaced = last && (last.state === "rejected" || isUnsentChoice(last, draft.resolves)) ? last : undefined;
  const before = replaced ? rows.slice(0, -1) : rows;
  const base = baseOf(before, server, draft.readAt);
  const above = Math.max(0, ...rows.map((row) => row.syncVersion));
  if (!replaced) return { put: [asChosen(newRow(draft, key, base, above))], remove: [] };
  if (replaced.state === "rejected") {
    const row = { ...newRow(draft, key, base, above), absorbed: absorb(replaced) };
    return { put: [asChosen(row)], remove: [replaced.key] };
  }
  // The person chose again: by what was seen now.
  const { op, hash, data, bytes } = draft;
  const syncVersion = versionAbove(Math.max(base.version, above, draft.above ?? 0));
  const value = { op, hash, data, bytes, base, syncVersion, editedAt: draft.at, absorbed: absorb(replaced) };
  return { put: [asChosen({ ...replaced, ...value })], remove: [] };
}

function asChosen(row: OutboxRow): OutboxRow {
  return { ...row, chosen: positionOf(row) };
}

/**
 * A choice about that conflict which can still be replaced by another one. One that took in an edit since can't: the edit would vanish
 * with it. It is sent, and the next choice behind it.
 */
export function isUnsentChoice(row: OutboxRow, conflictId: string | undefined): boolean {
  const isAsChosen = isChoice(row);
  return row.state === "queued" && row.resolves === conflictId && isAsChosen && !row.mayBeKnown && !row.reoffer;
}

/** The value that a person chose in a conflict, with no edit on top of it. */
export function isChoice(row: OutboxRow): boolean {
  return samePosition(row.chosen ?? null, positionOf(row));
}

function baseOf(before: readonly OutboxRow[], server: Base, readAt: Base | undefined): Base {
  const current = endOfLine(before, server);
  if (readAt === undefined || readAt.hash === current.hash || readAt.hash === server.hash) return current;
  return inChain(before, readAt) ? current : readAt;
}
