/**
 * The twin in memory of postgres-store.ts, for the simulator and for tests: the same answers to the same calls, which
 * test/store-conformance.test.ts compares. Every call is one step, as every call there is one statement.
 */
import { amendmentPrefix } from "../amend-number.ts";
import { encodeChange } from "./change-json.ts";
import { asSentKey, commitToMemory } from "./memory-commit.ts";
import type { MemoryDatabase, MemoryRow, MemoryShop } from "./memory-database.ts";
import type {
  ContextQuery,
  EncodedChange,
  FeedPage,
  FeedQuery,
  RecordContext,
  ReplicationStore,
  StoredRecord,
  StoredVersion,
  StoreHead,
} from "./store.ts";

export function createMemoryStore(database: MemoryDatabase): ReplicationStore {
  const { now } = database;
  const heads = (storeIds: readonly string[]) =>
    storeIds.flatMap((storeId) => database.shops.get(storeId) ?? []).map((shop) => headOf(shop));
  return {
    commit: async (storeId, epoch, writes, stamp) =>
      commitToMemory(database.shops.get(storeId), epoch, writes, now(), stamp ?? null),
    async readContexts(storeId, queries, maxBytes = Number.MAX_SAFE_INTEGER) {
      const shop = database.shops.get(storeId);
      const contexts: RecordContext[] = [];
      for (let bytes = 0; shop && contexts.length < queries.length && bytes < maxBytes;) {
        const context = contextOf(shop, queries[contexts.length]!);
        bytes += JSON.stringify(context).length;
        contexts.push(context);
      }
      return contexts;
    },
    async readFeed(query) {
      const shop = database.shops.get(query.storeId);
      if (!shop) throw new Error(`no store ${query.storeId}`);
      return readPage(shop, query);
    },
    readHeads: async (storeIds) => heads(storeIds),
    readHead: async (storeId) => heads([storeId])[0] ?? null,
    async readPlace(storeId, seq) {
      const shop = database.shops.get(storeId);
      return shop ? { ...headOf(shop), stampAt: shop.stampAt(seq) } : null;
    },
    async beginEpoch(storeId, expected, epoch, reoffer) {
      const shop = database.shops.get(storeId);
      if (shop?.epoch === expected) Object.assign(shop, { epoch, epochSeq: shop.head, reoffer });
      return shop?.epoch as string;
    },
    wantsReoffers: async (storeId, epoch) => {
      const shop = database.shops.get(storeId);
      return shop !== undefined && (shop.reoffer || shop.epoch !== epoch);
    },
  };
}

function headOf(shop: MemoryShop): StoreHead {
  const { storeId, head, epoch } = shop;
  return { storeId, head, epoch, stamp: shop.stampAt(head) };
}

function contextOf(shop: MemoryShop, query: ContextQuery): RecordContext {
  const { asSent, namedHash } = query;
  const { collection, localId } = asSent;
  const current = shop.record(collection, localId);
  const history = shop.historyOf(collection, localId);
  const decided = shop.decided.get(`${collection}/${localId}`)?.get(asSentKey(asSent));
  const named = history.filter(({ hash, sentHash }) => namedHash !== null && [hash, sentHash].includes(namedHash));
  const from = Math.min(asSent.syncVersion, highestVersion(named) ?? asSent.syncVersion);
  const policy = shop.collections.get(collection)?.policy ?? null;
  const openConflict = shop.bearerOf("conflicts", query.openConflictKey);
  const resolves = query.resolves === null ? undefined : shop.record("conflicts", query.resolves);
  return {
    current: current ? recordOf(current) : null,
    history: history
      .filter(({ syncVersion }) => syncVersion >= from)
      .sort((a, b) => b.syncVersion - a.syncVersion)
      .map(versionOf),
    lastData: current?.deleted ? dataOf(latest(history.filter(({ deleted }) => !deleted))) : null,
    baseData: baseDataOf(shop, query),
    decided: decided ? { outcome: decided.outcome, conflict: structuredClone(decided.conflict) } : null,
    openConflict: openConflict === undefined ? null : recordOf(shop.record("conflicts", openConflict)!),
    resolves: resolves ? recordOf(resolves) : null,
    number: numberOf(shop, query),
    epoch: shop.epoch,
    epochSeq: shop.epochSeq,
    epochReoffer: shop.reoffer,
    policy,
    policyVersion: shop.policyVersion,
  };
}

