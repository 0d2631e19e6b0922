/** Conflicts that wait for a person: opened and edited on, also by several at once. */
import { describe, expect, test } from "vitest";
import { conflictsOf, recordOf, setPolicy, settling, clash, edit } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { at, NEW, openShop, order, put, remove, type Shop } from "./support/shop-fixture.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here), "MANUAL");

const conflicts = () => conflictsOf(database.sql, shop);

const stored = (localId = "o1") => recordOf(database.sql, shop, "orders", localId);

describe("MANUAL leaves a conflict open", () => {
  test("the server's value stands, both sides are kept whole, and the loser is told", async () => {
    const { first, lost, id } = await clash(shop);
    expect(lost).toMatchObject({
      outcome: "conflict",
      syncVersion: 2,
      data: { notes: "a" },
      conflict: { policy: "MANUAL", kind: "HASH_MISMATCH" },
    });
    expect(lost.conflict!.fields).toEqual([{ field: "notes", localValue: "b", serverValue: "a", resolution: "OPEN" }]);
    expect(await conflicts()).toMatchObject([
      {
        ...{ id, status: "open", policy: "MANUAL", settlement: null, settledAt: null, settledBy: null, base: first },
        client: { deviceId: "b", syncVersion: 2, data: { notes: "b" } },
        server: { deviceId: "a", syncVersion: 2, data: { notes: "a" } },
      },
    ]);
  });

  test("S2: a retry, here or on another node, is told the same and opens nothing", async () => {
    const { write, lost } = await clash(shop);
    const other = await openShop(database.sql, { storeId: shop.storeId });
    for (const node of [shop, other]) {
      expect((await node.push("b", write))[0]).toEqual(lost);
    }
    expect(await conflicts()).toHaveLength(1);
  });

  test("further edits of the losing device replace its side, on whatever stale base, under one id", async () => {
    const { first, write, id, current } = await clash(shop);
    const onItsOwn = edit("b again", 3, { version: 2, hash: write.hash });
    const [second] = await shop.push("b", onItsOwn);
    expect(second).toMatchObject({ outcome: "conflict", conflict: { id }, data: { notes: "a" } });
    expect(await conflicts()).toMatchObject([
      { id, base: first, client: { syncVersion: 3, data: { notes: "b again" } } },
    ]);
    await shop.push("a", edit("a again", 3, current));
    const [third] = await shop.push("b", edit("b for the third time", 4, current));
    expect(third).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect(await conflicts()).toMatchObject([
      { id, status: "open", base: current, client: { data: { notes: "b for the third time" } } },
    ]);
    expect((await conflicts())[0]!.server.data, "the server's side follows").toMatchObject({ notes: "a again" });
    // S2: retries of either, as late as they come.
    expect((await shop.push("b", onItsOwn))[0]).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect(await conflicts()).toMatchObject([{ client: { data: { notes: "b for the third time" } } }]);
  });

  test("S7: an edit that comes after a later one does not take its place, and is kept for people to see", async () => {
    const { first, id } = await clash(shop);
    await shop.push("b", edit("b, fifth", 5, first));
    const [late] = await shop.push("b", edit("b, fourth", 4, first));
    expect(late).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect(await conflicts()).toMatchObject([
      {
        ...{ id, status: "open", client: { syncVersion: 5, data: { notes: "b, fifth" } } },
        attempts: [{ deviceId: "b", syncVersion: 4, data: { notes: "b, fourth" } }],
      },
    ]);
  });

  test("an edit of the value that stands is taken, by the losing device too, and the conflict waits on", async () => {
    const { current, id } = await clash(shop);
    const [taken] = await shop.push("b", edit("b on top of a", 3, current));
    expect(taken!.outcome).toBe("accepted");
    expect(await conflicts()).toMatchObject([{ id, status: "open", client: { data: { notes: "b" } } }]);
  });

  test("a device that names no base does not overwrite what a person is being asked about", async () => {
    const { id } = await clash(shop);
    const [held] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b, blindly" }), 9, null));
    expect(held).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect(await stored()).toMatchObject({ data: { notes: "a" } });
  });

  test("each device that lost waits in a conflict of its own", async () => {
    const { first } = await clash(shop);
    await shop.push("c", edit("c", 2, first));
    expect((await conflicts()).map(({ client }) => client.deviceId)).toEqual(["b", "c"]);
  });

  test("an open conflict waits on when the policy changes, and takes further edits", async () => {
    const { first, id } = await clash(shop);
    for (const policy of ["CLIENT_WINS", "MERGE", "SERVER_WINS"] as const) {
      await setPolicy(database.sql, shop, policy);
      const [held] = await shop.push("b", edit(`under ${policy}`, 2, first));
      expect(held).toMatchObject({ outcome: "conflict", conflict: { id } });
    }
    expect(await stored()).toMatchObject({ version: 2, data: { notes: "a" } });
  });

  test("what the guard would never let stand is not asked about", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    await shop.push("a", put("orders", "o1", order("o1", { paymentStatus: "PAID" }), 2, first));
    const [lost] = await shop.push("b", edit("b", 2, first));
    expect(lost).toMatchObject({ outcome: "conflict", conflict: { policy: "SERVER_WINS" } });
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "SERVER" }]);
  });

  test("a lost deletion, and an edit of a deleted record, wait as well", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    await shop.push("a", edit("a", 2, first));
    await shop.push("b", remove("orders", "o1", 2, first));
    const second = at((await shop.push("a", edit("first", 1, NEW, "o2")))[0]!);
    await shop.push("a", remove("orders", "o2", 2, second));
    await shop.push("b", edit("b", 2, second, "o2"));
    expect(await conflicts()).toMatchObject([
      { status: "open", client: { deleted: true, data: null }, server: { data: { notes: "a" } } },
      { status: "open", kind: "DELETED_ITEM", client: { data: { notes: "b" } }, server: { deleted: true, data: null } },
    ]);
    expect((await conflicts())[0]!.fields).toEqual([
      { field: "deleted", localValue: true, serverValue: false, resolution: "OPEN" },
    ]);
  });
});

