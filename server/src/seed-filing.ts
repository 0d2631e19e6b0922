/** Items of existing devices on their way through accept, and what each of them is answered. */
import {
  isSeedWrite,
  itemToWrite,
  syncResponseOf,
  unreadableResponse,
  type SeedCollection,
  type SeedWrite,
  type SyncResponse,
  type UnreadableItem,
} from "@tillwire/protocol/batch-api";
import { LIMITS } from "@tillwire/protocol/limits";
import type { SubmittedWrite } from "./accept.ts";
import type { Device } from "./auth.ts";
import type { Gate } from "./gate.ts";
import { orderMeant, refiledPrefixes, type OrderMention } from "./order-translation.ts";
import { submitPush } from "./push.ts";
import { logItem } from "./seed-log.ts";
import type { SessionServices } from "./session-services.ts";
import type { RecordKey, SeedQueries } from "./store/seed-queries.ts";

export type ReadItem = SeedWrite | UnreadableItem;

export interface Filed {
  /** In the order of the items. */
  readonly responses: SyncResponse[];
  /** Records in conflict: the device must see their current value. */
  readonly conflicts: RecordKey[];
}

/** Larger batches take several submissions. */
const SUBMISSION_WRITES = 500;
/** Characters of all that differed, in one answer; what became of each item is told in any case. */
const DIFFERENCES_LENGTH = 2 * 1024 * 1024;

/** @throws what Accept.submit throws; what was taken until then is found to be a duplicate when it is sent again */
export async function fileItems(
  services: SessionServices,
  device: Device,
  epoch: string,
  collection: SeedCollection,
  items: readonly ReadItem[],
  requestId: string,
): Promise<Filed> {
  const readable = items.filter(isSeedWrite);
  const answers: SyncResponse[] = [];
  const conflicts: RecordKey[] = [];
  let room = DIFFERENCES_LENGTH;
  const { log, runtime } = services;
  for (let start = 0; start < readable.length; start += SUBMISSION_WRITES) {
    const writes = readable.slice(start, start + SUBMISSION_WRITES).map((item) => submittedOf(item, device));
    const { results, filedUnder } = await submitPush(services, device, epoch, writes, requestId);
    results.forEach((result, index) => {
      const id = filedUnder.get(index);
      if (result.outcome === "conflict") conflicts.push({ collection, localId: id ?? result.localId });
      logItem(log, device, collection, result, requestId);
      const answer = syncResponseOf(result, id, runtime.now());
      room -= JSON.stringify(answer.conflicts).length;
      answers.push(room >= 0 ? answer : { ...answer, conflicts: [] });
    });
  }
  let next = 0;
  const responses = items.map((item) =>
    isSeedWrite(item) ? answers[next++]! : unreadableResponse(item, runtime.now()),
  );
  return { responses, conflicts };
}

function submittedOf({ write, baseHash, createdAt, createdBy }: SeedWrite, device: Device): SubmittedWrite {
  return { write, seed: { baseHash, createdAt, createdBy: createdBy ?? device.deviceId } };
}

export interface ReadTransactions {
  readonly items: ReadItem[];
  /** Those that are stored otherwise than they were sent. */
  readonly translated: RecordKey[];
}

interface FilingParts {
  readonly services: Pick<SessionServices, "turns">;
  readonly queries: SeedQueries;
  readonly gate: Gate;
}

/** Reads transactions with the ids of their orders translated; the orders must have been filed before. */
export async function readTransactions(
  { services, queries, gate }: FilingParts,
  device: Device,
  items: readonly unknown[],
): Promise<ReadTransactions> {
  const { turns } = services;
  const asSent = await turns.map(device.storeId, items, (item) => itemToWrite("transactions", item));
  const mentions = asSent.map((item) => (isSeedWrite(item) ? mentionOf(item, device) : null));
  const orderIds = [...new Set(mentions.flatMap((mention) => mention?.orderId ?? []))];
  if (orderIds.length === 0) return { items: asSent, translated: [] };
  const transactionIds = asSent.flatMap((item) => (isSeedWrite(item) ? item.write.localId : []));
  const prefixes = [...new Set(orderIds.flatMap(refiledPrefixes))];
  const [orders, known] = await Promise.all([
    gate.run(() => queries.readOrders(device.storeId, orderIds, prefixes), device.storeId),
    gate.run(() => queries.readOrderIds(device.storeId, transactionIds), device.storeId),
  ]);
  const translated: RecordKey[] = [];
  const read = await turns.map(device.storeId, asSent, (item, index) => {
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

function mentionOf(item: SeedWrite, device: Device): OrderMention | null {
  const data = item.write.data as Record<string, unknown> | null;
  const orderId = data?.["orderId"];
  if (typeof orderId !== "string" || orderId === "" || orderId.length > LIMITS.idLength) return null;
  const orderNumber = data?.["orderNumber"];
  return {
    orderId,
    orderNumber: typeof orderNumber === "string" ? orderNumber : null,
    createdBy: item.createdBy ?? device.deviceId,
  };
}
