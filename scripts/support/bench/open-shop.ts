/** One shop's accept on PostgreSQL, without a server. */
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { createAccept, type Accept, type Sender } from "@tillwire/server/accept";
import { createPostgresStore } from "@tillwire/server/store/postgres-store";
import type { ReplicationStore } from "@tillwire/server/store/store";
import type postgres from "postgres";
import { writeOf, type OrderSource } from "./orders.ts";
import type { DeviceKey } from "./shops.ts";

export interface OpenShop {
  readonly sender: Sender;
  readonly epoch: string;
  readonly accept: Accept;
  readonly store: ReplicationStore;
}

export async function openShop(
  sql: postgres.Sql,
  { storeId, deviceId }: Pick<DeviceKey, "storeId" | "deviceId">,
): Promise<OpenShop> {
  const store = createPostgresStore(sql);
  const accept = createAccept({ store, collections: SHOP_COLLECTIONS, onCommitted: () => undefined, now: Date.now });
  const { epoch } = (await store.readHead(storeId))!;
  return { sender: { storeId, deviceId, role: "register" }, epoch, accept, store };
}

/** @throws unless all are accepted */
export async function submit({ accept, sender, epoch }: OpenShop, writes: readonly unknown[]): Promise<void> {
  const { results } = await accept.submit(
    sender,
    epoch,
    writes.map((write) => ({ write })),
  );
  const refused = results.find(({ outcome }) => outcome !== "accepted");
  if (refused) throw new Error(`a write was not accepted: ${refused.outcome} ${refused.code ?? ""}`);
}

/** As they come from a link. */
export function newWrites(source: OrderSource, count: number): unknown[] {
  return Array.from({ length: count }, () => JSON.parse(JSON.stringify(writeOf(source.next()))) as unknown);
}
