/** In a register's page, beside the app: a second replica on the same local database, which saves what a week without a network leaves. */
import { createReplica } from "@tillwire/client/replica";
import { loadIdentity } from "@tillwire/client/enrol";
import { orders, type Order } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";

const ORDERS_A_TX = 100;

async function queue(sold: readonly Order[]): Promise<void> {
  const identity = await loadIdentity();
  if (!identity) throw new Error("this register is not enrolled");
  const replica = await createReplica({ url: location.origin, identity, collections: SHOP_COLLECTIONS, live: [] });
  for (let start = 0; start < sold.length; start += ORDERS_A_TX) {
    const some = sold.slice(start, start + ORDERS_A_TX);
    await replica.batch(() => some.map((data) => ({ op: "put", collection: orders.name, data })));
  }
  await replica.close();
}

Object.assign(globalThis, { benchQueue: queue });
