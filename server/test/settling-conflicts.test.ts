/** Open conflicts are settled: by every answer that there is, again, too late, and by the losing device itself. */
import { describe, expect, test } from "vitest";
import { conflictsOf, recordOf, setPolicy, settling, clash, edit } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { at, NEW, openShop, order, put, remove, type Shop, losingFirstAnswer } from "./support/shop-fixture.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here), "MANUAL");

const conflicts = () => conflictsOf(database.sql, shop);

const stored = (localId = "o1") => recordOf(database.sql, shop, "orders", localId);

describe("settling", () => {
  test("take theirs: nothing new is stored but the conflict", async () => {
    const { current, id } = await clash(shop);
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
    const { current, id } = await clash(shop);
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
    const { id } = await clash(shop);
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
    const { id } = await clash(shop);
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
    const { current, id } = await clash(shop);
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
    const { first, id } = await clash(shop);
    expect((await shop.push("c", settling(id, edit("a", 2, first))))[0]).toMatchObject({ outcome: "duplicate" });
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "SERVER" }]);
  });

  test("too late: the first answer stands, the second is kept and told", async () => {
    const { current, id } = await clash(shop);
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
    const { first, current, id } = await clash(shop);
    const [other] = await shop.push("c", edit("c", 2, first));
    for (const each of [id, other!.conflict!.id])
      expect((await shop.push("a", settling(each, edit("a", 3, current))))[0]!.outcome).toBe("duplicate");
    expect((await conflicts()).map(({ status }) => status)).toEqual(["settled", "settled"]);
  });

  test("a value that was taken as one conflict's answer settles the other as well, when it is sent for that", async () => {
    const { first, current, id } = await clash(shop);
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
    const { current, id } = await clash(shop);
    const paid = at(
      (await shop.push("a", put("orders", "o1", order("o1", { paymentStatus: "PAID" }), 3, current)))[0]!,
    );
    const [refused] = await shop.push("b", settling(id, edit("b", 4, paid)));
    expect(refused).toMatchObject({ outcome: "rejected", code: "GUARD" });
    expect(await conflicts()).toMatchObject([{ status: "open" }]);
  });

  test("a conflict that nobody knows is none: the write is decided as any other", async () => {
    const { current, first } = await clash(shop);
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
    const { id } = await clash(shop);
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
    const { current, id } = await clash(shop);
    const store = losingFirstAnswer(shop.store);
    const failing = await openShop(database.sql, { storeId: shop.storeId, store });
    const write = settling(id, edit("b", 3, current));
    await expect(failing.push("b", write)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await failing.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect((await shop.push("b", write))[0]).toMatchObject({ outcome: "duplicate", syncVersion: 3 });
    expect(await conflicts()).toMatchObject([{ settlement: "CLIENT" }]);
    expect((await conflicts())[0]!.attempts).toBeUndefined();
  });
});

describe("the losing device comes round to the server's value by itself", () => {
  test("an edit of its own side that equals it ends the conflict: nobody has anything left to decide", async () => {
    const { write, id } = await clash(shop);
    const comeRound = edit("a", 3, { version: 2, hash: write.hash });
    const [same] = await shop.push("b", comeRound);
    expect(same).toMatchObject({ outcome: "duplicate", syncVersion: 2 });
    expect(await conflicts()).toMatchObject([{ id, status: "settled", settlement: "SERVER", settledBy: "b" }]);
    expect((await shop.push("b", comeRound))[0]).toMatchObject({ outcome: "duplicate" });
    expect(await conflicts(), "S2: once").toMatchObject([{ id, status: "settled" }]);
  });

  test("so does a deletion of what was deleted there", async () => {
    const { current, write, id } = await clash(shop);
    await shop.push("a", remove("orders", "o1", 3, current));
    await shop.push("b", remove("orders", "o1", 4, { version: 2, hash: write.hash }));
    expect(await conflicts()).toMatchObject([{ id, status: "settled", settlement: "SERVER" }]);
  });

  test("whoever only sends the server's value once more has decided nothing", async () => {
    const { first, id } = await clash(shop);
    for (const base of [first, null]) {
      expect((await shop.push("b", edit("a", 3, base)))[0]!.outcome).toBe("duplicate");
      expect(await conflicts()).toMatchObject([{ id, status: "open", client: { data: { notes: "b" } } }]);
    }
  });
});
