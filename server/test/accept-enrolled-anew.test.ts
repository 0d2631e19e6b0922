/** S2: who was enrolled anew under another id, or took over another device's unsent writes, sends again what the server may know already. */
import { collectionSet, defineCollection } from "@tillwire/protocol/collection";
import type { Write } from "@tillwire/protocol/messages";
import { beforeEach, expect, test } from "vitest";
import * as z from "zod/mini";
import type { TestDatabase } from "./support/database.ts";
import { openShopForEachTest } from "./support/each-shop.ts";
import { at, openShop, put, type Shop } from "./support/shop-fixture.ts";

interface Stock {
  readonly pieces: number;
  readonly note?: string;
}
const stock = defineCollection<Stock>({
  name: "stock",
  schema: z.looseObject({ pieces: z.number() }),
  policy: "MERGE",
  sumFields: ["pieces"],
});
const collections = collectionSet([stock]);

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));
beforeEach(async () => {
  shop = await openShop(database.sql, { storeId: shop.storeId, collections });
});

/** As the device sends it that was `deviceId` when it sent it first. */
const asBefore = (write: Write, deviceId = "a"): Write => ({ ...write, deviceId });

/** Ten pieces, and one that is sold on them. */
async function sold(): Promise<Write> {
  const [made] = await shop.push("a", put("stock", "s", { pieces: 10 }));
  return put("stock", "s", { pieces: 9 }, 2, at(made!));
}

async function piecesNow(): Promise<unknown> {
  const [row] = await database.sql<{ data: Stock }[]>`
    select data from records where store_id = ${shop.storeId} and collection = 'stock'`;
  return row?.data.pieces;
}

test("S2 what was taken from the device that it was is not counted again, whoever has changed the record since", async () => {
  const sale = await sold();
  const [taken] = await shop.push("a", sale);
  expect(await shop.push("b", asBefore(sale))).toMatchObject([{ outcome: "duplicate", syncVersion: 2 }]);
  await shop.push("c", put("stock", "s", { pieces: 7 }, 3, at(taken!)));
  expect(await shop.push("b", asBefore(sale))).toMatchObject([{ outcome: "duplicate", syncVersion: 3 }]);
  expect(await piecesNow()).toBe(7);
});

test("S2 what was merged then is answered as a duplicate", async () => {
  const sale = await sold();
  await shop.push("c", put("stock", "s", { pieces: 8 }, 2, sale.base));
  expect(await shop.push("a", sale)).toMatchObject([{ outcome: "merged" }]);
  expect(await shop.push("b", asBefore(sale))).toMatchObject([{ outcome: "duplicate" }]);
  expect(await piecesNow()).toBe(7);
});

test("S2, S8 what the server never got is taken once, as the sender's, however often it is sent", async () => {
  const sale = await sold();
  const [taken] = await shop.push("b", asBefore(sale));
  expect(taken).toMatchObject({ outcome: "accepted", syncVersion: 2 });
  await shop.push("c", put("stock", "s", { pieces: 7 }, 3, at(taken!)));
  expect(await shop.push("b", asBefore(sale))).toMatchObject([{ outcome: "duplicate" }]);
  // another device has the same file of unsent writes
  expect(await shop.push("c", asBefore(sale))).toMatchObject([{ outcome: "duplicate" }]);
  expect(await piecesNow()).toBe(7);
  const makers = await database.sql`
    select device_id from record_history where store_id = ${shop.storeId} and sync_version = 2`;
  expect(makers).toEqual([{ device_id: "b" }]);
});

test("S8 the very same change made by two devices counts twice: neither says that it was the other", async () => {
  const sale = await sold();
  await shop.push("a", sale);
  expect(await shop.push("b", sale)).toMatchObject([{ outcome: "merged" }]);
  expect(await piecesNow()).toBe(8);
});
