/** The seed's HTTP API: batches of orders and transactions from existing devices, and their updates. Transports call it; accept decides. */
import {
  isSeedWrite,
  itemToWrite,
  syncResponseOf,
  unreadableResponse,
  updatesOf,
  type BatchRequest,
  type BatchResponse,
  type SeedCollection,
  type SeedWrite,
  type SyncResponse,
  type UnreadableItem,
  type UpdatesResponse,
} from "@tillwire/protocol/batch-api";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result } from "@tillwire/protocol/messages";
import { ALL_COLLECTIONS, choiceOf, formatSyncToken, parseSyncToken } from "@tillwire/protocol/sync-token";
import type { SubmittedWrite } from "./accept.ts";
import type { Device } from "./auth.ts";
import type { Gate } from "./gate.ts";
import { orderMeant, refiledPrefixes, type OrderMention } from "./order-translation.ts";
import { submitPush } from "./push.ts";
import { logBatch, logItem, logSuccess } from "./seed-log.ts";
import type { SessionServices } from "./session-services.ts";
import type { RecordKey, SeedQueries, UpdatesPage, UpdatesStart } from "./store/seed-queries.ts";

export interface SeedDoor {
  batch(device: Device, body: BatchRequest, requestId: string): Promise<BatchResponse>;
  /** One item. */
  item(device: Device, collection: SeedCollection, item: unknown, requestId: string): Promise<SyncResponse>;
  /** @param since a sync token, or epoch milliseconds; null: everything */
  updates(device: Device, since: string | null): Promise<UpdatesResponse>;
}

/** Writes a submission; larger batches take several commits. */
const SUBMISSION_WRITES = 500;
/** Conflicts' records take at most this much of an answer's updates: the feed goes on in every answer. */
const EXTRA_UPDATES = 400;
const CHOICE = choiceOf(["orders", "transactions"]);

interface Filed {
  readonly responses: SyncResponse[];
  /** Records whose current value the device must see: conflicts, and what was stored otherwise than sent. */
  readonly extra: RecordKey[];
}

