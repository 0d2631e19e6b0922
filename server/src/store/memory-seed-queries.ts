/** The twin in memory of seed-queries.ts. */
import type { SeedCollection, UpdatedRecord } from "@tillwire/protocol/batch-api";
import type { MemoryDatabase, MemoryDevice, MemoryRow, MemoryShop } from "./memory-database.ts";
import {
  UPDATES_BYTES,
  type OrderCandidate,
  type SeedQueries,
  type UpdatesPage,
  type UpdatesStart,
} from "./seed-queries.ts";

const SEED_COLLECTIONS = ["orders", "transactions"];

export function createMemorySeedQueries(database: MemoryDatabase): SeedQueries {
  return {
    async readUpdates(storeId, deviceId, start, limit) {
      const shop = database.shops.get(storeId);
      if (!shop) return null;
      const device = shop.devices.get(deviceId);
      if (start.kind === "timestamp" && !device) return null;
      const from = firstSeqOf(shop, device, start);
      const page = pageOf(shop, deviceId, from, limit);
      if (start.kind === "timestamp" && device)
        shop.devices.set(deviceId, {
          ...device,
          syncTimestamp: start.timestamp,
          syncAnswer: { from, to: page.to },
        });
      return page;
    },
    async readRecords(storeId, keys) {
      const shop = database.shops.get(storeId);
      const rows = keys.flatMap(({ collection, localId }) => shop?.record(collection, localId) ?? []);
      return fitting(rows).map(updatedRecord);
    },
    async readOrders(storeId, ids, prefixes) {
      const orders = rowsOf(database.shops.get(storeId)).filter(({ collection }) => collection === "orders");
      const meant = orders.filter(
        ({ localId }) => ids.includes(localId) || prefixes.some((prefix) => localId.startsWith(`${prefix}.`)),
      );
      return meant.map(({ localId, uniqueKey, createdBy, seq }): OrderCandidate => ({
        localId,
        number: uniqueKey,
        createdBy,
        seq,
      }));
    },
    async readOrderIds(storeId, transactionIds) {
      const shop = database.shops.get(storeId);
      return new Map(
        transactionIds.flatMap((localId) => {
          const row = shop?.record("transactions", localId);
          if (!row) return [];
          const { orderId } = JSON.parse(row.dataJson ?? "{}") as { orderId?: unknown };
          return [[localId, typeof orderId === "string" ? orderId : null] as const];
        }),
      );
    },
  };
}

function rowsOf(shop: MemoryShop | undefined): MemoryRow[] {
  return shop ? shop.feed.flatMap((key) => (key === undefined ? [] : shop.records.get(key)!)) : [];
}

function firstSeqOf(shop: MemoryShop, device: MemoryDevice | undefined, start: UpdatesStart): number {
  switch (start.kind) {
    case "cursor":
      return start.cursor;
    case "time":
      return rowsOf(shop).findLast(({ updatedAt, reoffered }) => updatedAt < start.sinceMs && !reoffered)?.seq ?? 0;
    case "timestamp": {
      const answer = device?.syncAnswer ?? null;
      if (start.timestamp === null || !answer) return 0;
      return device!.syncTimestamp === start.timestamp ? answer.from : answer.to;
    }
  }
}

function pageOf(shop: MemoryShop, deviceId: string, from: number, limit: number): UpdatesPage {
  const isOwn = (row: MemoryRow): boolean =>
    row.deviceId === deviceId && row.sentHash === null && row.sentVersion === null;
  const page = rowsOf(shop)
    .filter((row) => row.seq > from && SEED_COLLECTIONS.includes(row.collection) && !isOwn(row))
    .slice(0, limit);
  const rows = fitting(page);
  const to = page.length === limit || rows.length < page.length ? rows.at(-1)!.seq : Math.max(shop.head, from);
  return { epoch: shop.epoch, head: shop.head, to, stamp: shop.stampAt(to), records: rows.map(updatedRecord) };
}

function fitting(rows: readonly MemoryRow[]): MemoryRow[] {
  let bytes = 0;
  return rows.filter((row) => {
    const fits = bytes < UPDATES_BYTES;
    bytes += JSON.stringify(updatedRecord(row)).length;
    return fits;
  });
}

function updatedRecord(row: MemoryRow): UpdatedRecord {
  const { localId, syncVersion, hash, deleted, createdBy, updatedAt, dataJson } = row;
  return {
    ...{ collection: row.collection as SeedCollection, localId, syncVersion, hash, deleted, createdBy, updatedAt },
    data: dataJson === null ? null : (JSON.parse(dataJson) as Record<string, unknown>),
  };
}
