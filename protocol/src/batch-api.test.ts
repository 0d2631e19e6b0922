import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  batchRequestSchema,
  isSeedWrite,
  itemToWrite,
  syncResponseOf,
  updatesOf,
  withDefaults,
  type SeedWrite,
} from "./batch-api.ts";
import { checkData } from "./collection.ts";
import { hashOf, TOMBSTONE_HASH } from "./hash.ts";
import { SHOP_COLLECTIONS } from "./pos/shop.ts";

const wire = (name: string): any =>
  JSON.parse(readFileSync(new URL(`../../server/test/fixtures/wire/${name}.json`, import.meta.url), "utf8"));

function read(collection: "orders" | "transactions", item: unknown): SeedWrite {
  const write = itemToWrite(collection, item);
  if (!isSeedWrite(write)) throw new Error(write.message);
  return write;
}

describe("items", () => {
  const written = wire("batch-defaults-written");
  const omitted = wire("batch-defaults-omitted");

  test("defaults that are written and defaults that are left out hash alike", () => {
    expect(batchRequestSchema.safeParse(written).error).toBeUndefined();
    expect(batchRequestSchema.safeParse(omitted).error).toBeUndefined();
    for (const collection of ["orders", "transactions"] as const) {
      const hashes = [written, omitted].map((body) =>
        body[collection].map((item: unknown) => read(collection, item).write.hash),
      );
      expect(hashes[0]).toEqual(hashes[1]);
    }
  });

  test("the hashes of the wire's bodies never change", () => {
    expect(written.orders.map((item: unknown) => read("orders", item).write.hash)).toMatchInlineSnapshot(`
      [
        "a9c3df59068e8fd5828845e506988240132d0eb714aed2f1e1e2b2b3af8f240b",
        "8d4f20774ed856cf2b485b45499b28cea6a602a4281bd7f3eea1ba4be5576793",
      ]
    `);
    expect(read("transactions", written.transactions[0]).write.hash).toMatchInlineSnapshot(
      `"b2863dc39b9bd82d7a3f270d981536ee84818733ce235240eb74f0ca471a92ee"`,
    );
  });

  test("every body of the wire passes the checks of its collection", () => {
    for (const body of [written, omitted]) {
      for (const name of ["orders", "transactions"] as const) {
        for (const item of body[name]) {
          const { write } = read(name, item);
          expect(checkData(SHOP_COLLECTIONS.get(name)!, write.data).hash).toBe(write.hash);
        }
      }
    }
  });

  test("what is left out is version 1, without base, of nobody named", () => {
    const { write, baseHash, createdAt, createdBy } = read("orders", { localId: "o", order: { createdAt: 5 } });
    expect(write).toMatchObject({ op: "put", syncVersion: 1, base: null });
    expect([baseHash, createdAt, createdBy]).toEqual([null, 5, null]);
  });

  test("DELETED is a delete, which still tells which sale it means", () => {
    const { write, createdAt } = read("orders", wire("order-deleted"));
    expect(write).toMatchObject({ op: "delete", data: null, hash: TOMBSTONE_HASH, syncVersion: 3 });
    expect(createdAt).toBe(1_735_689_600_000);
  });

  test("a serverHash names the base", () => {
    expect(read("orders", { localId: "o", order: {}, serverHash: "a".repeat(64) }).baseHash).toBe("a".repeat(64));
  });

  test("unknown members are kept at every depth", () => {
    const order = { extra: 1, items: [{ id: "i", product: { colour: "red" }, size: "L" }] };
    const data = read("orders", { localId: "o", order, more: true }).write.data as any;
    expect(data).toMatchObject({ extra: 1, items: [{ product: { colour: "red" }, size: "L" }] });
  });

  test("a translation changes the data before it is hashed", () => {
    const item = { localId: "t", transaction: { orderId: "a" } };
    const write = itemToWrite("transactions", item, (data) => ({ ...data, orderId: "b" })) as SeedWrite;
    expect(write.write.hash).toBe(hashOf({ orderId: "b" }));
  });

  test.each([
    ["no object", 5],
    ["no localId", { order: {} }],
    ["a localId with a blank", { localId: "a b", order: {} }],
    ["no order", { localId: "a" }],
    ["a transaction's item", { localId: "a", transaction: {} }],
  ])("%s is unreadable, and its neighbours are not affected", (_what, item) => {
    expect(isSeedWrite(itemToWrite("orders", item))).toBe(false);
  });

  test("text that can't be stored is unreadable", () => {
    expect(itemToWrite("orders", { localId: "a", order: { notes: "\u0000" } })).toMatchObject({
      code: "TEXT_INVALID",
      localId: "a",
    });
  });
});

