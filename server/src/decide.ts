/**
 * What a write is: pure. Given the write as sent and what the store knows of its record, says what shall be stored, remembered and
 * answered. The rules, in their order, are those of PROTOCOL.md, "What the server decides". `accept` carries the decision out,
 * under the store's lock and only if what was known still holds.
 */
import type { AnyCollection } from "@tillwire/protocol/collection";
import { hashOf } from "@tillwire/protocol/hash";
import type { Base } from "@tillwire/protocol/messages";
import { namedHashOf, refiledId, sameBase, type CheckedWrite } from "./checked-write.ts";
import { conflictOf } from "./conflict-record.ts";
import { settle } from "./settle.ts";
import type { RecordContext, StoredRecord, StoredVersion } from "./store/store.ts";
import { rejected, remembered, takeWrite, type Decided } from "./take-write.ts";

/** At the seed's door: another sale that bears the same id. To be decided again under its own. */
export interface Refiled {
  readonly outcome: "refiled";
  readonly localId: string;
}

/** @param nowMs server clock, for conflict records only */
export function decide(write: CheckedWrite, context: RecordContext, nowMs: number): Decided | Refiled {
  const { current } = context;
  const anotherSale = isAnotherSale(write, context);
  // All deletes look alike as sent: whose one is comes before whether it was decided.
  const before = anotherSale && write.deleted ? null : decidedBefore(write, context);
  if (before) return before;
  if (!write.roleAllows && !context.epochReoffer)
    return rejected(current, "ROLE", "nothing was lost that needs a re-offer");
  if (!current) return takeWrite(write, context, nowMs);
  if (anotherSale) return { outcome: "refiled", localId: refiledId(write.localId, write.seed!.createdAt!) };
  if (write.reoffer) return decideReoffer(write, context, current, nowMs);
  if (sameContent(write, current)) return remembered(write, current, "duplicate", null);
  if (isCurrentBase(write, context, current)) return takeWrite(write, context, nowMs);
  if (!baseOf(write, context) && !current.deleted && write.syncVersion > current.syncVersion) {
    // The seed's rule. What it overwrote of another device is kept as a settled conflict, for people to see.
    const overwritten =
      current.deviceId === write.deviceId ? null : conflictOf(write, current, "CLIENT_WINS", "CLIENT", nowMs);
    return takeWrite(write, context, nowMs, overwritten);
  }
  return settle(write, context, current, nowMs);
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
 * Restores: what a replica held when the server lost it. Taken if above everything that the epoch began with or that was re-offered
 * since, whoever comes first; against a value newly written in this epoch the policy decides.
 */
function decideReoffer(
  write: CheckedWrite,
  context: RecordContext,
  current: StoredRecord,
  nowMs: number,
): Decided {
  const isOld = (version: StoredVersion): boolean => version.seq <= context.epochSeq || version.reoffered;
  const known = [current, ...context.history]
    .filter(isOld)
    .reduce((highest, version) => Math.max(highest, version.syncVersion), 0);
  if (write.syncVersion <= known || (current.deleted === write.deleted && current.hash === write.hash))
    return remembered(write, current, "duplicate", null);
  return isOld(current) ? takeWrite(write, context, nowMs) : settle(write, context, current, nowMs);
}
