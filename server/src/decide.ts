/**
 * What a write is: pure. Given the write as sent and what the store knows of its record, says what shall be stored, remembered and
 * answered. The rules, in their order, are those of PROTOCOL.md, "What the server decides". `accept` carries the decision out,
 * under the store's lock and only if what was known still holds.
 */
import { uniqueValueOf, type AnyCollection } from "@tillwire/protocol/collection";
import type { RejectionCode } from "@tillwire/protocol/errors";
import { hashOf } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Base, ConflictPolicy, Outcome } from "@tillwire/protocol/messages";
import { amendNumber, isAmendmentOf } from "./amend-number.ts";
import { conflictOf, type DecidedConflict } from "./conflict-record.ts";
import { asSentOf, namedHashOf, refiledId, sameBase, type CheckedWrite } from "./checked-write.ts";
import { clientWins, merge, type Settlement } from "./policies.ts";
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

/** At the seed's door: another sale that bears the same id. To be decided again under its own. */
export interface Refiled {
  readonly outcome: "refiled";
  readonly localId: string;
}

/** @param nowMs server clock, for conflict records only */
export function decide(
  write: CheckedWrite,
  context: RecordContext,
  policy: ConflictPolicy,
  nowMs: number,
): Decided | Refiled {
  const { current } = context;
  const anotherSale = isAnotherSale(write, context);
  // All deletes look alike as sent: whose one is comes before whether it was decided.
  const before = anotherSale && write.deleted ? null : decidedBefore(write, context);
  if (before) return before;
  if (!write.roleAllows && !context.epochReoffer)
    return rejected(current, "ROLE", "nothing was lost that needs a re-offer");
  if (!current) return takeWrite(write, context, nowMs);
  if (anotherSale) return { outcome: "refiled", localId: refiledId(write.localId, write.seed!.createdAt!) };
  if (write.reoffer) return decideReoffer(write, context, current, policy, nowMs);
  if (sameContent(write, current)) return remembered(write, current, "duplicate", null);
  if (isCurrentBase(write, context, current)) return takeWrite(write, context, nowMs);
  if (!baseOf(write, context) && !current.deleted && write.syncVersion > current.syncVersion) {
    // The seed's rule. What it overwrote of another device is kept as a settled conflict, for people to see.
    const overwritten =
      current.deviceId === write.deviceId ? null : conflictOf(write, current, "CLIENT_WINS", "CLIENT", nowMs);
    return takeWrite(write, context, nowMs, overwritten);
  }
  return settle(write, context, current, policy, nowMs);
}

/** Rule 2: this very write, as sent, was decided before. */
function decidedBefore(write: CheckedWrite, context: RecordContext): Decided | null {
  const { current, decided } = context;
  if (decided && current) {
    const outcome = decided.outcome === "conflict" ? "conflict" : "duplicate";
    return { outcome, plan: null, stored: null, current, conflict: outcome === "conflict" ? decided.conflict : null };
  }
  if (!current || write.reoffer) return null;
  const taken = isAsSent(write, current) || context.history.some((version) => isAsSent(write, version));
  return taken ? { outcome: "duplicate", plan: null, stored: null, current, conflict: null } : null;
}

function isAsSent(write: CheckedWrite, version: StoredVersion): boolean {
  return (
    version.deviceId === write.deviceId &&
    version.sentHash === null &&
    version.syncVersion === write.syncVersion &&
    version.hash === write.hash &&
    // A re-offer carries no base, so one who retries what another device brought back is known without it.
    (version.reoffered || sameBase(version.base, write.base))
  );
}

function sameContent(write: CheckedWrite, current: StoredRecord): boolean {
  if (current.deleted !== write.deleted || current.hash !== write.hash) return false;
  const staleBase =
    write.base !== null && !(write.base.version === current.syncVersion && write.base.hash === current.hash);
  return !(staleBase && (write.collection.sumFields?.length ?? 0) > 0);
}

/** Existing devices make ids of five random digits: soon two sales bear one id. createdAt tells them apart. */
function isAnotherSale(write: CheckedWrite, context: RecordContext): boolean {
  const seed = write.seed;
  if (!seed || seed.createdAt === null || baseOf(write, context)) return false;
  const data = context.current?.data ?? context.lastData;
  return data !== null && Object.hasOwn(data, "createdAt") && data["createdAt"] !== seed.createdAt;
}

/** What the write was made on. A seed item's `serverHash` names the latest version with that hash, as stored or as sent. */
function baseOf(write: CheckedWrite, context: RecordContext): Base | null {
  if (write.base) return write.base;
  const hash = namedHashOf(write);
  if (!hash) return null;
  const versions = context.current ? [context.current, ...context.history] : context.history;
  const named = versions.find((version) => version.hash === hash || version.sentHash === hash);
  return named ? { version: named.syncVersion, hash: named.hash } : null;
}

