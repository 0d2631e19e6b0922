/** Conflicts beside people's answers: ids used twice, existing devices, restores, and an end to every quarrel. */
import type { Result, Write } from "@tillwire/protocol/messages";
import { beforeEach, describe, expect, test } from "vitest";
import { conflictsOf, recordOf, setPolicy, settling } from "./support/conflict-fixture.ts";
import type { TestDatabase } from "./support/database.ts";
import { at, NEW, openShop, order, put, remove, type Shop, EPOCH, transaction } from "./support/shop-fixture.ts";
import { openShopForEachTest } from "./support/each-shop.ts";

let database: TestDatabase;
let shop: Shop;
openShopForEachTest((here) => ({ database, shop } = here));

const conflicts = () => conflictsOf(database.sql, shop);

const stored = (localId = "o1") => recordOf(database.sql, shop, "orders", localId);

const policies = ["SERVER_WINS", "CLIENT_WINS", "MERGE", "MANUAL"] as const;

describe("an id used twice", () => {
  test.each(policies)(
    "under %s a person decides; the later record's own edits replace its side only",
    async (policy) => {
      await setPolicy(database.sql, shop, policy);
      await shop.push("a", put("orders", "o1", order("o1", { notes: "a's sale" })));
      const made = put("orders", "o1", order("o1", { notes: "b's sale" }));
      const [lost] = await shop.push("b", made);
      expect(lost).toMatchObject({ outcome: "conflict", conflict: { kind: "ID_TAKEN", policy: "MANUAL" } });
      const edited = put("orders", "o1", order("o1", { notes: "b's sale, edited" }), 2, {
        version: 1,
        hash: made.hash,
      });
      expect((await shop.push("b", edited))[0]).toMatchObject({ conflict: { id: lost!.conflict!.id } });
      expect(await stored()).toMatchObject({ version: 1, data: { notes: "a's sale" } });
      const apart = put("orders", "o2", order("o2", { notes: "b's sale, edited" }));
      const [kept] = await shop.push("b", settling(lost!.conflict!.id, apart));
      expect(kept!.outcome).toBe("accepted");
      expect(await conflicts()).toMatchObject([
        { kind: "ID_TAKEN", status: "settled", settlement: "BOTH", keptAs: "o2" },
      ]);
    },
  );

  test("by one device twice, or by a device that was set up anew: the same", async () => {
    await shop.push("a", put("orders", "o1", order("o1", { notes: "first" })));
    expect((await shop.push("a", put("orders", "o1", order("o1", { notes: "second" }))))[0]).toMatchObject({
      ...{ outcome: "conflict", conflict: { kind: "ID_TAKEN" } },
    });
  });

  test("S9: two completed payments under one id: neither replaces the other, neither is dropped", async () => {
    await shop.push("a", put("transactions", "t1", transaction("t1", { amount: 5 })));
    const [lost] = await shop.push("b", put("transactions", "t1", transaction("t1", { amount: 7 })));
    expect(lost).toMatchObject({ outcome: "conflict", conflict: { kind: "ID_TAKEN", policy: "MANUAL" } });
    const apart = put("transactions", "t1-b", transaction("t1-b", { amount: 7, referenceNumber: "T-t1" }));
    const [kept] = await shop.push("b", settling(lost!.conflict!.id, apart));
    expect(kept).toMatchObject({ outcome: "merged", data: { amount: 7, referenceNumber: "T-t1-2" } });
  });

  test("the same content is the same record, whoever sends it", async () => {
    await shop.push("a", put("orders", "o1", order("o1")));
    expect((await shop.push("b", put("orders", "o1", order("o1"))))[0]!.outcome).toBe("duplicate");
    expect(await conflicts()).toEqual([]);
  });

  test("of a deleted record: it stays deleted until a person says otherwise", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", remove("orders", "o1", 2, at(one!)));
    const [lost] = await shop.push("b", put("orders", "o1", order("o1", { notes: "new" })));
    expect(lost).toMatchObject({ outcome: "conflict", deleted: true, conflict: { kind: "ID_TAKEN" } });
  });

  test("a device that deletes what it made under a taken id deletes nothing of anybody else's", async () => {
    await setPolicy(database.sql, shop, "CLIENT_WINS");
    await shop.push("a", put("orders", "o1", order("o1")));
    expect((await shop.push("b", remove("orders", "o1", 2, NEW)))[0]).toMatchObject({
      outcome: "conflict",
      deleted: false,
    });
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "SERVER", kind: "ID_TAKEN" }]);
  });

  test("the same id in two shops is two records", async () => {
    const other = await openShop(database.sql);
    await shop.push("a", put("orders", "o1", order("o1", { notes: "here" })));
    expect((await other.push("a", put("orders", "o1", order("o1", { notes: "there" }))))[0]!.outcome).toBe("accepted");
  });

  test("both nodes are handed a record of one id at once: one is there, the other waits", async () => {
    const other = await openShop(database.sql, { storeId: shop.storeId });
    for (let round = 0; round < 10; round++) {
      const id = `r${round}`;
      const results = await Promise.all([
        shop.push("a", put("orders", id, order(id, { notes: "a" }))),
        other.push("b", put("orders", id, order(id, { notes: "b" }))),
      ]);
      expect(results.map(([result]) => result!.outcome).sort()).toEqual(["accepted", "conflict"]);
    }
    expect((await conflicts()).map(({ kind, status }) => `${kind} ${status}`)).toEqual(
      Array<string>(10).fill("ID_TAKEN open"),
    );
  });
});

