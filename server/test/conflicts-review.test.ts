/** What a review of conflicts asked: whose a re-offer is, what an answer and a settling may cost, and quarrels that end by themselves. */
import { LIMITS } from "@tillwire/protocol/limits";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { conflictsOf, expectOneOpenConflictEach, recordOf, setPolicy, settling } from "./support/conflict-fixture.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, EPOCH, NEW, openShop, order, put, remove, type Shop } from "./support/shop-fixture.ts";

let database: TestDatabase;
let shop: Shop;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  shop = await openShop(database.sql);
  await setPolicy(database.sql, shop, "MANUAL");
});
afterEach(async () => {
  await checkStore(database.sql, shop.storeId);
  await expectOneOpenConflictEach(database.sql, shop);
});

const conflicts = () => conflictsOf(database.sql, shop);
const edit = (notes: string, version: number, base: ReturnType<typeof at> | null, id = "o1") =>
  put("orders", id, order(id, { notes }), version, base);

/** a and b both edit o1; b's edit comes second. */
async function clash(a: object = { notes: "a" }, b: object = { notes: "b" }) {
  const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
  const current = at((await shop.push("a", put("orders", "o1", order("o1", a), 2, first)))[0]!);
  const mine = put("orders", "o1", order("o1", b), 2, first);
  const [lost] = await shop.push("b", mine);
  return { first, current, mine, id: lost!.conflict!.id };
}

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
    const { first, id } = await clash();
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

describe("the losing device comes round to the server's value by itself", () => {
  test("an edit of its own side that equals it ends the conflict: nobody has anything left to decide", async () => {
    const { mine, id } = await clash();
    const comeRound = edit("a", 3, { version: 2, hash: mine.hash });
    const [same] = await shop.push("b", comeRound);
    expect(same).toMatchObject({ outcome: "duplicate", syncVersion: 2 });
    expect(await conflicts()).toMatchObject([{ id, status: "settled", settlement: "SERVER", settledBy: "b" }]);
    expect((await shop.push("b", comeRound))[0]).toMatchObject({ outcome: "duplicate" });
    expect(await conflicts(), "S2: once").toMatchObject([{ id, status: "settled" }]);
  });

  test("so does a deletion of what was deleted there", async () => {
    const { current, mine, id } = await clash();
    await shop.push("a", remove("orders", "o1", 3, current));
    await shop.push("b", remove("orders", "o1", 4, { version: 2, hash: mine.hash }));
    expect(await conflicts()).toMatchObject([{ id, status: "settled", settlement: "SERVER" }]);
  });

  test("whoever only sends the server's value once more has decided nothing", async () => {
    const { first, id } = await clash();
    for (const base of [first, null]) {
      expect((await shop.push("b", edit("a", 3, base)))[0]!.outcome).toBe("duplicate");
      expect(await conflicts()).toMatchObject([{ id, status: "open", client: { data: { notes: "b" } } }]);
    }
  });
});

describe("sizes", () => {
  const many = (side: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${side}${i.toString(36)}`, 1]));

  test("to settle sides that differ in ten thousand fields holds up nobody", async () => {
    const count = 10_000;
    const { current, id } = await clash(many("a", count), many("b", count));
    const startedAt = performance.now();
    const answer = settling(id, put("orders", "o1", order("o1", many("c", count)), 3, current));
    expect((await shop.push("b", answer))[0]!.outcome).toBe("accepted");
    // Each with each would be 24 seconds and more.
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    expect((await conflicts())[0]!.fields.map(({ resolution }) => resolution)).toEqual(Array(100).fill("SERVER"));
  });

  /** Null members, which count for nothing, with names that take three bytes a letter. */
  const nulls = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${"嗨".repeat(17)}${i}`, null]));

  test("null members with long names make no conflict too large for a message", async () => {
    const { first, id } = await clash({ notes: "a", ...nulls(9_000) }, { notes: "b", ...nulls(9_000) });
    for (const notes of ["3", "4", "5"])
      await shop.push("c", settling(id, put("orders", "o1", order("o1", { notes, ...nulls(9_000) }), 3, first)));
    const { changes } = await shop.store.readFeed({
      ...{ storeId: shop.storeId, from: 0, collections: ["conflicts"], maxChanges: 10, maxBytes: 1e9 },
    });
    expect(Buffer.byteLength(changes[0]!.json)).toBeLessThan(LIMITS.messageBytes);
  });

  test("nor does an item at the seed's door make a change that no session could take", async () => {
    const item = put("orders", "o1", order("o1", { notes: "kept", ...nulls(50_000) }), 1, null);
    const answer = await shop.pushSeed("b", item, {});
    expect(answer).toMatchObject({ outcome: "accepted", hash: item.hash });
    const json = shop.committed.at(-1)!.changes[0]!.json;
    expect(Buffer.byteLength(json)).toBeLessThan(LIMITS.messageBytes);
    expect(await recordOf(database.sql, shop, "orders", "o1")).toMatchObject({ data: { notes: "kept" } });
    expect((await shop.pushSeed("b", item, {})).outcome).toBe("duplicate");
  });

  test("many answers to one large conflict do not read it many times over", async () => {
    let most = 0;
    const store = {
      ...shop.store,
      readContexts: async (...[storeId, queries]: Parameters<Shop["store"]["readContexts"]>) => {
        most = Math.max(most, queries.filter(({ resolves }) => resolves !== null).length);
        return shop.store.readContexts(storeId, queries);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const { id } = await clash();
    const both = Array.from({ length: 20 }, (_, i) => settling(id, edit("b", 1, NEW, `kept-${i}`)));
    const results = await node.push("b", ...both);
    expect(results.map(({ outcome }) => outcome)).toEqual(["accepted", ...Array(19).fill("conflict")]);
    expect(most).toBe(1);
  });
});
