/** What a write was made on, and whether that is what the server has. Pure. */
import type { AnyCollection } from "@tillwire/protocol/collection";
import { hashOf } from "@tillwire/protocol/hash";
import type { Base } from "@tillwire/protocol/messages";
import { namedHashOf, type CheckedWrite } from "./checked-write.ts";
import type { RecordContext, StoredRecord } from "./store/store.ts";

/** What the write was made on. A seed item's `serverHash` names the latest version with that hash, as stored or as sent. */
export function baseOf(write: CheckedWrite, context: RecordContext): Base | null {
  if (write.base) return write.base;
  const hash = namedHashOf(write);
  if (!hash) return null;
  const versions = context.current ? [context.current, ...context.history] : context.history;
  const named = versions.find((version) => version.hash === hash || version.sentHash === hash);
  return named ? { version: named.syncVersion, hash: named.hash } : null;
}

/** Rule 2: content equal to the current record's. Where fields count, an equal value on a stale base is another change. */
export function sameContent(write: CheckedWrite, current: StoredRecord): boolean {
  if (current.deleted !== write.deleted || current.hash !== write.hash) return false;
  const staleBase =
    write.base !== null && !(write.base.version === current.syncVersion && write.base.hash === current.hash);
  return !(staleBase && (write.collection.sumFields?.length ?? 0) > 0);
}

/** Rule 3: the base is the current value, as stored or, where only a number was amended, as sent. */
export function isCurrentBase(write: CheckedWrite, context: RecordContext, current: StoredRecord): boolean {
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
