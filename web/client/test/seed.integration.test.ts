/** The tests that the customer's guide names, on the real server and the real client, over every link. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstValueFrom } from "rxjs";
import { newOrder, TestShop, TRANSPORTS, until } from "./support/shop.ts";

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.open();
});
afterAll(() => shop.close());

test("create order offline", async () => {
  const device = await shop.device("offline");
  await shop.stop();
  const order = newOrder();
  await device.orders.put(order);
  expect((await device.orders.get(order.id))!.data).toEqual(order);
  expect((await firstValueFrom(device.replica.stats$)).collections.get("orders")).toMatchObject({
    pending: 1,
    synced: 0,
  });
  await shop.start();
  await shop.settled(device);
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("sync order to server", async () => {
    const device = await shop.device(`one ${transport}`, transport);
    const before = (await firstValueFrom(device.replica.stats$)).collections.get("orders")!.synced;
    const order = newOrder();
    await device.orders.put(order);
    const report = await device.replica.syncNow();
    expect(report).toMatchObject({ pending: 0, failed: 0 });
    const stats = await until(device.replica.stats$, ({ pending }) => pending === 0);
    expect(stats.collections.get("orders")!.synced).toBeGreaterThan(before);
    expect((await shop.serverOrders()).get(order.id)).toMatchObject({ data: order, sync_version: 1 });
  });

  test("prevent duplicate submission: the same order saved and sent 3 and 10 times is one row", async () => {
    const device = await shop.device(`dup ${transport}`, transport);
    for (const times of [3, 10]) {
      const order = newOrder();
      for (let i = 0; i < times; i++) {
        await device.orders.put(order);
        await device.replica.syncNow();
      }
      const rows = await shop.database
        .sql`select 1 from records where collection = 'orders' and local_id = ${order.id}`;
      expect(rows).toHaveLength(1);
      const views = await shop.database.sql`select 1 from sync_orders where order_number = ${order.orderNumber}`;
      expect(views).toHaveLength(1);
    }
  });

  test("server wins on conflict", async () => {
    const a = await shop.device(`a ${transport}`, transport);
    const b = await shop.device(`b ${transport}`, transport);
    const order = newOrder({ subtotal: 100, tax: 0, total: 100 });
    const saved = await a.orders.put(order);
    await shop.settled(a, b);
    await a.orders.put({ ...order, subtotal: 150, total: 150 });
    await a.replica.syncNow();
    // B's form was opened before A's change came in.
    await b.orders.put({ ...order, subtotal: 120, total: 120 }, { readAt: saved.readAt });
    await shop.settled(a, b);
    expect((await shop.serverOrders()).get(order.id)).toMatchObject({ data: { total: 150 }, sync_version: 2 });
    expect((await b.orders.get(order.id))!.data.total).toBe(150);
    const conflicts = await until(b.replica.conflicts$, (all) => all.some(({ data }) => data.recordId === order.id));
    const kept = conflicts.find(({ data }) => data.recordId === order.id)!;
    expect(kept.data).toMatchObject({ kind: "HASH_MISMATCH", policy: "SERVER_WINS", client: { data: { total: 120 } } });
  });

  test("a large batch: 500 orders made offline drain in their order", async () => {
    const device = await shop.device(`many ${transport}`, transport);
    await shop.stop();
    const made = Array.from({ length: 500 }, () => newOrder());
    for (let i = 0; i < made.length; i += 50) {
      await device.replica.batch(() =>
        made.slice(i, i + 50).map((data) => ({ op: "put", collection: "orders", data })),
      );
    }
    expect((await firstValueFrom(device.replica.stats$)).pending).toBe(500);
    await shop.start();
    await shop.settled(device);
    const rows = await shop.database.sql<{ local_id: string }[]>`
      select local_id from records where collection = 'orders' and device_id = ${device.identity.deviceId} order by seq`;
    expect(rows.map((row) => row.local_id)).toEqual(made.map(({ id }) => id));
  });
});
