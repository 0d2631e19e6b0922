/** Conflicts, settled by the collection's policy. Pure. */
import { uniqueValueOf } from "@tillwire/protocol/collection";
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import type { CheckedWrite } from "./checked-write.ts";
import { conflictOf } from "./conflict-record.ts";
import { withKept } from "./kept-write.ts";
import { leaveOpen, lost } from "./open-conflict.ts";
import { clientWins, merge, type Settlement } from "./policies.ts";
import type { RecordContext, StoredRecord } from "./store/store.ts";
import { guardOf, remembered, takeWrite, type Decided } from "./take-write.ts";

/** Rule 5: a conflict, settled by the collection's policy: the shop's own or, where it has set none, the declared one. */
export function settle(write: CheckedWrite, context: RecordContext, current: StoredRecord, nowMs: number): Decided {
  const decided = settleBy(context.policy ?? write.collection.policy, write, context, current, nowMs);
  return decided.plan ? { ...decided, plan: { ...decided.plan, policyVersion: context.policyVersion } } : decided;
}

function settleBy(
  policy: ConflictPolicy,
  write: CheckedWrite,
  context: RecordContext,
  current: StoredRecord,
  nowMs: number,
): Decided {
  const kept = withKept(write, current);
  switch (policy) {
    case "SERVER_WINS":
      return serverWins(write, current, nowMs);
    case "CLIENT_WINS":
      return settleWith(clientWins(kept), write, context, current, policy, nowMs);
    case "MERGE": {
      if (mayBeCounted(write, context, current)) return asked(kept, write, context, current, nowMs);
      const merged = merge(kept, current, context.baseData);
      return merged ? settleWith(merged, write, context, current, policy, nowMs) : serverWins(write, current, nowMs);
    }
    case "MANUAL":
      return asked(kept, write, context, current, nowMs);
  }
}

/** What could never stand need not be asked about. */
function asked(
  kept: CheckedWrite,
  write: CheckedWrite,
  context: RecordContext,
  current: StoredRecord,
  nowMs: number,
): Decided {
  return guardOf(write.collection, context, kept.data) === null
    ? leaveOpen(write, current, nowMs)
    : serverWins(write, current, nowMs);
}

/**
 * S2: after a restore, a value of a higher version that was offered again may have this write in it, taken before the loss, and only what was
 * lost could tell. Fields and members come to the same if they are merged twice; what counts would be counted twice. People are asked.
 */
function mayBeCounted(write: CheckedWrite, { history }: RecordContext, current: StoredRecord): boolean {
  if (!write.collection.sumFields?.length) return false;
  return [current, ...history].some(
    ({ reoffered, sentVersion, syncVersion }) => reoffered && (sentVersion ?? syncVersion) > write.syncVersion,
  );
}

/** Stores the value that a policy made of both sides, above both; what the guard refuses falls back to the server's value. */
function settleWith(
  { settlement, data, hash, clashes }: Settlement,
  write: CheckedWrite,
  context: RecordContext,
  current: StoredRecord,
  policy: ConflictPolicy,
  nowMs: number,
): Decided {
  const fields = clashes ?? undefined;
  if (settlement === "MERGED" && hash === current.hash) {
    // Nothing of the write is new, or all of it had to give way.
    return clashes?.length === 0 ? remembered(write, current, "merged", null) : serverWins(write, current, nowMs);
  }
  const value: CheckedWrite = {
    ...write,
    data,
    hash,
    dataJson: data === null ? null : JSON.stringify(data),
    number: uniqueValueOf(write.collection, data),
    syncVersion: Math.max(write.syncVersion, current.syncVersion) + 1,
  };
  const conflict = conflictOf(write, current, policy, settlement, nowMs, undefined, fields);
  const decided = takeWrite(value, context, nowMs, { overwritten: conflict, sent: write });
  return decided.outcome === "rejected" ? serverWins(write, current, nowMs) : decided;
}

/** The server's value stands; the loser is kept whole as a settled conflict. */
export function serverWins(write: CheckedWrite, current: StoredRecord, nowMs: number): Decided {
  const { summary, row } = conflictOf(write, current, "SERVER_WINS", "SERVER", nowMs);
  return lost(write, current, summary, [row]);
}