describe("at once", () => {
  test("two people settle one conflict from two nodes: exactly one settles, the other is told and kept", async () => {
    const { current, id } = await clash(shop);
    const other = await openShop(database.sql, { storeId: shop.storeId });
    const results = (
      await Promise.all([
        shop.push("a", settling(id, edit("a", 3, current))),
        other.push("b", settling(id, edit("b", 3, current))),
        shop.push("c", settling(id, put("orders", "o1-c", order("o1-c", { notes: "b" })))),
      ])
    ).flat();
    const [conflict] = await conflicts();
    expect(conflict!.status).toBe("settled");
    const won = results.filter(({ outcome }) => outcome === "accepted" || outcome === "duplicate");
    // Whoever wants what stands anyway is told that it stands, first or not.
    expect(won.length).toBeGreaterThanOrEqual(1);
    const lost = results.filter(({ outcome }) => outcome === "conflict");
    expect(lost.every((result) => result.conflict!.id === id)).toBe(true);
    expect(won.length + lost.length).toBe(3);
    expect((await stored("o1-c")) !== null).toBe(conflict!.settlement === "BOTH");
    expect((await stored())!.data.notes).toBe(conflict!.settlement === "CLIENT" ? "b" : "a");
  });

  test("the losing device edits on from one node while another settles: one conflict settled, none lost", async () => {
    for (let round = 0; round < 10; round++) {
      const { first, current, id } = await clashOn(`r${round}`);
      const other = await openShop(database.sql, { storeId: shop.storeId });
      const [[settled], [further]] = await Promise.all([
        shop.push("a", settling(id, edit("b", 3, current, `r${round}`))),
        other.push("b", edit("b went on", 2, first, `r${round}`)),
      ]);
      expect(settled!.outcome).toBe("accepted");
      expect(further!.outcome).toBe("conflict");
      const sides = (await conflicts()).filter(({ recordId }) => recordId === `r${round}`);
      expect(sides.filter(({ status }) => status === "settled")).toHaveLength(1);
      const texts = await database.sql`
        select 1 from (select * from records union all select * from record_history) v where store_id = ${shop.storeId}
        and collection = 'conflicts' and data ->> 'recordId' = ${`r${round}`} and data -> 'client' -> 'data' ->> 'notes' = 'b went on'`;
      expect(texts.length, "S8: what b went on to write is there").toBeGreaterThan(0);
    }
  });

  async function clashOn(localId: string) {
    const first = at((await shop.push("a", edit("first", 1, NEW, localId)))[0]!);
    const current = at((await shop.push("a", edit("a", 2, first, localId)))[0]!);
    const [lost] = await shop.push("b", edit("b", 2, first, localId));
    return { first, current, id: lost!.conflict!.id };
  }

  test("one push that loses, edits on and settles, of many records, in order", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `m${i}`);
    const firsts = await shop.push("a", ...ids.map((id) => edit("first", 1, NEW, id)));
    await shop.push("a", ...ids.map((id, i) => edit("a", 2, at(firsts[i]!), id)));
    const writes = ids.flatMap((id, i) => [edit("b", 2, at(firsts[i]!), id), edit("b2", 3, at(firsts[i]!), id)]);
    const results = await shop.push("b", ...writes);
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(["conflict"]));
    expect((await conflicts()).map(({ client }) => (client.data as { notes: string }).notes)).toEqual(
      ids.map(() => "b2"),
    );
  });

  test("the policy changes between the look and the commit: the write is decided by the new one", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    await shop.push("a", edit("a", 2, first));
    let commits = 0;
    const store = {
      ...shop.store,
      commit: async (...args: Parameters<Shop["store"]["commit"]>) => {
        if ((commits += 1) === 1) await setPolicy(database.sql, shop, "CLIENT_WINS");
        return shop.store.commit(...args);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    const [result] = await node.push("b", edit("b", 2, first));
    expect(result).toMatchObject({ outcome: "merged", conflict: { policy: "CLIENT_WINS" } });
    expect(commits).toBe(2);
  });

  test("a write that no policy matters for is not held up by a change of policies", async () => {
    let commits = 0;
    const store = {
      ...shop.store,
      commit: async (...args: Parameters<Shop["store"]["commit"]>) => {
        commits += 1;
        await setPolicy(database.sql, shop, commits % 2 === 0 ? "MERGE" : "CLIENT_WINS");
        return shop.store.commit(...args);
      },
    };
    const node = await openShop(database.sql, { storeId: shop.storeId, store });
    expect((await node.push("b", edit("b", 1, NEW)))[0]!.outcome).toBe("accepted");
    expect(commits).toBe(1);
  });
});
