/** Re-offers beside open conflicts: whose they are, and of what time. */
import { describe, expect, test } from "vitest";
import { conflictsOf, clash, edit } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { type Shop, EPOCH } from "./support/shop-fixture.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here), "MANUAL");

const conflicts = () => conflictsOf(database.sql, shop);

describe("a re-offer in an epoch that wants none", () => {
  const forged = (notes: string, version: number, updatedAt = 1_735_689_700_000) => ({
    ...edit(notes, version, null),
    ...{ reoffer: true, deviceId: "c", createdBy: "server", updatedAt },
  });
  const authorship = async () => {
    const rows = await database.sql`
      select created_by, device_id, updated_at > now() - interval '1 minute' as recent from records
      where store_id = ${shop.storeId} and collection = 'orders'`;
    return rows.map((row) => ({ ...row }));
  };

  test("is its sender's own write, made now", async () => {
    const [taken] = await shop.push("a", forged("new", 5));
    expect(taken).toMatchObject({ outcome: "accepted", syncVersion: 5 });
    expect(await authorship()).toEqual([{ created_by: "a", device_id: "a", recent: true }]);
  });

  test("waits as its sender's side, and leaves the sides of others alone", async () => {
    const { first, id } = await clash(shop);
    await shop.push("c", edit("c", 2, first));
    const [mine] = await shop.push("b", forged("b, as if it were c", 9));
    expect(mine).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect((await conflicts()).map(({ client }) => [client.deviceId, (client.data as any).notes])).toEqual([
      ["b", "b, as if it were c"],
      ["c", "c"],
    ]);
  });

  test("needs a role like any other write", async () => {
    await shop.enrol("d", "display");
    expect((await shop.push("d", forged("d", 5)))[0]).toMatchObject({ outcome: "rejected", code: "ROLE" });
  });

  test("S2: is known when it comes again", async () => {
    await shop.push("a", forged("new", 5));
    expect((await shop.push("a", forged("new", 5)))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 5 });
  });
});

describe("the time that a re-offer names", () => {
  test("is not taken if it lies ahead, in the answer and the frame no more than in the database", async () => {
    const epoch = await shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-2", true);
    const ahead = { ...edit("new", 5, null), reoffer: true, deviceId: "c", createdBy: "c", updatedAt: 8e15 };
    const before = { ...edit("new", 5, null, "o2"), reoffer: true, deviceId: "c", createdBy: "c", updatedAt: 1_000 };
    const sender = { storeId: shop.storeId, deviceId: "a", role: "register" as const };
    const { results } = await shop.accept.submit(sender, epoch, [{ write: ahead }, { write: before }]);
    const [committed] = shop.committed.slice(-1);
    const told = committed!.changes.map(({ json }) => (JSON.parse(json) as { updatedAt: number }).updatedAt);
    expect(told).toEqual([committed!.at, 1_000]);
    expect(results.map(({ updatedAt }) => updatedAt)).toEqual(told);
    const { changes } = await shop.store.readFeed({
      ...{ storeId: shop.storeId, from: 0, collections: ["orders"], maxChanges: 10, maxBytes: 1e6 },
    });
    expect(changes.map(({ json }) => (JSON.parse(json) as { updatedAt: number }).updatedAt)).toEqual(told);
  });

  test.each([-1, 8_640_000_000_000_001])("is none that no clock shows: %d", async (updatedAt) => {
    const write = { ...edit("new", 5, null), reoffer: true, updatedAt };
    expect((await shop.push("a", write))[0]).toMatchObject({ outcome: "rejected", code: "WRITE_MALFORMED" });
  });
});
