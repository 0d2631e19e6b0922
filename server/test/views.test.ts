import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, openShop, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
beforeAll(async () => {
  database = await createTestDatabase();
  shop = await openShop(database.sql);
});
afterAll(() => database.drop());

test("the seed's tables can be queried with plain SQL, with its column names and types", async () => {
  const [one, two] = await shop.push(
    "a",
    put("orders", "o1", order("o1", { completedAt: 1_735_689_612_345, discount: null })),
    put("orders", "o2", order("o2")),
    put("transactions", "t1", transaction("t1", { orderId: "o1", orderNumber: "N-o1" })),
  );
  await shop.push("b", remove("orders", "o2", 2, at(two!)));

  const orders = await database.sql`select * from sync_orders where store_id = ${shop.storeId}`;
  expect(orders).toHaveLength(1);
  expect(orders[0]).toMatchObject({
    id: "o1",
    local_id: "o1",
    order_number: "N-o1",
    total: "4.54",
    discount: "0.00",
    device_id: "a",
    sync_version: 1,
    server_hash: one!.hash,
    created_at: new Date(1_735_689_600_000),
    completed_at: new Date(1_735_689_612_345),
  });
  const items =
    await database.sql`select order_id, position, product_name, unit_price, quantity from sync_order_items where store_id = ${shop.storeId}`;
  expect(items).toEqual([
    { order_id: "o1", position: 1, product_name: "Flat White", unit_price: "4.20", quantity: "1" },
  ]);
  const payments =
    await database.sql`select reference_number, amount, order_id, order_number, device_id from transactions where store_id = ${shop.storeId}`;
  expect(payments).toEqual([
    { reference_number: "T-t1", amount: "4.54", order_id: "o1", order_number: "N-o1", device_id: "a" },
  ]);
});

test("the largest and oddest values that the protocol takes do not break the views", async () => {
  const most = { subtotal: 99_999_999.99, tax: 0, total: 99_999_999.99, createdAt: 8_640_000_000_000_000 };
  const [result] = await shop.push(
    "a",
    put("orders", "big", order("big", most)),
    put("orders", "none", order("none", { items: [], createdAt: 0 })),
  );
  expect(result!.outcome).toBe("accepted");
  const sum = await database.sql<
    { sum: string }[]
  >`select sum(total)::text as sum from sync_orders where local_id = 'big'`;
  expect(sum[0]!.sum).toBe("99999999.99");
  expect(await database.sql`select * from sync_order_items where order_id = 'none'`).toHaveLength(0);
});
