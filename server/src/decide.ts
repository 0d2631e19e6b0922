/**
 * What a write is: pure. Given the write as sent and what the store knows of its record, says what shall be stored, remembered and
 * answered. The rules, in their order, are those of PROTOCOL.md, "What the server decides". `accept` carries the decision out,
 * under the store's lock and only if what was known still holds.
 */
import { fieldDifferences } from "@tillwire/protocol/differences";
import { asSendersOwn, isSendersOwn, refiledId, sameBase, type CheckedWrite } from "./checked-write.ts";
import { conflictOf, isNewRecord, type DecidedConflict } from "./conflict-record.ts";
import { leaveOpen, replaceSide } from "./open-conflict.ts";
import { withKept } from "./kept-write.ts";
import { serverWins, settle } from "./settle.ts";
import { comeRound, decideSettling } from "./settling-write.ts";
import type { RecordContext, StoredRecord, StoredVersion } from "./store/store.ts";
import { rejected, remembered, takeWrite, type Decided } from "./take-write.ts";
import { baseOf, isCurrentBase, sameContent } from "./write-base.ts";

/**
 * Not what it says it is, and to be decided again as what it is: at the seed's door another sale that bears the same id, under its own; a
 * re-offer that nothing was lost for, as its sender's.
 */
export interface Restated {
  readonly outcome: "restated";
  readonly write: CheckedWrite;
}

/** @param nowMs server clock, for conflict records only */
export function decide(write: CheckedWrite, context: RecordContext, nowMs: number): Decided | Restated {
  const { current } = context;
  // Before whose it is: nothing was lost of what the history still holds, whoever offers it.
  if (write.reoffer && current && isHeld(write, current, context))
    return { outcome: "duplicate", plan: null, stored: null, current, conflict: null };
  // Nothing was lost: whoever speaks for another device is not believed.
  if (write.reoffer && !context.epochReoffer && !isSendersOwn(write))
    return { outcome: "restated", write: asSendersOwn(write) };
  const anotherSale = isAnotherSale(write, context);
  // All deletes look alike as sent: whose one is comes before whether it was decided.
  const before = anotherSale && write.deleted ? null : decidedBefore(write, context);
  if (before) return before;
  if (!write.roleAllows && !context.epochReoffer)
    return rejected(current, "ROLE", "nothing was lost that needs a re-offer");
  if (context.resolves) return decideSettling(write, context, context.resolves, nowMs);
  if (!current) return takeWrite(write, context, nowMs);
  if (anotherSale) {
    return { outcome: "restated", write: { ...write, localId: refiledId(write.localId, write.seed!.createdAt!) } };
  }
  if (write.reoffer) return decideReoffer(write, context, current, nowMs);
  const kept = withKept(write, current);
  if (sameContent(kept, current)) {
    const settled = comeRound(write, context.openConflict, current, nowMs);
    return remembered(write, current, "duplicate", null, settled);
  }
  if (isCurrentBase(write, context, current)) return takeWrite(kept, context, nowMs, { sent: write });
  // A person is asked already.
  if (context.openConflict) return replaceSide(write, context.openConflict, current, nowMs);
  if (isNewRecord(write)) return idTaken(write, current, nowMs);
  if (!baseOf(write, context) && !current.deleted && write.syncVersion > current.syncVersion) {
    // The seed's rule. What it overwrote of another device is kept as a settled conflict, for people to see.
    const overwritten = current.deviceId === write.sender ? null : overwrittenBy(kept, write, current, nowMs);
    return takeWrite(kept, context, nowMs, { overwritten, sent: write });
  }
  return settle(write, context, current, nowMs);
}

function overwrittenBy(kept: CheckedWrite, write: CheckedWrite, current: StoredRecord, nowMs: number): DecidedConflict {
  const fields = fieldDifferences(kept.data, current.data, "CLIENT");
  return conflictOf(write, current, "CLIENT_WINS", "CLIENT", nowMs, undefined, fields);
}

/**
 * Two records bear one id. Neither replaces the other, whatever the policy, and whatever a guard would say of the step from one to the
 * other: both may stay. A deletion is of a record that the server never had.
 */
function idTaken(write: CheckedWrite, current: StoredRecord, nowMs: number): Decided {
  return write.deleted ? serverWins(write, current, nowMs) : leaveOpen(write, current, nowMs);
}

/** Rule 2: this very write, as sent, was decided before. */
function decidedBefore(write: CheckedWrite, context: RecordContext): Decided | null {
  const { current, decided } = context;
  if (decided) {
    const outcome = decided.outcome === "conflict" ? "conflict" : "duplicate";
    return { outcome, plan: null, stored: null, current, conflict: outcome === "conflict" ? decided.conflict : null };
  }
  // What settles a conflict is remembered with the conflict that it settles, which the rows know nothing of.
  if (!current || write.reoffer || context.resolves) return null;
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

/** Existing devices make ids of five random digits: soon two sales bear one id. createdAt tells them apart. */
function isAnotherSale(write: CheckedWrite, context: RecordContext): boolean {
  const seed = write.seed;
  if (!seed || seed.createdAt === null || baseOf(write, context)) return false;
  const data = context.current?.data ?? context.lastData;
  return data !== null && Object.hasOwn(data, "createdAt") && data["createdAt"] !== seed.createdAt;
}

/** The offered value is one that the record has, or had: `history` goes back to the version that the write names. */
function isHeld(write: CheckedWrite, current: StoredRecord, { history }: RecordContext): boolean {
  return [current, ...history].some(
    ({ syncVersion, hash, deleted }) =>
      syncVersion === write.syncVersion && hash === write.hash && deleted === write.deleted,
  );
}

/**
 * Restores: what a replica held when the server lost it. Taken if above everything that the epoch began with or that was re-offered
 * since, whoever comes first. What is below a re-offered version was superseded before it was lost. All else is another value than the
 * record has had, against one that was written without knowing it: the policy decides, also where the record has reached a higher version.
 */
function decideReoffer(write: CheckedWrite, context: RecordContext, current: StoredRecord, nowMs: number): Decided {
  if (sameContent(write, current)) return remembered(write, current, "duplicate", null);
  const versions: StoredVersion[] = [current, ...context.history];
  const offered = versions.filter(({ reoffered }) => reoffered);
  if (write.syncVersion < highest(offered.map(({ sentVersion, syncVersion }) => sentVersion ?? syncVersion)))
    return remembered(write, current, "duplicate", null);
  const isOld = (version: StoredVersion): boolean => version.seq <= context.epochSeq || version.reoffered;
  const known = highest(versions.filter(isOld).map(({ syncVersion }) => syncVersion));
  if (isOld(current) && write.syncVersion > known) return takeWrite(write, context, nowMs);
  return context.openConflict
    ? replaceSide(write, context.openConflict, current, nowMs)
    : settle(write, context, current, nowMs);
}

function highest(versions: readonly number[]): number {
  return Math.max(0, ...versions);
}
