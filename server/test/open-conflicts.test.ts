/** Conflicts that wait for a person: opened, edited on, settled; what happens at once, again, and late. */
import type { Base, Result, Write } from "@tillwire/protocol/messages";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { conflictsOf, expectOneOpenConflictEach, recordOf, setPolicy, settling } from "./support/conflict-fixture.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, NEW, openShop, order, put, remove, type Shop } from "./support/shop-fixture.ts";

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
const stored = (localId = "o1") => recordOf(database.sql, shop, "orders", localId);
const edit = (notes: string, version: number, base: Base | null, id = "o1"): Write =>
  put("orders", id, order(id, { notes }), version, base);

interface Clash {
  /** The server's value: a's edit. */
  readonly current: Base;
  /** Where both edits were made on. */
  readonly first: Base;
  /** b's edit, which lost. */
  readonly write: Write;
  readonly lost: Result;
  readonly id: string;
}

/** a and b both edit o1; b's edit comes second. */
async function clash(): Promise<Clash> {
  const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
  const current = at((await shop.push("a", edit("a", 2, first)))[0]!);
  const write = edit("b", 2, first);
  const [lost] = await shop.push("b", write);
  return { first, current, write, lost: lost!, id: lost!.conflict!.id };
}

describe("MANUAL leaves a conflict open", () => {
  test("the server's value stands, both sides are kept whole, and the loser is told", async () => {
    const { first, lost, id } = await clash();
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
    const { write, lost } = await clash();
    const other = await openShop(database.sql, { storeId: shop.storeId });
    for (const node of [shop, other]) {
      expect((await node.push("b", write))[0]).toEqual(lost);
    }
    expect(await conflicts()).toHaveLength(1);
  });

  test("further edits of the losing device replace its side, on whatever stale base, under one id", async () => {
    const { first, write, id, current } = await clash();
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
    const { first, id } = await clash();
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
    const { current, id } = await clash();
    const [taken] = await shop.push("b", edit("b on top of a", 3, current));
    expect(taken!.outcome).toBe("accepted");
    expect(await conflicts()).toMatchObject([{ id, status: "open", client: { data: { notes: "b" } } }]);
  });

  test("a device that names no base does not overwrite what a person is being asked about", async () => {
    const { id } = await clash();
    const [held] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b, blindly" }), 9, null));
    expect(held).toMatchObject({ outcome: "conflict", conflict: { id } });
    expect(await stored()).toMatchObject({ data: { notes: "a" } });
  });

  test("each device that lost waits in a conflict of its own", async () => {
    const { first } = await clash();
    await shop.push("c", edit("c", 2, first));
    expect((await conflicts()).map(({ client }) => client.deviceId)).toEqual(["b", "c"]);
  });

  test("an open conflict waits on when the policy changes, and takes further edits", async () => {
    const { first, id } = await clash();
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

describe("settling", () => {
  test("take theirs: nothing new is stored but the conflict", async () => {
    const { current, id } = await clash();
    const write = settling(id, edit("a", 3, current));
    const [settled] = await shop.push("c", write);
    expect(settled).toMatchObject({ outcome: "duplicate", syncVersion: 2 });
    expect(settled!.conflict).toBeUndefined();
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "SERVER", settledBy: "c" }]);
    expect((await conflicts())[0]!.fields).toEqual([
      { field: "notes", localValue: "b", serverValue: "a", resolution: "SERVER" },
    ]);
    expect((await shop.push("c", write))[0]!.outcome).toBe("duplicate");
    expect(await conflicts()).toHaveLength(1);
  });

  test("keep mine: the value of the device that lost stands, and a retry on another node is a duplicate", async () => {
    const { current, id } = await clash();
    const write = settling(id, edit("b", 3, current));
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "accepted", syncVersion: 3 });
    expect(await stored()).toMatchObject({ version: 3, data: { notes: "b" } });
    const [conflict] = await conflicts();
    expect(conflict).toMatchObject({ status: "settled", settlement: "CLIENT", settledBy: "b" });
    expect(conflict!.settledAt).toBeGreaterThan(0);
    expect(conflict!.fields).toMatchObject([{ field: "notes", resolution: "CLIENT" }]);
    const other = await openShop(database.sql, { storeId: shop.storeId });
    expect((await other.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect(await stored()).toMatchObject({ version: 3 });
  });

  test("pick per field: each field tells which side it was taken from", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    const mine = { notes: "a", tableId: "1", customerName: "Ann" };
    const current = at((await shop.push("a", put("orders", "o1", order("o1", mine), 2, first)))[0]!);
    const theirs = { notes: "b", tableId: "2", customerName: "Bob" };
    const [lost] = await shop.push("b", put("orders", "o1", order("o1", theirs), 2, first));
    const picked = order("o1", { notes: "a", tableId: "2", customerName: "Ann and Bob" });
    await shop.push("a", settling(lost!.conflict!.id, put("orders", "o1", picked, 3, current)));
    const [conflict] = await conflicts();
    expect(conflict).toMatchObject({ status: "settled", settlement: "MERGED" });
    expect(conflict!.fields.map(({ field, resolution }) => [field, resolution])).toEqual([
      ["notes", "SERVER"],
      ["tableId", "CLIENT"],
      ["customerName", "MERGED"],
    ]);
  });

  test("keep both: the losing side becomes a record of its own, under a number of its own", async () => {
    const { id } = await clash();
    const write = settling(id, put("orders", "o1-b", order("o1", { id: "o1-b", notes: "b" })));
    const [kept] = await shop.push("b", write);
    expect(kept).toMatchObject({ outcome: "merged", data: { notes: "b", orderNumber: "N-o1-2" } });
    expect(await stored()).toMatchObject({ version: 2, data: { notes: "a" } });
    expect((await conflicts()).find((conflict) => conflict.id === id)).toMatchObject({
      ...{ status: "settled", settlement: "BOTH", keptAs: "o1-b", settledBy: "b" },
    });
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "duplicate" });
    const [twice] = await shop.push("c", settling(id, put("orders", "o1-c", order("o1-c"))));
    expect(twice, "only one answer counts").toMatchObject({ outcome: "conflict", conflict: { id } });
    expect(twice!.syncVersion).toBeUndefined();
    expect(await stored("o1-c")).toBeNull();
    expect((await shop.push("c", settling(id, put("orders", "o1-c", order("o1-c")))))[0]).toEqual(twice);
  });

  test("keep both under an id that is taken is a clash of that id, and the first conflict waits on", async () => {
    const { id } = await clash();
    await shop.push("a", edit("another", 1, NEW, "taken"));
    const [lost] = await shop.push("b", settling(id, edit("b", 1, NEW, "taken")));
    expect(lost).toMatchObject({ outcome: "conflict", conflict: { kind: "ID_TAKEN" } });
    expect((await conflicts()).map(({ status }) => status)).toEqual(["open", "open"]);
    const [again] = await shop.push("b", settling(id, edit("b, once more", 1, NEW, "taken")));
    expect(again, "one that its device waits in already").toMatchObject({ conflict: { id: lost!.conflict!.id } });
  });

  test("by deleting: the deletion that lost is carried out after all", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    const current = at((await shop.push("a", edit("a", 2, first)))[0]!);
    const [lost] = await shop.push("b", remove("orders", "o1", 2, first));
    await shop.push("a", settling(lost!.conflict!.id, remove("orders", "o1", 3, current)));
    expect(await stored()).toMatchObject({ deleted: true });
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "CLIENT" }]);
  });

  test("by restoring: an edit of a deleted record stands after all, and so does the deletion where people say so", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    const tombstone = at((await shop.push("a", remove("orders", "o1", 2, first)))[0]!);
    const [lost] = await shop.push("b", edit("b", 2, first));
    await shop.push("a", settling(lost!.conflict!.id, edit("b", 3, tombstone)));
    expect(await stored()).toMatchObject({ deleted: false, data: { notes: "b" } });
    const other = at((await shop.push("a", edit("first", 1, NEW, "o2")))[0]!);
    const gone = at((await shop.push("a", remove("orders", "o2", 2, other)))[0]!);
    const [second] = await shop.push("b", edit("b", 2, other, "o2"));
    const [stays] = await shop.push("a", settling(second!.conflict!.id, remove("orders", "o2", 3, gone)));
    expect(stays).toMatchObject({ outcome: "duplicate", deleted: true, syncVersion: 2 });
    expect((await conflicts()).map(({ settlement }) => settlement)).toEqual(["CLIENT", "SERVER"]);
  });

  test("a deleted record comes back by a put on the deletion; an edit that did not know of it brings nothing back", async () => {
    const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
    const tombstone = at((await shop.push("a", remove("orders", "o1", 2, first)))[0]!);
    for (const policy of ["SERVER_WINS", "MERGE", "MANUAL"] as const) {
      await setPolicy(database.sql, shop, policy);
      for (const base of [first, null])
        expect((await shop.push("b", edit(policy, 9, base)))[0]).toMatchObject({ outcome: "conflict", deleted: true });
    }
    expect((await shop.push("c", edit("back", 3, tombstone)))[0]).toMatchObject({
      outcome: "accepted",
      deleted: false,
    });
  });

  test("on a stale base: it stays open, with the value that stands now, and the try is kept", async () => {
    const { current, id } = await clash();
    await shop.push("a", edit("a went on", 3, current));
    const write = settling(id, edit("b", 3, current));
    const [stale] = await shop.push("c", write);
    expect(stale).toMatchObject({ outcome: "conflict", data: { notes: "a went on" }, conflict: { id } });
    expect(stale!.conflict!.fields).toMatchObject([{ field: "notes", serverValue: "a went on", resolution: "OPEN" }]);
    const [conflict] = await conflicts();
    expect(conflict).toMatchObject({
      ...{ status: "open", client: { deviceId: "b", data: { notes: "b" } }, server: { data: { notes: "a went on" } } },
      attempts: [{ deviceId: "c", data: { notes: "b" } }],
    });
    expect((await shop.push("c", write))[0]).toEqual(stale);
    expect((await conflicts())[0]!.attempts).toHaveLength(1);
    const [settled] = await shop.push("c", settling(id, edit("b", 4, at(stale!))));
    expect(settled!.outcome).toBe("accepted");
  });

  test("on a stale base, but to the value that stands: settled", async () => {
    const { first, id } = await clash();
    expect((await shop.push("c", settling(id, edit("a", 2, first))))[0]).toMatchObject({ outcome: "duplicate" });
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "SERVER" }]);
  });

  test("too late: the first answer stands, the second is kept and told", async () => {
    const { current, id } = await clash();
    const [settled] = await shop.push("a", settling(id, edit("b", 3, current)));
    for (const version of [4, 5, 6, 7]) {
      const [late] = await shop.push("c", settling(id, edit(`c${version}`, version, at(settled!))));
      expect(late).toMatchObject({ outcome: "conflict", data: { notes: "b" }, conflict: { id } });
    }
    expect(await stored()).toMatchObject({ version: 3, data: { notes: "b" } });
    const [conflict] = await conflicts();
    expect(conflict).toMatchObject({ status: "settled", settlement: "CLIENT", settledBy: "a" });
    expect(
      conflict!.attempts!.map(({ syncVersion }) => syncVersion),
      "the latest three",
    ).toEqual([5, 6, 7]);
    const same = await shop.push("c", settling(id, edit("b", 8, at(settled!))));
    expect(same[0]!.outcome, "whoever says the same says nothing new").toBe("duplicate");
  });

  test("one value settles two conflicts of one record, one write each", async () => {
    const { first, current, id } = await clash();
    const [other] = await shop.push("c", edit("c", 2, first));
    for (const each of [id, other!.conflict!.id])
      expect((await shop.push("a", settling(each, edit("a", 3, current))))[0]!.outcome).toBe("duplicate");
    expect((await conflicts()).map(({ status }) => status)).toEqual(["settled", "settled"]);
  });

  test("a value that was taken as one conflict's answer settles the other as well, when it is sent for that", async () => {
    const { first, current, id } = await clash();
    const [other] = await shop.push("c", edit("c", 2, first));
    const answer = edit("a and b and c", 3, current);
    const outcomes = [];
    for (const each of [id, other!.conflict!.id, id, other!.conflict!.id])
      outcomes.push((await shop.push("a", settling(each, answer)))[0]!.outcome);
    expect(outcomes).toEqual(["accepted", "duplicate", "duplicate", "duplicate"]);
    expect((await conflicts()).map(({ settlement }) => settlement)).toEqual(["MERGED", "SERVER"]);
    expect(await stored()).toMatchObject({ version: 3 });
  });

  test("the guard holds, and the conflict waits on", async () => {
    const { current, id } = await clash();
    const paid = at(
      (await shop.push("a", put("orders", "o1", order("o1", { paymentStatus: "PAID" }), 3, current)))[0]!,
    );
    const [refused] = await shop.push("b", settling(id, edit("b", 4, paid)));
    expect(refused).toMatchObject({ outcome: "rejected", code: "GUARD" });
    expect(await conflicts()).toMatchObject([{ status: "open" }]);
  });

  test("a conflict that nobody knows is none: the write is decided as any other", async () => {
    const { current, first } = await clash();
    const unknown = `c-${"0".repeat(40)}`;
    const write = settling(unknown, edit("c", 3, current));
    expect((await shop.push("c", write))[0]!.outcome).toBe("accepted");
    expect((await shop.push("c", write))[0]!.outcome).toBe("duplicate");
    const stale = settling(unknown, edit("c, late", 4, first));
    const [lost] = await shop.push("c", stale);
    expect(lost!.outcome).toBe("conflict");
    expect((await shop.push("c", stale))[0]).toEqual(lost);
    const [made] = await shop.push("c", settling(unknown, edit("new", 1, NEW, "o9")));
    expect(made!.outcome).toBe("accepted");
  });

  test("a conflict of something else can't be meant", async () => {
    const { id } = await clash();
    const product = put("products", "p", { id: "p", name: "P", price: 1 });
    const elsewhere = await shop.push("a", settling(id, product));
    const one = at((await shop.push("a", edit("other", 1, NEW, "o2")))[0]!);
    const edits = await shop.push("a", settling(id, edit("other", 2, one, "o2")));
    const deletion = await shop.push("a", settling(id, remove("orders", "o2", 2, one)));
    for (const [result] of [elsewhere, edits, deletion])
      expect(result).toMatchObject({ outcome: "rejected", code: "WRITE_MALFORMED" });
    expect(await conflicts()).toMatchObject([{ status: "open" }]);
  });

  test("S2: the answer of the commit is lost: the retry tells it, on this node and the other", async () => {
    const { current, id } = await clash();
    let lose = true;
    const store = {
      ...shop.store,
      commit: async (...args: Parameters<Shop["store"]["commit"]>) => {
        const committed = await shop.store.commit(...args);
        if (!lose) return committed;
        lose = false;
        throw new Error("the connection is gone");
      },
    };
    const failing = await openShop(database.sql, { storeId: shop.storeId, store });
    const write = settling(id, edit("b", 3, current));
    await expect(failing.push("b", write)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await failing.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect(await conflicts()).toMatchObject([{ settlement: "CLIENT" }]);
    expect((await conflicts())[0]!.attempts).toBeUndefined();
  });
});

describe("at once", () => {
  test("two people settle one conflict from two nodes: exactly one settles, the other is told and kept", async () => {
    const { current, id } = await clash();
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
