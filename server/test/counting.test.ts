/** Fields that count: what registers sold and what was delivered adds up, each change once. */
import type { Base, Result, Write } from "@tillwire/protocol/messages";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { conflictsOf, recordOf } from "./support/conflict-fixture.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, EPOCH, NEW, openShop, put, type Shop, losingFirstAnswer } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
let node: Shop;
let ten: Base;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  shop = await openShop(database.sql);
  node = await openShop(database.sql, { storeId: shop.storeId });
  ten = at((await shop.push("a", bagels(10, 1, NEW)))[0]!);
});
afterEach(() => checkStore(database.sql, shop.storeId));

const bagels = (stock: number, version: number, base: Base, more: object = {}) =>
  put("products", "bagel", { id: "bagel", name: "Bagel", price: 5.5, stock, ...more }, version, base);

const stored = async () => (await recordOf(database.sql, shop, "products", "bagel"))!;

const outcome = ([result]: Result[]) => result!.outcome;

test("two registers each sell one of ten while offline: eight are left, though both wrote the same", async () => {
  const write = bagels(9, 2, ten);
  expect(outcome(await shop.push("a", write))).toBe("accepted");
  const [merged] = await shop.push("b", write);
  expect(merged).toMatchObject({ outcome: "merged", syncVersion: 3, data: { stock: 8 } });
  expect(merged!.conflict!.fields).toEqual([]);
  expect(await conflictsOf(database.sql, shop)).toMatchObject([{ settlement: "MERGED", policy: "MERGE" }]);
});

test("S2: each sale counts once, however often it is sent, to whichever node, and after the answer was lost", async () => {
  const store = losingFirstAnswer(shop.store);
  const failing = await openShop(database.sql, { storeId: shop.storeId, store });
  const write = bagels(9, 2, ten);
  await shop.push("a", write);
  await expect(failing.push("b", write)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  for (const each of [failing, shop, node, node]) {
    for (const device of ["a", "b"]) expect(outcome(await each.push(device, write))).toBe("duplicate");
  }
  expect((await stored()).data.stock).toBe(8);
});

test("a register that sells on before it knows of the other's sale loses none", async () => {
  await shop.push("a", bagels(9, 2, ten));
  const first = bagels(9, 2, ten);
  await shop.push("b", first);
  // What it saw was nine: on that, as it sent it, it sells two more.
  const second = bagels(7, 3, { version: 2, hash: first.hash });
  expect((await node.push("b", second))[0]).toMatchObject({ outcome: "merged", data: { stock: 6 } });
  expect(outcome(await shop.push("b", second))).toBe("duplicate");
  expect((await stored()).data.stock).toBe(6);
});

test("all registers sell at once, on both nodes: what is left adds up, and other changes stay", async () => {
  const devices = ["a", "b", "c"];
  const sales = devices.flatMap((device, i) => [
    [shop, node][i % 2]!.push(device, bagels(10 - (i + 1), 2, ten)),
    [shop, node][(i + 1) % 2]!.push(device, bagels(10 - (i + 1), 2, ten)),
  ]);
  const renamed = shop.push("a", bagels(10, 3, ten, { name: "Everything Bagel" }));
  const results = (await Promise.all([...sales, renamed])).flat();
  expect(results.every((result) => ["accepted", "merged", "duplicate"].includes(result.outcome))).toBe(true);
  expect((await stored()).data).toMatchObject({ stock: 10 - 1 - 2 - 3, name: "Everything Bagel" });
});

test("a sale and a change of the price go together, and a clash elsewhere still counts the sale", async () => {
  await shop.push("a", bagels(10, 2, ten, { price: 6 }));
  const [merged] = await shop.push("b", bagels(9, 2, ten, { price: 7 }));
  expect(merged).toMatchObject({ outcome: "merged", data: { stock: 9, price: 6 } });
  expect(merged!.conflict!.fields).toMatchObject([{ field: "price", localValue: 7, serverValue: 6 }]);
});

test("S2: what may lie in a value that was offered again after a restore is not counted twice: people are asked", async () => {
  await shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-2", true);
  const push = async (deviceId: string, write: Write): Promise<Result> => {
    const sender = { storeId: shop.storeId, deviceId, role: "register" } as const;
    return (await shop.accept.submit(sender, "epoch-2", [{ write }])).results[0]!;
  };
  // Before the loss a's sale was taken, and b sold on it; only b's value was held by anybody.
  const sale = bagels(9, 2, ten);
  await shop.enrol("a");
  await shop.enrol("b");
  const offered = { ...bagels(7, 3, NEW), base: null, reoffer: true, deviceId: "b" };
  expect(await push("b", offered)).toMatchObject({ outcome: "accepted", syncVersion: 3 });
  expect(await push("a", sale)).toMatchObject({
    outcome: "conflict",
    conflict: { policy: "MANUAL" },
    data: { stock: 7 },
  });
  expect(await conflictsOf(database.sql, shop)).toMatchObject([{ status: "open", client: { data: { stock: 9 } } }]);
  // Of a version above it that can't be: it was made since, or nobody had it.
  expect(await push("b", bagels(8, 4, ten))).toMatchObject({ outcome: "merged", data: { stock: 5 } });
  expect((await stored()).data.stock).toBe(5);
});