describe("existing devices under MANUAL", () => {
  beforeEach(() => setPolicy(database.sql, shop, "MANUAL"));

  test("an edit on an older value waits; a retry, with or without its base, opens nothing more", async () => {
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const write = put("orders", "o1", order("o1", { notes: "b" }), 2, null);
    const hints = { baseHash: one!.hash!, createdAt: order("o1").createdAt };
    const lost = await shop.pushSeed("b", write, hints);
    expect(lost).toMatchObject({ outcome: "conflict", conflict: { kind: "HASH_MISMATCH", policy: "MANUAL" } });
    expect(await shop.pushSeed("b", write, hints)).toMatchObject({ conflict: { id: lost.conflict!.id } });
    expect(await shop.pushSeed("b", write, { ...hints, baseHash: null })).toMatchObject({
      conflict: { id: lost.conflict!.id },
    });
    expect(await conflicts()).toHaveLength(1);
  });

  test("the seed's rule holds: a higher version without a base is taken, and what it replaced is to be seen", async () => {
    await shop.push("a", put("orders", "o1", order("o1", { notes: "a" })));
    const taken = await shop.pushSeed("b", put("orders", "o1", order("o1", { notes: "b" }), 2, null), {});
    expect(taken.outcome).toBe("accepted");
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "CLIENT", policy: "CLIENT_WINS" }]);
  });
});

