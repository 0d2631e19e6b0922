/** What is new, what comes again, what comes in order: accept on a real PostgreSQL. */
import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, NEW, order, put, remove, type Shop } from "./support/shop-fixture.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

async function stored(localId: string, collection = "orders") {
  const rows =
    await database.sql`select * from records where store_id = ${shop.storeId} and collection = ${collection} and local_id = ${localId}`;
  return rows[0];
}

async function conflicts() {
  return database.sql`select local_id, data from records where store_id = ${shop.storeId} and collection = 'conflicts' order by seq`;
}

describe("what is new", () => {
  test("a new record is accepted, with the first seq, and told to the hub", async () => {
    const [result] = await shop.push("a", put("orders", "o1", order("o1")));
    expect(result).toMatchObject({ outcome: "accepted", seq: 1, syncVersion: 1, deleted: false });
    expect(result!.data).toBeUndefined();
    expect(shop.committed).toMatchObject([{ from: 0, to: 1 }]);
    const change = JSON.parse(shop.committed[0]!.changes[0]!.json);
    expect(change).toMatchObject({ seq: 1, localId: "o1", deviceId: "a", createdBy: "a", data: order("o1") });
    expect(shop.committed[0]!.digests.get("orders")).toEqual({ count: 1, digest: formatDigest(digestOf(change)) });
  });

  test("the feed tells the same change as the hub", async () => {
    await shop.push(
      "a",
      put("orders", "o1", order("o1", { notes: 'quotes " and \\ and é — 🥯\n' })),
      put("products", "p", { id: "p", name: "P", price: 1e-2 }),
    );
    const page = await shop.store.readFeed({
      storeId: shop.storeId,
      from: 0,
      collections: null,
      maxChanges: 10,
      maxBytes: 1e6,
    });
    expect(page).toMatchObject({ from: 0, to: 2, head: 2 });
    expect(page.changes.map(({ json }) => JSON.parse(json))).toEqual(
      shop.committed[0]!.changes.map(({ json }) => JSON.parse(json)),
    );
    expect(page.digests).toEqual(shop.committed[0]!.digests);
  });

  test("an unknown record is accepted whatever its base: the server may have been restored", async () => {
    const [changed, deleted] = await shop.push(
      "a",
      put("orders", "o1", order("o1"), 5, { version: 4, hash: "a".repeat(64) }),
      remove("orders", "o2", 3, { version: 2, hash: "b".repeat(64) }),
    );
    expect(changed).toMatchObject({ outcome: "accepted", syncVersion: 5 });
    expect(deleted).toMatchObject({ outcome: "accepted", deleted: true });
    expect(await stored("o2")).toMatchObject({ deleted: true, data: null });
  });

  test("500 writes in one push take one commit", async () => {
    const results = await shop.push(
      "a",
      ...Array.from({ length: 500 }, (_, i) => put("orders", `o${i}`, order(`o${i}`))),
    );
    expect(results.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(shop.committed).toHaveLength(1);
  });
});

describe("S2: a write takes effect once", () => {
  test.each([3, 10])("the same order sent %i times gives one row", async (times) => {
    const write = put("orders", "o1", order("o1"));
    const outcomes = [];
    for (let i = 0; i < times; i++) outcomes.push((await shop.push("a", write))[0]!.outcome);
    expect(outcomes).toEqual(["accepted", ...Array<string>(times - 1).fill("duplicate")]);
    expect(await database.sql`select 1 from records where store_id = ${shop.storeId}`).toHaveLength(1);
  });

  test("the same write many times at once takes effect once", async () => {
    const write = put("orders", "o1", order("o1"));
    const results = await Promise.all(Array.from({ length: 20 }, () => shop.push("a", write)));
    expect(results.filter(([result]) => result!.outcome === "accepted")).toHaveLength(1);
    expect(results.every(([result]) => result!.seq === 1)).toBe(true);
  });

  test("a late retry of a superseded version is a duplicate and tells the current value", async () => {
    const first = put("orders", "o1", order("o1"));
    const [one] = await shop.push("a", first);
    const [two] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    expect(two!.outcome).toBe("accepted");
    const [late] = await shop.push("a", first);
    expect(late).toMatchObject({ outcome: "duplicate", seq: 2, syncVersion: 2, data: { notes: "b" } });
  });

  test("a conflict told again is the same conflict, also after the record moved on", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [two] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    const loser = put("orders", "o1", order("o1", { notes: "c" }), 2, at(one!));
    const [first] = await shop.push("c", loser);
    await shop.push("b", put("orders", "o1", order("o1", { notes: "b3" }), 3, at(two!)));
    const [again] = await shop.push("c", loser);
    expect(first).toMatchObject({ outcome: "conflict", data: { notes: "b" } });
    expect(again).toMatchObject({ outcome: "conflict", data: { notes: "b3" }, conflict: { id: first!.conflict!.id } });
    expect(await conflicts()).toHaveLength(1);
  });

  test("equal content is a duplicate whoever sends it, and stays one when retried after the record moved on", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { notes: "same" }), 2, at(one!)));
    const equal = put("orders", "o1", order("o1", { notes: "same" }), 2, at(one!));
    expect((await shop.push("b", equal))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 2 });
    await shop.push("a", put("orders", "o1", order("o1", { notes: "on" }), 3, at(two!)));
    expect((await shop.push("b", equal))[0]).toMatchObject({
      outcome: "duplicate",
      syncVersion: 3,
      data: { notes: "on" },
    });
    expect(await conflicts()).toHaveLength(0);
  });

  test("deleting what is deleted is a duplicate", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", remove("orders", "o1", 2, at(one!)));
    expect((await shop.push("b", remove("orders", "o1", 2, at(one!))))[0]).toMatchObject({
      outcome: "duplicate",
      deleted: true,
    });
  });

  test("nulls and absent members are the same content", async () => {
    await shop.push("a", put("orders", "o1", order("o1")));
    expect(
      (await shop.push("b", put("orders", "o1", order("o1", { notes: null, customerId: null }), 2, NEW)))[0]!.outcome,
    ).toBe("duplicate");
  });
});

describe("S7: order", () => {
  test("a push that touches a record twice takes it in order", async () => {
    const first = put("orders", "o1", order("o1"));
    const second = put("orders", "o1", order("o1", { notes: "2" }), 2, { version: 1, hash: first.hash });
    const third = put("orders", "o1", order("o1", { notes: "3" }), 3, { version: 2, hash: second.hash });
    const results = await shop.push("a", first, second, put("orders", "x", order("x")), third);
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", "accepted", "accepted", "accepted"]);
    expect(await stored("o1")).toMatchObject({ sync_version: 3, data: { notes: "3" } });
  });

  test("two devices change one order at once: one is accepted, the other's is kept", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const results = await Promise.all(
      ["a", "b", "c"].map((device) =>
        shop.push(device, put("orders", "o1", order("o1", { notes: device }), 2, at(one!))),
      ),
    );
    expect(results.map(([result]) => result!.outcome).sort()).toEqual(["accepted", "conflict", "conflict"]);
    expect(await conflicts()).toHaveLength(2);
  });
});
