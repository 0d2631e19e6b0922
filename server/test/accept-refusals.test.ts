/** L2: a write that cannot be taken is refused alone, with a code. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { openShop, order, put, type Shop } from "./support/shop-fixture.ts";
import { collectionSet, defineCollection } from "@tillwire/protocol/collection";
import type { Result } from "@tillwire/protocol/messages";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import * as z from "zod/mini";
import { StoreDataError, type ReplicationStore } from "../src/store/store.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

async function stored(localId: string, collection = "orders") {
  const rows =
    await database.sql`select * from records where store_id = ${shop.storeId} and collection = ${collection} and local_id = ${localId}`;
  return rows[0];
}

const outcomes = (results: readonly Result[]) => results.map(({ code, outcome }) => code ?? outcome);

describe("L2: a bad write never blocks its neighbours", () => {
  test("each gets its own result, with a code", async () => {
    const good = put("orders", "good", order("good"));
    const results = await shop.push(
      "a",
      { nonsense: true },
      put("nothing", "x", {}),
      put("orders", "o1", { ...order("o1"), total: 1.005 }),
      { ...put("orders", "o2", order("o2")), hash: "0".repeat(64) },
      { ...put("orders", "o3", order("o3")), localId: "not an id" },
      put("conflicts", "c1", {}),
      put("orders", "o4", order("o4"), 2, { version: 2, hash: "a".repeat(64) }),
      { ...put("orders", "o5", order("o5")), data: { ...order("o5"), notes: "\u0000" } },
      { ...put("orders", "o6", order("o6")), data: { ...order("o6"), notes: "\ud800" } },
      { ...put("orders", "o7", order("o7")), data: { ...order("o7"), weight: JSON.parse("1e400") } },
      { ...put("orders", "o8", order("o8")), data: null },
      {
        ...put("products", "p1", { id: "p1", name: "x", price: 1 }),
        data: { id: "p1", name: "x", price: 1, blob: "x".repeat(300_000) },
      },
      {
        ...put("products", "p2", { id: "p2", name: "x", price: 1 }),
        data: JSON.parse(`{"id":"p2","name":"x","price":1,"deep":${"[".repeat(40)}${"]".repeat(40)}}`),
      },
      good,
    );
    expect(results.map(({ outcome, code }) => code ?? outcome)).toEqual([
      "WRITE_MALFORMED",
      "COLLECTION_UNKNOWN",
      "SCHEMA",
      "HASH_WRONG",
      "WRITE_MALFORMED",
      "ROLE",
      "WRITE_MALFORMED",
      "TEXT_INVALID",
      "TEXT_INVALID",
      "NUMBER_INVALID",
      "SCHEMA",
      "WRITE_TOO_LARGE",
      "JSON_TOO_DEEP",
      "accepted",
    ]);
  });

  test("a display may not write orders", async () => {
    await shop.enrol("d", "display");
    expect((await shop.push("d", put("orders", "o1", order("o1"))))[0]).toMatchObject({
      outcome: "rejected",
      code: "ROLE",
    });
  });

  test("what only PostgreSQL refuses is found by halving, and its neighbours are taken", async () => {
    await database.sql`alter table records add constraint no_poison check (data ->> 'notes' is distinct from 'poison')`;
    const writes = Array.from({ length: 9 }, (_, i) =>
      put("orders", `o${i}`, order(`o${i}`, { notes: i === 6 ? "poison" : "fine" })),
    );
    const results = await shop.push("a", ...writes);
    await database.sql`alter table records drop constraint no_poison`;
    expect(results.map(({ code, outcome }) => code ?? outcome)).toEqual(
      writes.map((_, i) => (i === 6 ? "WRITE_FAILED" : "accepted")),
    );
  });

  test("members called like parts of Object are data like any other", async () => {
    const data = JSON.parse(`{"id":"p","name":"x","price":1,"__proto__":{"a":1},"constructor":"c"}`) as object;
    expect((await shop.push("a", put("products", "p", data)))[0]!.outcome).toBe("accepted");
    expect(JSON.stringify((await stored("p", "products"))!["data"])).toContain("__proto__");
  });
});

describe("L2: what goes wrong for one write goes wrong for that write alone", () => {
  const touchy = defineCollection<Record<string, unknown>>({
    name: "touchy",
    schema: z.looseObject({}),
    guard: (_, next) => (next!["bad"] as { missing: { member: string } }).missing.member,
  });

  test("a guard that throws", async () => {
    const other = await openShop(database.sql, {
      storeId: shop.storeId,
      collections: collectionSet([touchy, SHOP_COLLECTIONS.get("orders")!]),
    });
    const results = await other.push("a", put("touchy", "t", { x: 1 }), put("orders", "o1", order("o1")));
    expect(outcomes(results)).toEqual(["WRITE_FAILED", "accepted"]);
  });

  test("a question about its record that the database refuses", async () => {
    const store: ReplicationStore = {
      ...shop.store,
      readContexts: (storeId, queries) => {
        if (queries.some(({ asSent }) => asSent.localId === "poison")) throw new StoreDataError("22P02");
        return shop.store.readContexts(storeId, queries);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const known = { version: 1, hash: "a".repeat(64) };
    const results = await node.push("a", ...["o1", "poison", "o2"].map((id) => put("orders", id, order(id), 2, known)));
    expect(outcomes(results)).toEqual(["accepted", "WRITE_FAILED", "accepted"]);
  });

  test("whoever is told of a commit and throws", async () => {
    const failures: unknown[] = [];
    const node = await openShop(database.sql, {
      storeId: shop.storeId,
      observer: { failed: (_, error) => failures.push(error), decided: () => thrown("metrics") },
      onCommitted: () => thrown("hub"),
    });
    expect(outcomes(await node.push("a", put("orders", "o1", order("o1"))))).toEqual(["accepted"]);
    expect(failures).toMatchObject([{ message: "hub" }, { message: "metrics" }]);
  });

  function thrown(message: string): never {
    throw new Error(message);
  }
});

test("numbers that the database writes out in full count in full: no change is larger than a message", async () => {
  const product = (numbers: number[]) => put("products", "p", { id: "p", name: "P", price: 1, numbers });
  expect(outcomes(await shop.push("a", product(Array<number>(30_000).fill(1e308))))).toEqual(["WRITE_TOO_LARGE"]);
  expect(outcomes(await shop.push("a", product(Array<number>(30_000).fill(5e-324))))).toEqual(["WRITE_TOO_LARGE"]);
  expect(outcomes(await shop.push("a", product([1e308, -5e-324, 1e21, 0.1])))).toEqual(["accepted"]);
  const page = await shop.store.readFeed({
    storeId: shop.storeId,
    from: 0,
    collections: null,
    maxChanges: 10,
    maxBytes: 1e6,
  });
  expect(JSON.parse(page.changes[0]!.json)).toMatchObject({ data: { numbers: [1e308, -5e-324, 1e21, 0.1] } });
});