function baseDataOf(shop: MemoryShop, { asSent, base }: ContextQuery): Record<string, unknown> | null {
  if (!base) return null;
  const isBase = (version: { syncVersion: number; hash: string }): boolean =>
    version.syncVersion === base.version && version.hash === base.hash;
  const stored = shop.historyOf(asSent.collection, asSent.localId).find(isBase);
  if (stored) return dataOf(stored);
  const decided = shop.decided.get(`${asSent.collection}/${asSent.localId}`)?.values() ?? [];
  return dataOf([...decided].find((each) => isBase(each) && each.dataJson !== null));
}

function numberOf(shop: MemoryShop, { asSent, number }: ContextQuery): RecordContext["number"] {
  if (number === null) return { taken: false, nextAmendment: 2 };
  const bearer = shop.bearerOf(asSent.collection, number);
  const prefix = `${amendmentPrefix(number)}-`;
  const used = new Set<number>();
  for (const each of shop.numbers.get(asSent.collection)?.keys() ?? [])
    if (each.startsWith(prefix) && /^[1-9][0-9]{0,7}$/.test(each.slice(prefix.length)))
      used.add(Number(each.slice(prefix.length)));
  let nextAmendment = 2;
  while (used.has(nextAmendment)) nextAmendment += 1;
  return { taken: bearer !== undefined && bearer !== asSent.localId, nextAmendment };
}

function readPage(shop: MemoryShop, { from, collections, maxChanges, maxBytes }: FeedQuery): FeedPage {
  const changes: EncodedChange[] = [];
  let bytes = 0;
  let isFull = false;
  for (let seq = from + 1; seq <= shop.head && !isFull; seq++) {
    const key = shop.feed[seq];
    const row = key === undefined ? undefined : shop.records.get(key)!;
    if (!row || (collections && !collections.includes(row.collection))) continue;
    if (bytes >= maxBytes && changes.length > 0) {
      isFull = true;
      break;
    }
    const change = encodeChange(row, row);
    changes.push(change);
    bytes += Buffer.byteLength(change.json);
    isFull = changes.length === maxChanges;
  }
  const to = isFull ? changes.at(-1)!.seq : Math.max(shop.head, from);
  const stamps = { fromStamp: shop.stampAt(from), stamp: shop.stampAt(Math.min(to, shop.head)) };
  return { epoch: shop.epoch, from, to, head: shop.head, changes, digests: shop.digests(), ...stamps };
}

function versionOf(row: MemoryRow): StoredVersion {
  const { seq, syncVersion, hash, sentVersion, sentHash, base, uniqueKey } = row;
  const { createdBy, deviceId, deleted, reoffered, updatedAt } = row;
  return {
    ...{ seq, syncVersion, hash, sentVersion, sentHash, base: base && { ...base }, uniqueKey },
    ...{ createdBy, deviceId, deleted, reoffered, updatedAt },
  };
}

function recordOf(row: MemoryRow): StoredRecord {
  return { ...versionOf(row), data: dataOf(row) };
}

function dataOf(row: { readonly dataJson: string | null } | undefined): Record<string, unknown> | null {
  return row?.dataJson == null ? null : (JSON.parse(row.dataJson) as Record<string, unknown>);
}

function highestVersion(rows: readonly MemoryRow[]): number | undefined {
  return latest(rows)?.syncVersion;
}

function latest(rows: readonly MemoryRow[]): MemoryRow | undefined {
  return rows.reduce<MemoryRow | undefined>(
    (best, row) => (best && best.syncVersion > row.syncVersion ? best : row),
    undefined,
  );
}
