import { beforeEach, describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { openShopForEachTest } from "./support/each-shop.ts";
import { at, order, put, remove, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

async function policy(name: string): Promise<void> {
  await database.sql`insert into store_collections (store_id, collection, policy) values (${shop.storeId}, 'orders', ${name})`;
}
async function conflicts() {
  const rows =
    await database.sql`select data from records where store_id = ${shop.storeId} and collection = 'conflicts'`;
  return rows.map((row) => row["data"] as Record<string, unknown>);
}
const line = (id: string, quantity = 1) => ({
  id,
  product: { id: "latte", name: "Latte", price: 4, taxRate: 0.1 },
  quantity,
});
const tab = (...items: ReturnType<typeof line>[]) => {
  const subtotal = 4 * items.reduce((sum, { quantity }) => sum + quantity, 0);
  return order("o1", { items, subtotal, tax: subtotal / 10, total: (subtotal * 11) / 10 });
};

describe("CLIENT_WINS", () => {
  beforeEach(() => policy("CLIENT_WINS"));

  test("the later write stands, above both versions; what it overwrote is kept, and a retry changes nothing", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const write = put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!));
    const [won] = await shop.push("b", write);
    expect(won).toMatchObject({
      outcome: "merged",
      syncVersion: 3,
      conflict: { policy: "CLIENT_WINS", kind: "HASH_MISMATCH" },
    });
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect(await conflicts()).toMatchObject([{ settlement: "CLIENT", server: { data: { notes: "a" } } }]);
  });

  test("a guard holds: paid stays paid, and the server's value stands", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { paymentStatus: "PAID" }), 2, at(one!)));
    const [lost] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    expect(lost).toMatchObject({ outcome: "conflict", data: { paymentStatus: "PAID" } });
  });
});

describe("MERGE", () => {
  beforeEach(() => policy("MERGE"));

  test("lines added on both sides both stay, and the totals add up", async () => {
    const [one] = await shop.push("a", put("orders", "o1", tab(line("1"))));
    await shop.push("a", put("orders", "o1", tab(line("1"), line("2")), 2, at(one!)));
    const write = put("orders", "o1", tab(line("1", 3), line("3")), 2, at(one!));
    const [merged] = await shop.push("b", write);
    expect(merged).toMatchObject({ outcome: "merged", syncVersion: 3, data: { subtotal: 20, tax: 2, total: 22 } });
    const { items } = merged!.data as { items: { id: string; quantity: number }[] };
    expect(items.map(({ id, quantity }) => [id, quantity])).toEqual([
      ["1", 3],
      ["2", 1],
      ["3", 1],
    ]);
    expect(merged!.conflict!.fields).toEqual([]);
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect(await conflicts()).toMatchObject([{ settlement: "MERGED", policy: "MERGE" }]);
  });

  test("where both changed a field the server's value stays and the field is listed", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const [merged] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b", tableId: "7" }), 2, at(one!)));
    expect(merged).toMatchObject({ outcome: "merged", data: { notes: "a", tableId: "7" } });
    expect(merged!.conflict!.fields).toEqual([
      { field: "notes", localValue: "b", serverValue: "a", resolution: "SERVER" },
    ]);
  });

  test("without a base that the history knows, and with a deletion on a side, the server's value stands", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const unknown = put("orders", "o1", order("o1", { tableId: "7" }), 3, { version: 2, hash: "f".repeat(64) });
    expect((await shop.push("b", unknown, remove("orders", "o1", 2, at(one!)))).map(({ outcome }) => outcome)).toEqual([
      "conflict",
      "conflict",
    ]);
  });

  test("three devices add a line each at once: all lines are there", async () => {
    const [one] = await shop.push("a", put("orders", "o1", tab(line("1"))));
    const added = ["a", "b", "c"].map((device) =>
      shop.push(device, put("orders", "o1", tab(line("1"), line(device)), 2, at(one!))),
    );
    const outcomes = (await Promise.all(added)).map(([result]) => result!.outcome).sort();
    expect(outcomes).toEqual(["accepted", "merged", "merged"]);
    const [row] = await database.sql`select data from records where store_id = ${shop.storeId} and local_id = 'o1'`;
    expect(row!["data"].items.map(({ id }: { id: string }) => id).sort()).toEqual(["1", "a", "b", "c"]);
    expect(row!["data"].total).toBe(17.6);
  });

  test("a merged record keeps the number that was amended for it", async () => {
    await shop.push("a", put("orders", "x", order("x", { orderNumber: "N-o1" })));
    const first = put("orders", "o1", order("o1"));
    const [one] = await shop.push("b", first);
    expect(one!.data).toMatchObject({ orderNumber: "N-o1-2" });
    await shop.push("a", put("orders", "o1", { ...(one!.data as object), notes: "a" }, 2, at(one!)));
    const late = put("orders", "o1", order("o1", { tableId: "7" }), 2, { version: 1, hash: first.hash });
    const [merged] = await shop.push("b", late);
    expect(merged).toMatchObject({ outcome: "merged", data: { orderNumber: "N-o1-2", notes: "a", tableId: "7" } });
  });
});
