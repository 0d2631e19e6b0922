/** The twin of the functions `commit_writes` and `commit_new`: what of a plan still holds is applied, and what does not is told. */
import type { MemoryDecided, MemoryRow, MemoryShop } from "./memory-database.ts";
import {
  storedAt,
  StoreDataError,
  StoreUnavailable,
  type AsSent,
  type CommitResult,
  type PlannedRow,
  type PlannedWrite,
  type RefusalReason,
  type Stamp,
} from "./store.ts";

const NOTHING = { sameEpoch: false, at: 0, refused: new Map<number, RefusalReason>(), digests: new Map() };

/** SQLSTATE codes of what the twin refuses as PostgreSQL would. */
const UNIQUE_VIOLATION = "23505";
const NO_SUCH_ESCAPE = "22P05";
const TWICE_IN_ONE_COMMIT = "21000";

/** @param nowMs the database's clock */
export function commitToMemory(
  shop: MemoryShop | undefined,
  epoch: string,
  writes: readonly PlannedWrite[],
  nowMs: number,
  stamp: Stamp,
): CommitResult {
  if (!shop) return { ...NOTHING, epoch: "", stampBefore: null, headBefore: 0, headAfter: 0 };
  const stampBefore = shop.stampAt(shop.head);
  if (shop.epoch !== epoch)
    return { ...NOTHING, epoch: shop.epoch, stampBefore, headBefore: shop.head, headAfter: shop.head };
  const at = Math.max(Math.trunc(nowMs), shop.changedAt);
  const refused = new Map<number, RefusalReason>();
  writes.forEach((write, index) => {
    const reason = refusalOf(shop, write);
    if (reason) refused.set(index, reason);
  });
  const good = writes.filter((_, index) => !refused.has(index));
  // All or nothing: what makes the statement fail is looked for before anything is stored.
  checkTogether(shop, good);
  const headBefore = shop.head;
  for (const { asSent, remember, rows } of good) {
    for (const row of rows) shop.store(storedRow(shop, row, at, stamp));
    if (remember) {
      const { outcome, conflict, dataJson } = remember;
      const decided: MemoryDecided = {
        ...{ outcome, dataJson, syncVersion: asSent.syncVersion, hash: asSent.hash },
        conflict: conflict && (JSON.parse(JSON.stringify(conflict)) as MemoryDecided["conflict"]),
      };
      shop.remember(asSent.collection, asSent.localId, asSentKey(asSent), decided);
    }
  }
  if (shop.head > headBefore) shop.changedAt = at;
  return {
    epoch,
    stampBefore,
    sameEpoch: true,
    headBefore,
    headAfter: shop.head,
    at,
    refused,
    digests: shop.digests(),
  };
}

/** How a write was sent, within its record. */
export function asSentKey({ deviceId, syncVersion, hash, base }: AsSent): string {
  return `${deviceId}|${syncVersion}|${hash}|${base}`;
}

function refusalOf(shop: MemoryShop, { sender, asSent, rows, policyVersion }: PlannedWrite): RefusalReason | null {
  const device = shop.devices.get(sender);
  if (sender !== "server" && (!device || device.revokedAt !== null)) return "revoked";
  const decided = shop.decided.get(`${asSent.collection}/${asSent.localId}`);
  if (decided?.has(asSentKey(asSent))) return "decided";
  if (policyVersion !== null && policyVersion !== shop.policyVersion) return "policy";
  const reasons = rows.map((row) => rowRefusalOf(shop, row));
  // of several reasons the alphabet's last, as max() of texts
  return reasons.includes("stale") ? "stale" : reasons.includes("number") ? "number" : null;
}

function rowRefusalOf(shop: MemoryShop, row: PlannedRow): RefusalReason | null {
  const current = shop.record(row.collection, row.localId);
  const isAsExpected =
    (current?.syncVersion ?? 0) === row.expect.version && (current?.hash ?? null) === row.expect.hash;
  if (!isAsExpected) return "stale";
  const bearer = row.uniqueKey === null ? undefined : shop.bearerOf(row.collection, row.uniqueKey);
  return bearer !== undefined && bearer !== row.localId ? "number" : null;
}

/** @throws what PostgreSQL would: plans of one commit that take the same record or number, text that jsonb can't keep */
function checkTogether(shop: MemoryShop, writes: readonly PlannedWrite[]): void {
  const records = new Set<string>();
  const numbers = new Set<string>();
  const remembered = new Set<string>();
  const claim = (taken: Set<string>, key: string, error: () => Error): void => {
    if (taken.has(key)) throw error();
    taken.add(key);
  };
  for (const { asSent, remember, rows } of writes) {
    for (const row of rows) {
      const key = `${row.collection}/${row.localId}`;
      claim(records, key, () => new StoreUnavailable(TWICE_IN_ONE_COMMIT));
      if (row.uniqueKey !== null)
        claim(numbers, `${row.collection}/${row.uniqueKey}`, () => new StoreDataError(UNIQUE_VIOLATION));
      const current = shop.record(row.collection, row.localId);
      const isKept = shop
        .historyOf(row.collection, row.localId)
        .some((each) => each.syncVersion === current?.syncVersion);
      if (isKept) throw new StoreDataError(UNIQUE_VIOLATION);
      checkText(row.dataJson);
    }
    if (!remember) continue;
    const key = `${asSent.collection}/${asSent.localId}/${asSentKey(asSent)}`;
    claim(remembered, key, () => new StoreDataError(UNIQUE_VIOLATION));
    checkText(remember.dataJson);
  }
}

function checkText(dataJson: string | null): void {
  if (dataJson?.includes("\\u0000") && JSON.stringify(JSON.parse(dataJson), withoutNull) !== dataJson)
    throw new StoreDataError(NO_SUCH_ESCAPE);
}

function withoutNull(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.replaceAll("\0", "") : value;
}

function storedRow(shop: MemoryShop, row: PlannedRow, at: number, stamp: Stamp): MemoryRow {
  const { expect: _, ...rest } = row;
  const current = shop.record(row.collection, row.localId);
  shop.head += 1;
  return {
    ...rest,
    base: row.base && { version: row.base.version, hash: row.base.hash },
    // A deleted record keeps its number: nobody else shall bear it.
    uniqueKey: row.deleted && current ? current.uniqueKey : row.uniqueKey,
    seq: shop.head,
    updatedAt: storedAt(row, at),
    stamp,
  };
}