/** Rule 3: the base is the current value, as stored or, where only a number was amended, as sent. */
function isCurrentBase(write: CheckedWrite, context: RecordContext, current: StoredRecord): boolean {
  const base = baseOf(write, context);
  if (!base) return false;
  if (base.version === current.syncVersion && base.hash === current.hash) return true;
  const isAsSent = current.sentHash !== null && base.version === current.sentVersion && base.hash === current.sentHash;
  if (isAsSent && isOnlyRenumbered(write.collection, current, context.baseData)) return true;
  if (!write.seed || write.base || current.deleted || write.syncVersion <= current.syncVersion) return false;
  // The seed's door: existing devices don't chain their bases. Everything since the base is this device's own.
  const since = [current, ...context.history].filter((version) => version.syncVersion > base.version);
  return since.every((version) => version.deviceId === write.deviceId);
}

/** Whether the current value is what was sent but for its number (and version): what was merged must not be overwritten by an edit of one side. */
function isOnlyRenumbered(
  { uniqueBy }: AnyCollection,
  current: StoredRecord,
  sent: Record<string, unknown> | null,
): boolean {
  if (current.sentHash === current.hash) return true;
  return (
    uniqueBy !== undefined &&
    sent !== null &&
    current.data !== null &&
    hashOf({ ...sent, [uniqueBy]: current.data[uniqueBy] }) === current.hash
  );
}

/**
 * Rules 3 and 4: the write is taken, if its guard allows it, with its number amended if that is taken.
 * @param sent the write as it came, where a policy made another value of it
 */
function takeWrite(
  write: CheckedWrite,
  context: RecordContext,
  nowMs: number,
  overwritten: DecidedConflict | null = null,
  sent: CheckedWrite = write,
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
      remember: asSentStored && !write.reoffer ? null : { outcome: "merged", conflict, dataJson: sent.dataJson },
      rows: [row, ...conflicts.map((each) => each.row)],
    },
    stored: { row, data },
    current,
    conflict,
  };
}

/** Of a tombstone the last value counts: to delete and put again is no way around the guard. */
function guardOf(
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

/** Rule 5: a conflict, settled by the collection's policy. */
function settle(
  write: CheckedWrite,
  context: RecordContext,
  current: StoredRecord,
  policy: ConflictPolicy,
  nowMs: number,
): Decided {
  switch (policy) {
    case "SERVER_WINS":
      return serverWins(write, current, nowMs);
    case "CLIENT_WINS":
      return settleWith(clientWins(write), write, context, current, policy, nowMs);
    case "MERGE": {
      const merged = merge(write, current, context.baseData);
      return merged ? settleWith(merged, write, context, current, policy, nowMs) : serverWins(write, current, nowMs);
    }
    case "MANUAL":
      // Leaving both sides open until a person settles them goes here. Until then nothing is overwritten, and the loser is kept.
      return serverWins(write, current, nowMs);
  }
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
  const decided = takeWrite(value, context, nowMs, conflict, write);
  return decided.outcome === "rejected" ? serverWins(write, current, nowMs) : decided;
}

/** The server's value stands; the loser is kept whole as a settled conflict. */
function serverWins(write: CheckedWrite, current: StoredRecord, nowMs: number): Decided {
  const conflict = conflictOf(write, current, "SERVER_WINS", "SERVER", nowMs);
  const remember = { outcome: "conflict" as const, conflict: conflict.summary, dataJson: write.dataJson };
  return {
    outcome: "conflict",
    plan: { sender: write.sender, asSent: asSentOf(write), remember, rows: [conflict.row] },
    stored: null,
    current,
    conflict: conflict.summary,
  };
}

/**
 * Restores: what a replica held when the server lost it. Taken if above everything that the epoch began with or that was re-offered
 * since, whoever comes first; against a value newly written in this epoch the policy decides.
 */
function decideReoffer(
  write: CheckedWrite,
  context: RecordContext,
  current: StoredRecord,
  policy: ConflictPolicy,
  nowMs: number,
): Decided {
  const isOld = (version: StoredVersion): boolean => version.seq <= context.epochSeq || version.reoffered;
  const known = [current, ...context.history]
    .filter(isOld)
    .reduce((highest, version) => Math.max(highest, version.syncVersion), 0);
  if (write.syncVersion <= known || (current.deleted === write.deleted && current.hash === write.hash))
    return remembered(write, current, "duplicate", null);
  return isOld(current) ? takeWrite(write, context, nowMs) : settle(write, context, current, policy, nowMs);
}

/** Nothing is stored, but the write, as sent, is remembered: a late retry gets the same answer. */
function remembered(
  write: CheckedWrite,
  current: StoredRecord,
  outcome: "duplicate" | "merged",
  conflict: ConflictSummary | null,
): Decided {
  const remember = { outcome, conflict, dataJson: write.dataJson };
  return {
    outcome,
    plan: { sender: write.sender, asSent: asSentOf(write), remember, rows: [] },
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
