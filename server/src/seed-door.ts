/** The seed's HTTP API: batches of orders and transactions from existing devices, and their updates. Transports call it; accept decides. */
import {
  itemToWrite,
  updatesOf,
  type BatchRequest,
  type BatchResponse,
  type SeedCollection,
  type SyncResponse,
  type UpdatesResponse,
} from "@tillwire/protocol/batch-api";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import { ALL_COLLECTIONS, choiceOf } from "@tillwire/protocol/sync-token";
import type { Device } from "./auth.ts";
import type { Gate } from "./gate.ts";
import { fileItems, readTransactions } from "./seed-filing.ts";
import { logBatch, logSuccess } from "./seed-log.ts";
import type { SessionServices } from "./session-services.ts";
import type { RecordKey, SeedQueries, UpdatesPage, UpdatesStart } from "./store/seed-queries.ts";

export interface SeedDoor {
  /** @throws ReplicationError FORBIDDEN, UNPROCESSABLE, RESET, and what Accept.submit throws */
  batch(device: Device, body: BatchRequest, requestId: string): Promise<BatchResponse>;
  item(device: Device, collection: SeedCollection, item: unknown, requestId: string): Promise<SyncResponse>;
  /** @param since a sync token, or epoch milliseconds; null: everything */
  updates(device: Device, since: string | null): Promise<UpdatesResponse>;
}

/** Records that are added to an answer take at most this much of its updates: the feed goes on in every answer. */
const EXTRA_UPDATES = 400;
const CHOICE = choiceOf(["orders", "transactions"]);

export function createSeedDoor(services: SessionServices, queries: SeedQueries, gate: Gate): SeedDoor {
  /** @param extra records that the device must see, whatever it has seen of the feed */
  async function readUpdates(device: Device, start: UpdatesStart, extra: readonly RecordKey[]): Promise<UpdatesPage> {
    const keys = extra.slice(0, EXTRA_UPDATES);
    const limit = LIMITS.batchUpdates - keys.length;
    const page = await gate.run(
      () => queries.readUpdates(device.storeId, device.deviceId, start, limit),
      device.storeId,
    );
    if (!page) throw new ReplicationError("UNAUTHENTICATED", "the device is not known");
    const there = new Set(page.records.map(nameOf));
    const missing = keys.filter((key) => !there.has(nameOf(key)));
    const records = await gate.run(() => queries.readRecords(device.storeId, missing), device.storeId);
    return { ...page, records: [...page.records, ...records] };
  }

  /** The epoch in force, and where the sync token stands in it; null: there is no token. */
  async function placeOf(device: Device, syncToken: string | null): Promise<{ epoch: string; cursor: number | null }> {
    if (syncToken === null) {
      const { epoch } = await services.feed.readHead(device.storeId);
      return { epoch, cursor: null };
    }
    const choice = services.tokens.read(device.storeId, syncToken)?.choice;
    if (choice !== CHOICE && choice !== ALL_COLLECTIONS)
      throw new ReplicationError("UNPROCESSABLE", "not a sync token for orders and transactions");
    const { epoch, position, reset } = await services.feed.locate(device.storeId, syncToken);
    if (reset) throw new ReplicationError("RESET", "read again from the beginning");
    return { epoch, cursor: position };
  }

  async function startOf(device: Device, since: string | null): Promise<UpdatesStart> {
    if (since !== null && /^\d{1,15}$/.test(since)) {
      return { kind: "time", sinceMs: Math.max(0, Number(since) - LIMITS.sinceOverlapMs) };
    }
    const { cursor } = await placeOf(device, since);
    return { kind: "cursor", cursor: cursor ?? 0 };
  }

  return {
    async batch(device, body, requestId) {
      if (body.deviceId !== device.deviceId) throw new ReplicationError("FORBIDDEN", "deviceId is not the token's");
      const { epoch, cursor } = await placeOf(device, body.syncToken ?? null);
      const read = (item: unknown) => itemToWrite("orders", item);
      const orderItems = await services.turns.map(device.storeId, body.orders ?? [], read);
      logBatch(services.log, device, orderItems.length, body.transactions?.length ?? 0, requestId);
      const orders = await fileItems(services, device, epoch, "orders", orderItems, requestId);
      // After the orders: what their ids were amended to must be known.
      const { items, translated } = await readTransactions(
        { services, queries, gate },
        device,
        body.transactions ?? [],
      );
      const transactions = await fileItems(services, device, epoch, "transactions", items, requestId);
      const start: UpdatesStart =
        cursor === null ? { kind: "timestamp", timestamp: body.lastSyncTimestamp ?? null } : { kind: "cursor", cursor };
      const page = await readUpdates(device, start, [...orders.conflicts, ...transactions.conflicts, ...translated]);
      logSuccess(services.log, device, orders.responses, transactions.responses, requestId);
      return {
        success: true,
        syncedOrders: orders.responses,
        syncedTransactions: transactions.responses,
        serverUpdates: updatesOf(page.records),
        nextSyncToken: nextTokenOf(services, device.storeId, page),
      };
    },
    async item(device, collection, item, requestId) {
      const { epoch } = await placeOf(device, null);
      const items =
        collection === "orders"
          ? [itemToWrite("orders", item)]
          : (await readTransactions({ services, queries, gate }, device, [item])).items;
      const { responses } = await fileItems(services, device, epoch, collection, items, requestId);
      return responses[0]!;
    },
    async updates(device, since) {
      const page = await readUpdates(device, await startOf(device, since), []);
      return {
        ...updatesOf(page.records),
        nextSyncToken: nextTokenOf(services, device.storeId, page),
        hasMore: page.to < page.head,
      };
    },
  };
}

function nameOf({ collection, localId }: RecordKey): string {
  return `${collection}/${localId}`;
}

function nextTokenOf({ tokens }: SessionServices, storeId: string, { epoch, to, stamp }: UpdatesPage): string {
  return tokens.format(storeId, { epoch, cursor: to, choice: CHOICE, stamp });
}
