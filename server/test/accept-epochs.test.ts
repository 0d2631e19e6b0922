/** Epochs, revocation, several nodes, and re-offers after a restore. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, openShop, order, put, type Shop, EPOCH } from "./support/shop-fixture.ts";
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

describe("epochs, revocation, nodes", () => {
  test("a write of another epoch is refused whole with RESET, nothing decided", async () => {
    await shop.store.beginEpoch(shop.storeId, "epoch-1", "epoch-2", true);
    await expect(shop.push("a", put("orders", "o1", order("o1")))).rejects.toMatchObject({ code: "RESET" });
    expect(await stored("o1")).toBeUndefined();
  });

  test("S11: nothing of a revoked device is committed", async () => {
    await database.sql`select revoke_device(${shop.storeId}, 'a')`;
    await expect(shop.push("a", put("orders", "o1", order("o1")))).rejects.toMatchObject({ code: "DEVICE_REVOKED" });
    expect((await shop.push("b", put("orders", "o2", order("o2"))))[0]!.outcome).toBe("accepted");
    expect(await stored("o1")).toBeUndefined();
  });

  test("S3, S6: two nodes on one database make one outcome a write and gapless seqs", async () => {
    const other = await openShop(database.sql, { storeId: shop.storeId });
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const pushes = Array.from({ length: 40 }, (_, i) => {
      const node = i % 2 === 0 ? shop : other;
      return node.push(
        i % 4 < 2 ? "a" : "b",
        put("orders", `n${i >> 1}`, order(`n${i >> 1}`)),
        put("orders", "o1", order("o1", { notes: `${i}` }), 2, at(one!)),
      );
    });
    const results = (await Promise.all(pushes)).map((each) => each[1]!);
    expect(results.filter(({ outcome }) => outcome === "accepted")).toHaveLength(1);
    expect(results.filter(({ outcome }) => outcome === "conflict")).toHaveLength(39);
    expect(
      await database.sql`select 1 from records where store_id = ${shop.storeId} and collection = 'orders'`,
    ).toHaveLength(21);
  });

  test("a retry on another node while the first is being decided makes one conflict", async () => {
    const other = await openShop(database.sql, { storeId: shop.storeId });
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const loser = put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!));
    const results = await Promise.all([shop, other, shop, other].map((node) => node.push("b", loser)));
    expect(new Set(results.map(([result]) => result!.conflict!.id)).size).toBe(1);
    expect(await conflicts()).toHaveLength(1);
  });

  test("S10: the same id in two shops is two records", async () => {
    const other = await openShop(database.sql);
    await shop.push("a", put("orders", "o1", order("o1")));
    expect((await other.push("a", put("orders", "o1", order("o1", { notes: "other shop" }))))[0]).toMatchObject({
      outcome: "accepted",
      seq: 1,
    });
    expect(await stored("o1")).toMatchObject({ data: order("o1") });
  });
});

describe("re-offers after a restore", () => {
  const offer = (id: string, syncVersion: number, changes = {}, from = "b") => ({
    ...put("orders", id, order(id, changes), syncVersion, null),
    reoffer: true,
    deviceId: from,
    createdBy: from,
    updatedAt: 1_735_689_700_000,
  });

  async function restored() {
    const epoch = await shop.store.beginEpoch(shop.storeId, "epoch-1", "epoch-2", true);
    return async (deviceId: string, ...writes: unknown[]) => {
      const role = deviceId === "d" ? ("display" as const) : ("register" as const);
      return (
        await shop.accept.submit(
          { storeId: shop.storeId, deviceId, role },
          epoch,
          writes.map((write) => ({ write })),
        )
      ).results;
    };
  }

  test("what the server lost comes back as it was, once, whoever offers it, and needs no role", async () => {
    await shop.enrol("d", "display");
    const push = await restored();
    expect((await push("d", offer("o1", 3)))[0]).toMatchObject({
      outcome: "accepted",
      syncVersion: 3,
      updatedAt: 1_735_689_700_000,
    });
    expect((await push("a", offer("o1", 3)))[0]!.outcome).toBe("duplicate");
    expect((await push("c", offer("o1", 2, { notes: "older" })))[0]!.outcome).toBe("duplicate");
    expect((await push("c", offer("o1", 4, { notes: "newer" })))[0]).toMatchObject({
      outcome: "accepted",
      syncVersion: 4,
    });
    expect(await stored("o1")).toMatchObject({ created_by: "b", device_id: "b", reoffered: true });
  });

  test("against a value newly written in this epoch the policy decides, once for all devices that offer the same", async () => {
    await shop.push("a", put("orders", "o1", order("o1")));
    const push = await restored();
    const row = await stored("o1");
    await push(
      "a",
      put("orders", "o1", order("o1", { notes: "new" }), 2, { version: 1, hash: row!["server_hash"] as string }),
    );
    const [first] = await push("b", offer("o1", 3, { notes: "lost" }));
    const [second] = await push("c", offer("o1", 3, { notes: "lost" }));
    expect(first).toMatchObject({ outcome: "conflict", data: { notes: "new" } });
    expect(second!.conflict!.id).toBe(first!.conflict!.id);
    expect(await conflicts()).toHaveLength(1);
  });

  test("S8: what the record has outrun since the restore is a conflict, and what it once was a duplicate", async () => {
    const [first] = await shop.push("a", put("orders", "o1", order("o1")));
    const push = await restored();
    const [second] = await push("a", put("orders", "o1", order("o1", { notes: "new" }), 2, at(first!)));
    await push("a", put("orders", "o1", order("o1", { notes: "newer" }), 3, at(second!)));
    expect((await push("b", offer("o1", 1)))[0]!.outcome).toBe("duplicate");
    expect(await conflicts()).toHaveLength(0);
    expect((await push("b", offer("o1", 2, { notes: "lost" })))[0]).toMatchObject({
      outcome: "conflict",
      data: { notes: "newer" },
    });
    expect((await conflicts()).map(({ data }) => data.client.data.notes)).toEqual(["lost"]);
  });

  test("a device whose role may not write has nothing to offer while nothing was lost", async () => {
    await shop.enrol("d", "display");
    expect((await shop.push("d", offer("o1", 1)))[0]).toMatchObject({ outcome: "rejected", code: "ROLE" });
  });

  test("a retry of a write that another device brought back is a duplicate", async () => {
    const push = await restored();
    await push("a", offer("o1", 2, { notes: "mine" }));
    const retry = put("orders", "o1", order("o1", { notes: "mine" }), 2, { version: 1, hash: "a".repeat(64) });
    expect((await push("b", retry))[0]!.outcome).toBe("duplicate");
  });
});

test("nothing is decided for a push of another epoch, not even what was decided before", async () => {
  const write = put("orders", "o1", order("o1", { paymentStatus: "PAID" }));
  const [paid] = await shop.push("a", write);
  await shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-2", true);
  await expect(shop.push("a", write)).rejects.toMatchObject({ code: "RESET" });
  await expect(shop.push("a", put("orders", "o1", order("o1"), 2, at(paid!)))).rejects.toMatchObject({ code: "RESET" });
});