test("the frozen defaults", () => {
  expect(withDefaults("orders", { items: [{ id: "i" }] })).toEqual({
    customerId: null,
    customerName: null,
    tableId: null,
    tableName: null,
    notes: null,
    completedAt: null,
    discount: 0,
    items: [{ id: "i", variation: null, notes: null, modifiers: [] }],
  });
  expect(withDefaults("orders", {})["items"]).toEqual([]);
  expect(withDefaults("transactions", {})).toEqual({
    orderId: null,
    orderNumber: null,
    notes: null,
    completedAt: null,
  });
});

describe("answers", () => {
  test("success, serverId and syncedAt are always there", () => {
    const response = syncResponseOf({ collection: "orders", localId: "o", outcome: "accepted" }, undefined, 7);
    expect(response).toEqual({ success: true, serverId: "o", syncedAt: 7, message: "Synced", conflicts: [] });
    expect(syncResponseOf({ collection: "orders", localId: "o", outcome: "duplicate" }, "o.5", 7).serverId).toBe("o.5");
  });

  test("a conflict lists its fields with texts, whatever their values are", () => {
    const fields = [
      { field: "total", localValue: 4.5, serverValue: null, resolution: "SERVER" as const },
      { field: "notes", localValue: "a", serverValue: { b: 1 }, resolution: "CLIENT" as const },
    ];
    const conflict = { id: "c", kind: "VERSION_MISMATCH" as const, policy: "SERVER_WINS" as const, fields };
    const response = syncResponseOf(
      { collection: "orders", localId: "o", outcome: "conflict", conflict },
      undefined,
      7,
    );
    expect(response).toMatchObject({ success: false, message: "Conflict: server version is newer" });
    expect(response.conflicts).toEqual([
      { field: "total", localValue: "4.5", serverValue: "null", resolution: "SERVER_WINS" },
      { field: "notes", localValue: "a", serverValue: '{"b":1}', resolution: "CLIENT_WINS" },
    ]);
  });

  test("updates are items and ids of deletions", () => {
    const record = { syncVersion: 2, hash: "h", createdBy: "d", updatedAt: 9 };
    const updates = updatesOf([
      { ...record, collection: "orders", localId: "o", deleted: false, data: { id: "o" } },
      { ...record, collection: "transactions", localId: "t", deleted: false, data: { id: "t" } },
      { ...record, collection: "orders", localId: "x", deleted: true, data: null },
      { ...record, collection: "transactions", localId: "y", deleted: true, data: null },
    ]);
    const meta = { syncStatus: "SYNCED", syncVersion: 2, deviceId: "d", lastSyncedAt: 9, serverHash: "h" };
    expect(updates).toEqual({
      orders: [{ order: { id: "o" }, localId: "o", ...meta }],
      transactions: [{ transaction: { id: "t" }, localId: "t", ...meta }],
      deletedOrderIds: ["x"],
      deletedTransactionIds: ["y"],
    });
  });
});

test("no name of a member is special: what a device sends under it is kept, and counts", () => {
  const item = (more: string): unknown =>
    JSON.parse(`{"localId":"o1","order":{"id":"o1","items":[{"id":"i"${more}}]${more}}}`);
  const plain = itemToWrite("orders", item("")) as SeedWrite;
  const { write } = itemToWrite("orders", item(',"__proto__":{"total":5}')) as SeedWrite;
  expect(write.hash).not.toBe(plain.write.hash);
  expect(JSON.stringify(write.data).match(/"__proto__":\{"total":5\}/g)).toHaveLength(2);
  expect((write.data as { total?: number }).total).toBeUndefined();
});