describe("after a restore, under MANUAL", () => {
  const offer = (syncVersion: number, notes: string, from = "b"): object => ({
    ...put("orders", "o1", order("o1", { notes }), syncVersion, null),
    ...{ reoffer: true, deviceId: from, createdBy: from, updatedAt: 1_735_689_700_000 },
  });

  async function restored() {
    await setPolicy(database.sql, shop, "MANUAL");
    const epoch = await shop.store.beginEpoch(shop.storeId, EPOCH, "epoch-2", true);
    return async (deviceId: string, write: unknown): Promise<Result> => {
      const sender = { storeId: shop.storeId, deviceId, role: "register" as const };
      return (await shop.accept.submit(sender, epoch, [{ write }])).results[0]!;
    };
  }

  test("what devices offer against a value of this epoch waits, once for all that offer the same", async () => {
    const push = await restored();
    await push("a", put("orders", "o1", order("o1", { notes: "written since" })));
    const first = await push("c", offer(5, "b's, lost"));
    expect(first).toMatchObject({
      outcome: "conflict",
      conflict: { policy: "MANUAL", kind: "CONCURRENT_MODIFICATION" },
    });
    expect(await push("a", offer(5, "b's, lost"))).toMatchObject({ conflict: { id: first.conflict!.id } });
    expect(await conflicts()).toMatchObject([{ status: "open", client: { deviceId: "b", syncVersion: 5 } }]);
  });

  test("the highest version that is offered waits, in whatever order devices offer theirs", async () => {
    const push = await restored();
    await push("a", put("orders", "o1", order("o1", { notes: "written since" })));
    const { conflict } = await push("c", offer(5, "fifth"));
    for (const [device, version] of [
      ["a", 7],
      ["b", 6],
      ["c", 4],
    ] as const)
      expect(await push(device, offer(version, `${version}th`))).toMatchObject({ conflict: { id: conflict!.id } });
    expect(await conflicts()).toMatchObject([{ client: { syncVersion: 7, data: { notes: "7th" } } }]);
  });

  test("conflicts are the server's own: no device can bring one back", async () => {
    const push = await restored();
    const forged = { ...put("conflicts", "c-1", { id: "c-1" }), reoffer: true };
    expect(await push("a", forged)).toMatchObject({ outcome: "rejected", code: "ROLE" });
  });

  test("a settling write whose conflict the restore lost is decided as any other, and nothing breaks", async () => {
    const push = await restored();
    const one = await push("a", put("orders", "o1", order("o1", { notes: "a" })));
    const lost = `c-${"1".repeat(40)}`;
    expect(await push("b", settling(lost, put("orders", "o1", order("o1", { notes: "b" }), 2, at(one))))).toMatchObject(
      {
        outcome: "accepted",
      },
    );
    expect(await push("b", settling(lost, put("orders", "o2", order("o2"))))).toMatchObject({ outcome: "accepted" });
    const stale = await push("c", settling(lost, put("orders", "o1", order("o1", { notes: "c" }), 2, at(one))));
    expect(stale).toMatchObject({ outcome: "conflict", conflict: { policy: "MANUAL" } });
  });

  test("an open conflict that the restore kept goes on in the new epoch", async () => {
    await setPolicy(database.sql, shop, "MANUAL");
    const [one] = await shop.push("a", put("orders", "o1", order("o1")));
    const [two] = await shop.push("a", put("orders", "o1", order("o1", { notes: "a" }), 2, at(one!)));
    const [lost] = await shop.push("b", put("orders", "o1", order("o1", { notes: "b" }), 2, at(one!)));
    const push = await restored();
    const further = await push("b", put("orders", "o1", order("o1", { notes: "b2" }), 3, at(one!)));
    expect(further).toMatchObject({ conflict: { id: lost!.conflict!.id } });
    const answer = settling(lost!.conflict!.id, put("orders", "o1", order("o1", { notes: "b2" }), 3, at(two!)));
    expect(await push("b", answer)).toMatchObject({ outcome: "accepted" });
    expect(await conflicts()).toMatchObject([{ status: "settled", settlement: "CLIENT" }]);
  });
});

describe("L3: no ping-pong", () => {
  test.each(policies)(
    "two devices that quarrel under %s get one result a write, and then there is silence",
    async (policy) => {
      await setPolicy(database.sql, shop, policy);
      const other = await openShop(database.sql, { storeId: shop.storeId });
      const [one] = await shop.push("a", put("orders", "o1", order("o1")));
      const write = (device: string, round: number): Write =>
        put("orders", "o1", order("o1", { notes: `${device} ${round}` }), 2 + round, at(one!));
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, round) => [
          shop.push("a", write("a", round)),
          other.push("b", write("b", round)),
        ]).flat(),
      );
      expect(results.every(([result]) => result!.outcome !== "rejected" && result!.outcome !== "duplicate")).toBe(true);
      const head = await shop.store.readHead(shop.storeId);
      // Each takes what the server has; what it sends again was decided before.
      for (let round = 0; round < 12; round++) {
        for (const [node, device] of [
          [shop, "b"],
          [other, "a"],
        ] as const) {
          const [again] = await node.push(device, write(device, round));
          expect(["duplicate", "conflict"]).toContain(again!.outcome);
        }
      }
      expect(await shop.store.readHead(shop.storeId), "nothing moved").toEqual(head);
    },
  );
});
