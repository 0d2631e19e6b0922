/** The lines that the seed's server logged, structured: which device, how much, what became of each item. Never data. */
import type { SeedCollection, SyncResponse } from "@tillwire/protocol/batch-api";
import type { Result } from "@tillwire/protocol/messages";
import type { Logger } from "pino";
import type { Device } from "./auth.ts";

const NOUNS = { orders: "order", transactions: "transaction" } as const;

export function logBatch(
  log: Logger,
  { storeId, deviceId }: Device,
  orders: number,
  transactions: number,
  requestId: string,
): void {
  log.info({ storeId, deviceId, requestId }, "Batch sync request from device");
  log.info({ storeId, deviceId, requestId, orders, transactions }, `Orders: ${orders}, Transactions: ${transactions}`);
}

/** Conflicts and rejections are logged where all pushes pass (push.ts). */
export function logItem(
  log: Logger,
  { storeId, deviceId }: Device,
  collection: SeedCollection,
  result: Result,
  requestId: string,
): void {
  const about = { storeId, deviceId, requestId, collection, localId: result.localId };
  const noun = NOUNS[collection];
  if (result.outcome === "duplicate") log.info(about, `${noun} already in sync`);
  else if (result.outcome === "accepted" || result.outcome === "merged") {
    log.info(about, result.syncVersion === 1 ? `Inserting new ${noun}` : `Updating ${noun}`);
  }
}

export function logSuccess(
  log: Logger,
  { storeId, deviceId }: Device,
  orders: readonly SyncResponse[],
  transactions: readonly SyncResponse[],
  requestId: string,
): void {
  const synced = (responses: readonly SyncResponse[]): number => responses.filter(({ success }) => success).length;
  const counts = { orders: synced(orders), transactions: synced(transactions) };
  log.info(
    { storeId, deviceId, requestId, ...counts },
    `Sync successful: ${counts.orders} orders, ${counts.transactions} transactions`,
  );
}
