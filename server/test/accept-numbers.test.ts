/** Numbers that two records claim: the later is taken under an amended one. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, openShop, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";
import { collectionSet, defineCollection } from "@tillwire/protocol/collection";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result } from "@tillwire/protocol/messages";
import * as z from "zod/mini";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

async function stored(localId: string, collection = "orders") {
  const rows =
    await database.sql`select * from records where store_id = ${shop.storeId} and collection = ${collection} and local_id = ${localId}`;
  return rows[0];
}

async function numbers(): Promise<string[]> {
  const rows = await database.sql<{ unique_key: string }[]>`
    select unique_key from records where store_id = ${shop.storeId} and collection <> 'conflicts' and unique_key is not null order by seq`;
  return rows.map((row) => row.unique_key);
}

const outcomes = (results: readonly Result[]) => results.map(({ code, outcome }) => code ?? outcome);

const numbered = (id: string, orderNumber: string) => put("orders", id, order(id, { orderNumber }));

describe("numbers", () => {
  const numbered = (id: string, changes = {}) => order(id, { orderNumber: "ORD-1001", ...changes });

  test("the later of two records that claim a number is taken under an amended one", async () => {
    const [first, second, third] = await shop.push(
      "a",
      ...["o1", "o2", "o3"].map((id) => put("orders", id, numbered(id))),
    );
    expect(first!.outcome).toBe("accepted");
    expect(second).toMatchObject({
      outcome: "merged",
      data: { orderNumber: "ORD-1001-2" },
      conflict: { kind: "NUMBER_TAKEN" },
    });
    expect(second!.conflict!.fields).toEqual([
      { field: "orderNumber", localValue: "ORD-1001", serverValue: "ORD-1001-2", resolution: "SERVER" },
    ]);
    expect(third).toMatchObject({ outcome: "merged", data: { orderNumber: "ORD-1001-3" } });
    expect(await stored("o2")).toMatchObject({ unique_key: "ORD-1001-2", sent_version: 1 });
  });

  test("its retry is a duplicate that tells the amended value; the base as sent is current; later claims keep the amended number", async () => {
    await shop.push("a", put("orders", "o1", numbered("o1")));
    const second = put("orders", "o2", numbered("o2"));
    await shop.push("b", second);
    expect((await shop.push("b", second))[0]).toMatchObject({
      outcome: "duplicate",
      data: { orderNumber: "ORD-1001-2" },
    });
    const [later] = await shop.push(
      "b",
      put("orders", "o2", numbered("o2", { notes: "later" }), 2, { version: 1, hash: second.hash }),
    );
    expect(later).toMatchObject({
      outcome: "merged",
      syncVersion: 2,
      data: { orderNumber: "ORD-1001-2", notes: "later" },
    });
  });

  test("long numbers are amended within 50 characters, as often as it takes", async () => {
    const long = "L".repeat(50);
    const results = await shop.push(
      "a",
      ...Array.from({ length: 4 }, (_, i) => put("orders", `o${i}`, order(`o${i}`, { orderNumber: long }))),
    );
    const numbers = await database.sql<
      { unique_key: string }[]
    >`select unique_key from records where store_id = ${shop.storeId} and collection = 'orders'`;
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", "merged", "merged", "merged"]);
    expect(new Set(numbers.map((row) => row.unique_key)).size).toBe(4);
    expect(numbers.every((row) => row.unique_key.length <= 50)).toBe(true);
  });

  test("a number that somebody freed and took back within one commit is settled, not looped over", async () => {
    const [one] = await shop.push("a", put("orders", "o1", numbered("o1")));
    const results = await shop.push(
      "a",
      put("orders", "o1", order("o1", { orderNumber: "ORD-9" }), 2, at(one!)),
      put("orders", "o2", numbered("o2")),
    );
    expect(
      results.map(({ outcome }) => outcome).every((outcome) => outcome === "accepted" || outcome === "merged"),
    ).toBe(true);
  });
});

describe("numbers", () => {
  test("L2: a long number that an amendment would cut in half a character is amended, and blocks nobody", async () => {
    const number = `${"N".repeat(40)}🥯${"x".repeat(8)}`;
    const results = await shop.push("a", numbered("o1", number), numbered("o2", number), numbered("o3", "other"));
    expect(outcomes(results)).toEqual(["accepted", "merged", "accepted"]);
    const [again] = await shop.push("a", numbered("o4", number));
    expect(again!.outcome).toBe("merged");
    expect(new Set(await numbers()).size).toBe(4);
  });

  test("however many sales of one push claim one number, each is taken, in few commits", async () => {
    const results = await shop.push("a", ...Array.from({ length: 120 }, (_, i) => numbered(`o${i}`, "ORD-1")));
    expect(outcomes(results)).toEqual(["accepted", ...Array<string>(119).fill("merged")]);
    expect(new Set(await numbers()).size).toBe(120);
    expect(shop.committed.length).toBeLessThan(4);
    const more = await shop.push("b", ...Array.from({ length: 120 }, (_, i) => numbered(`p${i}`, "ORD-1")));
    expect(new Set(outcomes(more))).toEqual(new Set(["merged"]));
    expect(new Set(await numbers()).size).toBe(240);
  });

  test("a number that looks like the last possible amendment leaves room for more", async () => {
    const long = "L".repeat(50);
    await shop.push("a", numbered("h1", "ORD-1-99999999"), numbered("h2", `${"L".repeat(41)}-99999999`));
    const results = [];
    for (const id of ["1", "2", "3", "4"])
      results.push(...(await shop.push("a", numbered(`o${id}`, "ORD-1"), numbered(`l${id}`, long))));
    expect(new Set(outcomes(results.slice(2)))).toEqual(new Set(["merged"]));
    expect((await numbers()).every((number) => number.length <= LIMITS.numberLength)).toBe(true);
    expect(new Set(await numbers()).size).toBe(10);
  });

  test("a completed transaction under an amended number is reversed although its device still claims the taken one", async () => {
    const sale = (id: string, changes = {}) => transaction(id, { referenceNumber: "TXN-1", ...changes });
    await shop.push("a", put("transactions", "t1", sale("t1")));
    const first = put("transactions", "t2", sale("t2"));
    await shop.push("b", first);
    const reversal = put("transactions", "t2", sale("t2", { status: "REVERSED" }), 2, { version: 1, hash: first.hash });
    const [reversed] = await shop.push("b", reversal);
    expect(reversed).toMatchObject({ outcome: "merged", data: { status: "REVERSED", referenceNumber: "TXN-1-2" } });
  });

  test("a record that is deliberately given a free number gets it, though its old one looks amended", async () => {
    const [one] = await shop.push("a", numbered("o1", "ORD-1-2"));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { orderNumber: "ORD-1" }), 2, at(one!)));
    expect(two!.outcome).toBe("accepted");
    expect(await numbers()).toEqual(["ORD-1"]);
  });

  test("a number that a put gives up is free; a deleted record keeps its own", async () => {
    const tags = defineCollection({
      name: "tags",
      schema: z.looseObject({ code: z.nullish(z.string()) }),
      uniqueBy: "code",
    });
    const other = await openShop(database.sql, { storeId: shop.storeId, collections: collectionSet([tags]) });
    const [one, two] = await other.push("a", put("tags", "t1", { code: "A" }), put("tags", "t2", { code: "B" }));
    await other.push("a", put("tags", "t1", { code: null }, 2, at(one!)), remove("tags", "t2", 2, at(two!)));
    const results = await other.push("b", put("tags", "t3", { code: "A" }), put("tags", "t4", { code: "B" }));
    expect(outcomes(results)).toEqual(["accepted", "merged"]);
  });
});
