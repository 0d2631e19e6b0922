/** S6: an accepted write was made on the value that it replaced; anything else is kept as a conflict. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, openShop, order, put, remove, type Shop, EPOCH } from "./support/shop-fixture.ts";
import { collectionSet, defineCollection } from "@tillwire/protocol/collection";
import { hashOf } from "@tillwire/protocol/hash";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import * as z from "zod/mini";
import { checkWrite, isChecked } from "../src/checked-write.ts";
import { decide } from "../src/decide.ts";
import type { PlannedWrite, ReplicationStore, StoredRecord } from "../src/store/store.ts";
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

const outcomes = (results: readonly Result[]) => results.map(({ code, outcome }) => code ?? outcome);

describe("S6: an accepted write was made on the value that it replaced", () => {
  test("VERSION_MISMATCH: server wins with the server's value and version unchanged", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1", { total: 100, subtotal: 100, tax: 0 })));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    await shop.push("a", put("orders", "o1", order("o1", { total: 150, subtotal: 150, tax: 0 }), 3, at(two!)));
    const late = put("orders", "o1", order("o1", { total: 120, subtotal: 120, tax: 0 }), 2, at(one!));
    const [lost] = await shop.push("b", late);
    expect(lost).toMatchObject({
      outcome: "conflict",
      syncVersion: 3,
      data: { total: 150 },
      conflict: { kind: "VERSION_MISMATCH", policy: "SERVER_WINS" },
    });
    expect(lost!.conflict!.fields).toContainEqual({
      field: "total",
      localValue: 120,
      serverValue: 150,
      resolution: "SERVER",
    });
    expect(await stored("o1")).toMatchObject({ sync_version: 3, data: { total: 150 } });
    const [kept] = await conflicts();
    expect(kept!.data).toMatchObject({
      recordId: "o1",
      status: "settled",
      settlement: "SERVER",
      client: { data: { total: 120 }, deviceId: "b" },
    });
  });

  test("HASH_MISMATCH: same version, different data", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    expect((await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!))))[0]).toMatchObject({
      outcome: "conflict",
      conflict: { kind: "HASH_MISMATCH" },
    });
  });

  test("CONCURRENT_MODIFICATION: above the server's version, but made on another base", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    // Trap 7: a lost v2, and a queued v3 that claims base 2 with the lost one's hash.
    const lostBase = { version: 2, hash: "c".repeat(64) };
    expect((await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 3, lostBase)))[0]).toMatchObject({
      outcome: "conflict",
      conflict: { kind: "CONCURRENT_MODIFICATION" },
    });
  });

  test("DELETED_ITEM: one deletes what another changes", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", remove("orders", "o1", 2, at(one!)));
    const [lost] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    expect(lost).toMatchObject({ outcome: "conflict", deleted: true, data: null, conflict: { kind: "DELETED_ITEM" } });
    expect((await conflicts())[0]!.data).toMatchObject({ client: { data: { notes: "b" } } });
  });

  test("a delete on a stale base is a conflict; the change stays", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    expect((await shop.push("b", remove("orders", "o1", 2, at(one!))))[0]).toMatchObject({
      outcome: "conflict",
      deleted: false,
      data: { notes: "a" },
    });
  });

  test("a put on the tombstone itself restores the record", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [gone] = await shop.push("a", remove("orders", "o1", 2, at(one!)));
    expect((await shop.push("b", put("orders", "o1", order("o1"), 3, at(gone!))))[0]).toMatchObject({
      outcome: "accepted",
      deleted: false,
    });
  });

  test("superseded versions are in the history", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    const rows =
      await database.sql`select seq, sync_version, device_id, data from record_history where store_id = ${shop.storeId}`;
    expect(rows).toMatchObject([{ seq: "1", sync_version: 1, device_id: "a", data: order("o1") }]);
  });
});

test("S6: an edit of what was sent does not overwrite what a merge made of it; one of a renumbered record does", async () => {
  const sent = put("orders", "o1", order("o1", { notes: "mine" }), 2, { version: 1, hash: "a".repeat(64) });
  const edit = put("orders", "o1", order("o1", { notes: "mine too" }), 3, { version: 2, hash: sent.hash });
  const write = checkWrite(
    SHOP_COLLECTIONS,
    { storeId: shop.storeId, deviceId: "a", role: "register" },
    { write: edit },
  );
  if (!isChecked(write)) throw new Error(write.message);
  const outcomeOn = (stored: Order): string => {
    const current: StoredRecord = {
      ...{
        seq: 2,
        syncVersion: 3,
        hash: hashOf(stored),
        sentVersion: 2,
        sentHash: sent.hash,
        base: sent.base,
        data: stored,
      },
      ...{
        uniqueKey: stored.orderNumber,
        createdBy: "a",
        deviceId: "a",
        deleted: false,
        reoffered: false,
        updatedAt: 0,
      },
    };
    const known = {
      history: [],
      lastData: null,
      baseData: order("o1", { notes: "mine" }),
      decided: null,
      openConflict: null,
      resolves: null,
      policy: null,
      policyVersion: 0,
      epoch: EPOCH,
      epochSeq: 0,
    };
    const number = { taken: true, nextAmendment: 3 };
    return decide(write, { ...known, current, number, epochReoffer: false }, 0).outcome;
  };
  expect(outcomeOn(order("o1", { notes: "mine", customerName: "theirs" }))).toBe("conflict");
  expect(outcomeOn(order("o1", { notes: "mine", orderNumber: "N-o1-2" }))).toBe("merged");
});

describe("conflicts", () => {
  test("equal content on a stale base is no duplicate where fields count", async () => {
    const stock = defineCollection({ name: "stock", schema: z.looseObject({ count: z.int() }), sumFields: ["count"] });
    const node = await openShop(database.sql, { storeId: shop.storeId, collections: collectionSet([stock]) });
    const [one] = await node.push("a", put("stock", "s", { count: 10 }));
    const [two] = await node.push("a", put("stock", "s", { count: 9 }, 2, at(one!)));
    const sold = put("stock", "s", { count: 9 }, 2, at(one!));
    expect((await node.push("b", sold))[0]!.outcome).toBe("conflict");
    expect((await node.push("c", put("stock", "s", { count: 9 }, 3, at(two!))))[0]!.outcome).toBe("duplicate");
  });

  test("a conflict over long names and many fields stays of a size that devices can take", async () => {
    const name = "n".repeat(120_000);
    const product = (value: number) => ({
      id: "p",
      name: "P",
      price: 1,
      [name]: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, value])),
    });
    const [one] = await shop.push("a", put("products", "p", product(1)));
    await shop.push("a", put("products", "p", product(2), 2, at(one!)));
    const [lost] = await shop.push("b", put("products", "p", product(3), 2, at(one!)));
    expect(lost!.conflict!.fields).not.toHaveLength(0);
    expect(JSON.stringify(lost).length).toBeLessThan(LIMITS.messageBytes);
    expect(shop.committed.at(-1)!.changes[0]!.json.length).toBeLessThan(LIMITS.messageBytes);
  });

  test("large records in conflict are committed in portions", async () => {
    const sizes: number[] = [];
    const store: ReplicationStore = {
      ...shop.store,
      commit: (storeId, epoch, writes) => {
        sizes.push(bytesOf(writes));
        return shop.store.commit(storeId, epoch, writes);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const ids = Array.from({ length: 24 }, (_, i) => `p${i}`);
    await node.push(
      "a",
      ...ids.map((id) => put("products", id, { id, name: "P", price: 1, blob: "x".repeat(250_000) })),
    );
    const results = await node.push("b", ...ids.map((id) => put("products", id, { id, name: "P", price: 2 })));
    expect(new Set(outcomes(results))).toEqual(new Set(["conflict"]));
    expect(Math.max(...sizes)).toBeLessThan(6 * 1024 * 1024);
  });

  function bytesOf(writes: readonly PlannedWrite[]): number {
    return writes.flatMap(({ rows }) => rows).reduce((sum, { dataJson }) => sum + (dataJson?.length ?? 0), 0);
  }
});