export function createSeedDoor(services: SessionServices, queries: SeedQueries, gate: Gate): SeedDoor {
  const { runtime } = services;

  async function file(device: Device, epoch: string, collection: SeedCollection, items: readonly (SeedWrite | UnreadableItem)[], requestId: string): Promise<Filed> {
    const readable = items.filter(isSeedWrite);
    const results: Result[] = [];
    const filedUnder = new Map<Result, string>();
    for (let start = 0; start < readable.length; start += SUBMISSION_WRITES) {
      const writes = readable.slice(start, start + SUBMISSION_WRITES).map((item) => submittedOf(item, device));
      const submission = await submitPush(services, device, epoch, writes, requestId);
      submission.results.forEach((result, index) => {
        results.push(result);
        const id = submission.filedUnder.get(index);
        if (id !== undefined) filedUnder.set(result, id);
      });
    }
    const extra: RecordKey[] = [];
    let next = 0;
    const responses = items.map((item) => {
      if (!isSeedWrite(item)) return unreadableResponse(item, runtime.now());
      const result = results[next++]!;
      const id = filedUnder.get(result);
      if (result.outcome === "conflict") extra.push({ collection, localId: id ?? result.localId });
      logItem(services.log, device, collection, result, requestId);
      return syncResponseOf(result, id, runtime.now());
    });
    return { responses, extra };
  }

  /** Reads the transactions, their orders' ids translated. `translated`: those that differ from what was sent. */
  async function readTransactions(device: Device, items: readonly unknown[]): Promise<{ items: (SeedWrite | UnreadableItem)[]; translated: RecordKey[] }> {
    const asSent = items.map((item) => itemToWrite("transactions", item));
    const mentions = asSent.map((item) => (isSeedWrite(item) ? mentionOf(item, device) : null));
    const named = mentions.filter((mention) => mention !== null);
    if (named.length === 0) return { items: asSent, translated: [] };
    const ids = [...new Set(named.map(({ orderId }) => orderId))];
    const [orders, known] = await Promise.all([
      gate.run(() => queries.readOrders(device.storeId, ids, [...new Set(ids.flatMap(refiledPrefixes))])),
      gate.run(() => queries.readOrderIds(device.storeId, asSent.flatMap((item) => (isSeedWrite(item) ? item.write.localId : [])))),
    ]);
    const translated: RecordKey[] = [];
    const read = asSent.map((item, index) => {
      const mention = mentions[index];
      if (!mention || !isSeedWrite(item)) return item;
      const meant = orderMeant(mention, orders);
      // Taken as it was sent, before its order was here: a retry must stay what it was.
      const keptAsSent = known.get(item.write.localId) === mention.orderId;
      if (meant === null || meant === mention.orderId || keptAsSent) return item;
      translated.push({ collection: "transactions", localId: item.write.localId });
      return itemToWrite("transactions", items[index], (data) => ({ ...data, orderId: meant }));
    });
    return { items: read, translated };
  }

  async function answerUpdates(device: Device, start: UpdatesStart, extra: readonly RecordKey[]): Promise<UpdatesPage> {
    const keys = extra.slice(0, EXTRA_UPDATES);
    const page = await gate.run(() => queries.readUpdates(device.storeId, device.deviceId, start, LIMITS.batchUpdates - keys.length));
    if (!page) throw new ReplicationError("UNAUTHENTICATED", "the device is not known");
    const there = new Set(page.records.map(({ collection, localId }) => `${collection}/${localId}`));
    const missing = keys.filter(({ collection, localId }) => !there.has(`${collection}/${localId}`));
    const records = await gate.run(() => queries.readRecords(device.storeId, missing));
    return { ...page, records: [...page.records, ...records] };
  }

  /** The current epoch. @throws ReplicationError RESET when the token names another */
  async function epochFor(device: Device, syncToken: string | null): Promise<{ epoch: string; cursor: number | null }> {
    const cursor = syncToken === null ? null : cursorOf(syncToken);
    const { epoch } = await services.feed.readHead(device.storeId);
    if (cursor && cursor.epoch !== epoch) throw new ReplicationError("RESET", "another epoch has begun");
    return { epoch, cursor: cursor?.cursor ?? null };
  }

  return {
    async batch(device, body, requestId) {
      if (body.deviceId !== device.deviceId) throw new ReplicationError("FORBIDDEN", "deviceId is not the token's");
      const { epoch, cursor } = await epochFor(device, body.syncToken ?? null);
      const orders = (body.orders ?? []).map((item) => itemToWrite("orders", item));
      logBatch(services.log, device, orders.length, body.transactions?.length ?? 0, requestId);
      const filedOrders = await file(device, epoch, "orders", orders, requestId);
      // After the orders: their amended ids must be known.
      const { items, translated } = await readTransactions(device, body.transactions ?? []);
      const filedTransactions = await file(device, epoch, "transactions", items, requestId);
      const start: UpdatesStart = cursor === null ? { kind: "timestamp", timestamp: body.lastSyncTimestamp ?? null } : { kind: "cursor", cursor };
      const page = await answerUpdates(device, start, [...filedOrders.extra, ...filedTransactions.extra, ...translated]);
      logSuccess(services.log, device, filedOrders.responses, filedTransactions.responses, requestId);
      return {
        success: true,
        syncedOrders: filedOrders.responses,
        syncedTransactions: filedTransactions.responses,
        serverUpdates: updatesOf(page.records),
        nextSyncToken: nextTokenOf(page),
      };
    },
    async item(device, collection, item, requestId) {
      const { epoch } = await epochFor(device, null);
      const items = collection === "orders" ? [itemToWrite("orders", item)] : (await readTransactions(device, [item])).items;
      const { responses } = await file(device, epoch, collection, items, requestId);
      return responses[0]!;
    },
    async updates(device, since) {
      const page = await answerUpdates(device, await startOf(device, since), []);
      return { ...updatesOf(page.records), nextSyncToken: nextTokenOf(page), hasMore: page.to < page.head };
    },
  };

  async function startOf(device: Device, since: string | null): Promise<UpdatesStart> {
    if (since === null) return { kind: "cursor", cursor: 0 };
    if (/^\d{1,16}$/.test(since)) return { kind: "time", sinceMs: Math.max(0, Number(since) - LIMITS.sinceOverlapMs) };
    const { cursor } = await epochFor(device, since);
    return { kind: "cursor", cursor: cursor ?? 0 };
  }
}

function submittedOf(item: SeedWrite, device: Device): SubmittedWrite {
  return { write: item.write, seed: { baseHash: item.baseHash, createdAt: item.createdAt, createdBy: item.createdBy ?? device.deviceId } };
}

function mentionOf(item: SeedWrite, device: Device): OrderMention | null {
  const data = item.write.data as Record<string, unknown> | null;
  const orderId = data?.["orderId"];
  if (typeof orderId !== "string" || orderId === "" || orderId.length > LIMITS.idLength) return null;
  const orderNumber = data?.["orderNumber"];
  return { orderId, orderNumber: typeof orderNumber === "string" ? orderNumber : null, createdBy: item.createdBy ?? device.deviceId };
}

/** @throws ReplicationError UNPROCESSABLE: the token must cover orders and transactions */
function cursorOf(syncToken: string): { epoch: string; cursor: number } {
  const token = parseSyncToken(syncToken);
  if (!token || (token.choice !== CHOICE && token.choice !== ALL_COLLECTIONS)) {
    throw new ReplicationError("UNPROCESSABLE", "not a sync token for orders and transactions");
  }
  return token;
}

function nextTokenOf({ epoch, to }: UpdatesPage): string {
  return formatSyncToken({ epoch, cursor: to, choice: CHOICE });
}
