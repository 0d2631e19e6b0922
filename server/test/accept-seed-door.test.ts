/** What existing devices send: without bases, with ids that are used twice. */
import { describe, expect, test } from "vitest";
import type { TestDatabase } from "./support/database.ts";
import { at, order, put, remove, type Shop } from "./support/shop-fixture.ts";
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

describe("the seed's door", () => {
  const T = 1_735_689_600_000;

  test("without base a higher version is taken; what it overwrote of another device is a settled conflict", async () => {
    await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    expect(
      (await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "2" }), 2, null), { createdAt: T })).outcome,
    ).toBe("accepted");
    expect(await conflicts()).toHaveLength(0);
    expect(
      (await shop.pushSeed("b", put("orders", "o1", order("o1", { notes: "3" }), 3, null), { createdAt: T })).outcome,
    ).toBe("accepted");
    expect((await conflicts())[0]!.data).toMatchObject({
      status: "settled",
      settlement: "CLIENT",
      server: { data: { notes: "2" } },
    });
  });

  test("without base an equal or lower version is a conflict, and a tombstone is not overwritten", async () => {
    await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "2" }), 2, null), { createdAt: T });
    expect(
      (await shop.pushSeed("b", put("orders", "o1", order("o1", { notes: "x" }), 2, null), { createdAt: T })).conflict!
        .kind,
    ).toBe("HASH_MISMATCH");
    await shop.pushSeed("a", remove("orders", "o1", 3, null), { createdAt: T });
    expect((await shop.pushSeed("a", put("orders", "o1", order("o1"), 4, null), { createdAt: T })).conflict!.kind).toBe(
      "DELETED_ITEM",
    );
  });

  test("a serverHash is the base; one that only this device built upon since still counts", async () => {
    const first = await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "2" }), 2, null), {
      createdAt: T,
      baseHash: first.hash!,
    });
    const third = await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "3" }), 3, null), {
      createdAt: T,
      baseHash: first.hash!,
    });
    expect(third.outcome).toBe("accepted");
  });

  test("two sales that bear one id are two records, and later items find theirs", async () => {
    const mine = order("local-48213", { createdAt: T });
    const other = order("local-48213", { createdAt: T + 60_000, orderNumber: "N-2", notes: "other sale" });
    await shop.pushSeed("a", put("orders", "local-48213", mine, 1, null), { createdAt: T });
    const filed = await shop.pushSeed("a", put("orders", "local-48213", other, 1, null), { createdAt: T + 60_000 });
    expect(filed).toMatchObject({ outcome: "accepted", filedUnder: `local-48213.${T + 60_000}` });
    const again = await shop.pushSeed("a", put("orders", "local-48213", other, 1, null), { createdAt: T + 60_000 });
    expect(again).toMatchObject({ outcome: "duplicate", filedUnder: filed.filedUnder });
    const later = await shop.pushSeed("a", put("orders", "local-48213", { ...other, notes: "paid" }, 2, null), {
      createdAt: T + 60_000,
    });
    expect(later).toMatchObject({ outcome: "accepted", filedUnder: filed.filedUnder, syncVersion: 2 });
    expect(await stored("local-48213")).toMatchObject({ sync_version: 1, data: mine });
  });

  test("a tombstone's last data tells its sale from another", async () => {
    await shop.pushSeed("a", put("orders", "local-1", order("local-1"), 1, null), { createdAt: T });
    await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T });
    const other = await shop.pushSeed("b", put("orders", "local-1", order("local-1", { createdAt: T + 1 }), 1, null), {
      createdAt: T + 1,
    });
    expect(other.filedUnder).toBe(`local-1.${T + 1}`);
  });
});

describe("the seed's door", () => {
  const T = 1_735_689_600_000;

  test("a serverHash that is none names nothing, and costs nobody a sale", async () => {
    await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    const next = put("orders", "o1", order("o1", { notes: "2" }), 2, null);
    expect((await shop.pushSeed("a", next, { createdAt: T, baseHash: "\u0000" })).outcome).toBe("accepted");
  });

  test("deleting the second of two sales with one id is not taken for a retry of deleting the first", async () => {
    const second = order("local-1", { createdAt: T + 1, orderNumber: "N-2" });
    await shop.pushSeed("a", put("orders", "local-1", order("local-1"), 1, null), { createdAt: T });
    await shop.pushSeed("a", put("orders", "local-1", second, 1, null), { createdAt: T + 1 });
    await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T });
    const gone = await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T + 1 });
    expect(gone).toMatchObject({ outcome: "accepted", deleted: true, filedUnder: `local-1.${T + 1}` });
    const retry = await shop.pushSeed("a", remove("orders", "local-1", 2, null), { createdAt: T });
    expect(retry).toMatchObject({ outcome: "duplicate", filedUnder: undefined });
  });

  test("a base that another device built upon is stale, however long the history since", async () => {
    let last = await shop.pushSeed("a", put("orders", "o1", order("o1"), 1, null), { createdAt: T });
    const base = last.hash!;
    for (let version = 2; version < 6; version++) {
      const device = version === 3 ? "b" : "a";
      last = (
        await shop.push(device, put("orders", "o1", order("o1", { notes: `${version}` }), version, at(last)))
      )[0]!;
    }
    const late = await shop.pushSeed("a", put("orders", "o1", order("o1", { notes: "late" }), 9, null), {
      createdAt: T,
      baseHash: base,
    });
    expect(late.outcome).toBe("conflict");
  });
});
