/** One suite for every replication store: what accept and the feed rely on, asked of the twin in memory and of PostgreSQL alike. */
import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  StoreDataError,
  type FeedQuery,
  type PlannedRow,
  type PlannedWrite,
  type ReplicationStore,
} from "../src/store/store.ts";
import { NONE, plan, positionOf, question, row } from "./support/plans.ts";
import { BACKENDS, type StoreBackend } from "./support/store-backends.ts";

test("a twin that is compared with nothing proves nothing", () => {
  expect(Object.keys(BACKENDS).length).toBeGreaterThan(1);
});

const EPOCH = "epoch-1";
let shops = 0;

describe.each(Object.entries(BACKENDS))("the store in %s", (_name, open) => {
  let backend: StoreBackend;
  let store: ReplicationStore;
  let shop: string;
  beforeAll(async () => {
    backend = await open();
    store = backend.store;
  });
  afterAll(() => backend.close());
  beforeEach(async () => {
    shop = `shop-${(shops += 1)}`;
    await backend.openShop(shop);
    for (const device of ["a", "b"]) await backend.enrol(shop, device);
  });

  const commit = (...writes: PlannedWrite[]) => store.commit(shop, EPOCH, writes);
  const feed = (query: Partial<FeedQuery> = {}) =>
    store.readFeed({ storeId: shop, from: 0, collections: null, maxChanges: 100, maxBytes: 1e6, ...query });
  const context = async (...asked: Parameters<typeof question>) =>
    (await store.readContexts(shop, [question(...asked)]))[0]!;

  describe("commit", () => {
    test("S3: what is taken gets the next seqs, in the order of the plans and of their rows", async () => {
      const committed = await commit(plan([row("n1", { n: 1 }), row("n2", { n: 2 })]), plan([row("n3", { n: 3 })]));
      expect(committed).toMatchObject({ epoch: EPOCH, sameEpoch: true, headBefore: 0, headAfter: 3 });
      expect(committed.refused.size).toBe(0);
      const { changes, head, to } = await feed();
      expect([head, to]).toEqual([3, 3]);
      expect(changes.map(({ seq, collection, json }) => [seq, collection, JSON.parse(json)])).toEqual(
        [1, 2, 3].map((n) => [
          n,
          "notes",
          {
            ...{ seq: n, collection: "notes", localId: `n${n}`, syncVersion: 1, hash: row("", { n }).hash },
            ...{ deleted: false, deviceId: "a", createdBy: "a", updatedAt: committed.at, data: { n } },
          },
        ]),
      );
    });

    test("S6: a plan whose record is no longer what it expects is stale, and its neighbours are taken", async () => {
      const first = row("n1", { n: 1 });
      await commit(plan([first]));
      const { refused, headAfter } = await commit(
        plan([row("n1", { n: 2 })]),
        plan([row("n2", { n: 3 }, { version: 1, hash: first.hash })]),
        plan([row("n3", { n: 4 })]),
      );
      expect([...refused]).toEqual([
        [0, "stale"],
        [1, "stale"],
      ]);
      expect(headAfter).toBe(2);
      expect((await commit(plan([row("n1", { n: 5 }, { version: 1, hash: "0".repeat(64) })]))).refused.get(0)).toBe(
        "stale",
      );
      expect((await commit(plan([row("n1", { n: 5 }, positionOf(first))]))).refused.size).toBe(0);
    });

    test("S3, S12: new records that share a commit get seqs without gaps, whichever of them are refused", async () => {
      const held = row("n1", { n: 1 }, NONE, { uniqueKey: "K-1" });
      // With their base, as devices send them.
      const made = (each: PlannedRow, sender = "a"): PlannedWrite => {
        const { asSent, ...rest } = plan([each], { sender });
        return { ...rest, asSent: { ...asSent, base: "0:" } };
      };
      await commit(made(held));
      const remembered = made(row("n5", { n: 5 }));
      await commit({ ...remembered, rows: [], remember: { outcome: "conflict", conflict: null, dataJson: null } });
      await backend.revoke(shop, "b");
      const { refused, headBefore, headAfter, digests } = await commit(
        made(row("n1", { n: 2 })),
        made(row("n2", { n: 2 }, NONE, { uniqueKey: "K-2" })),
        made(row("n3", { n: 3 }, NONE, { uniqueKey: "K-1" })),
        made(row("e4", { n: 4 }, NONE, { collection: "entries", uniqueKey: "K-1" })),
        remembered,
        made(row("n6", { n: 6 }, NONE, { deviceId: "b" }), "b"),
        made(row("n7", { n: 7 })),
      );
      expect(Object.fromEntries(refused)).toEqual({ 0: "stale", 2: "number", 4: "decided", 5: "revoked" });
      expect([headBefore, headAfter]).toEqual([1, 4]);
      const { changes } = await feed();
      expect(changes.map(({ seq, json }) => [seq, (JSON.parse(json) as { localId: string }).localId])).toEqual([
        ...[
          [1, "n1"],
          [2, "n2"],
          [3, "e4"],
          [4, "n7"],
        ],
      ]);
      const shares = [held, row("n2", { n: 2 }), row("n7", { n: 7 })].map((each) => digestOf(each));
      expect(digests.get("notes")).toEqual({
        count: 3,
        digest: formatDigest(shares.reduce((sum, share) => sum + share, 0n) % 2n ** 64n),
      });
    });

    test("of a plan everything is stored or nothing", async () => {
      await commit(plan([row("n1", { n: 1 })]));
      const remember = { outcome: "merged" as const, conflict: null, dataJson: null };
      const { refused, headAfter } = await commit(plan([row("n2", { n: 2 }), row("n1", { n: 3 })], { remember }));
      expect([...refused]).toEqual([[0, "stale"]]);
      expect(headAfter).toBe(1);
      expect(await context("n2", {}, { hash: row("", { n: 2 }).hash })).toMatchObject({ current: null, decided: null });
    });

    test("a number that another record bears is refused, also one that a tombstone keeps", async () => {
      const first = row("n1", { n: 1 }, NONE, { uniqueKey: "K-1" });
      await commit(plan([first]));
      const claim = plan([row("n2", { n: 2 }, NONE, { uniqueKey: "K-1" })]);
      expect((await commit(claim)).refused.get(0)).toBe("number");
      await commit(plan([row("n1", null, positionOf(first))]));
      expect((await commit(claim)).refused.get(0)).toBe("number");
      expect((await context("n1")).current).toMatchObject({ deleted: true, uniqueKey: "K-1", data: null });
      const elsewhere = row("n2", { n: 2 }, NONE, { uniqueKey: "K-1", collection: "entries" });
      expect((await commit(plan([elsewhere]))).refused.size, "numbers are a collection's own").toBe(0);
    });

    test("a number that was given up is free, and stale comes before a taken number", async () => {
      const first = row("n1", { n: 1 }, NONE, { uniqueKey: "K-1" });
      await commit(plan([first]));
      await commit(plan([row("n1", { n: 2 }, positionOf(first), { uniqueKey: "K-2" })]));
      expect((await commit(plan([row("n2", { n: 3 }, NONE, { uniqueKey: "K-1" })]))).refused.size).toBe(0);
      expect((await commit(plan([row("n2", { n: 3 }, NONE, { uniqueKey: "K-2" })]))).refused.get(0)).toBe("stale");
    });

    test("S2: what was remembered as sent is refused as decided, before anything else but revocation", async () => {
      const remember = { outcome: "conflict" as const, conflict: null, dataJson: '{"n":1}' };
      const decided = plan([], { remember });
      expect((await commit(decided)).headAfter).toBe(0);
      expect((await commit(decided)).refused.get(0)).toBe("decided");
      expect((await commit({ ...decided, policyVersion: 7 })).refused.get(0)).toBe("decided");
      expect((await commit({ ...decided, asSent: { ...decided.asSent, base: "1:x" } })).refused.size).toBe(0);
      await backend.revoke(shop, "a");
      expect((await commit(decided)).refused.get(0)).toBe("revoked");
    });

    test("S11: a revoked sender is refused, one that never was too, and the server is not", async () => {
      await backend.revoke(shop, "b");
      const { refused } = await commit(
        ...["a", "b", "nobody", "server"].map((sender, i) => plan([row(`n${i}`, { n: i })], { sender })),
      );
      expect([...refused]).toEqual([
        [1, "revoked"],
        [2, "revoked"],
      ]);
    });

    test("what older policies decided is refused, once they have changed", async () => {
      const first = row("n1", { n: 1 });
      expect((await commit(plan([first], { policyVersion: 0 }))).refused.size).toBe(0);
      await backend.setPolicy(shop, "notes", "MANUAL");
      const next = row("n1", { n: 2 }, positionOf(first));
      expect((await commit(plan([next], { policyVersion: 0 }))).refused.get(0)).toBe("policy");
      expect((await commit(plan([row("n1", { n: 3 })], { policyVersion: 0 }))).refused.get(0), "before stale").toBe(
        "policy",
      );
      expect((await context("n1")).policyVersion).toBe(1);
      expect((await commit(plan([next], { policyVersion: 1 }))).refused.size).toBe(0);
      await backend.setPolicy(shop, "notes", "MANUAL");
      expect((await context("n1")).policyVersion, "nothing has changed").toBe(1);
    });

    test("another epoch, or no such store: nothing is done", async () => {
      await commit(plan([row("n1", { n: 1 })]));
      const other = await store.commit(shop, "epoch-0", [plan([row("n2", { n: 2 })])]);
      expect(other).toMatchObject({ epoch: EPOCH, sameEpoch: false, headBefore: 1, headAfter: 1 });
      expect((await store.commit("no-shop", EPOCH, [plan([row("n2", { n: 2 })])])).sameEpoch).toBe(false);
      expect((await feed()).head).toBe(1);
    });

    test("S12: digests are the sums over all records, tombstones included", async () => {
      const first = row("n1", { n: 1 });
      await commit(
        plan([first]),
        plan([row("n2", { n: 2 })]),
        plan([row("e1", { n: 3 }, NONE, { collection: "entries" })]),
      );
      const gone = row("n1", null, positionOf(first));
      const { digests } = await commit(plan([gone]));
      const sum = digestOf(gone) + digestOf(row("n2", { n: 2 }));
      expect(digests.get("notes")).toEqual({ count: 2, digest: formatDigest(sum) });
      expect(digests.get("entries")!.count).toBe(1);
      expect((await feed()).digests).toEqual(digests);
    });

    test("the time of a commit never falls, and a re-offer keeps its own", async () => {
      const { at } = await commit(plan([row("n1", { n: 1 }, NONE, { updatedAt: 1_000, reoffered: true })]));
      const next = await commit(plan([row("n2", { n: 2 })]));
      expect(next.at).toBeGreaterThanOrEqual(at);
      expect((await context("n1")).current).toMatchObject({ updatedAt: 1_000, reoffered: true });
      expect((await context("n2")).current).toMatchObject({ updatedAt: next.at, reoffered: false });
    });

    test("data that the database can't keep fails the commit as a whole, and nothing of it is stored", async () => {
      const bad = plan([row("n2", { n: 2 }, NONE, { dataJson: String.raw`{"n":"\u0000"}` })]);
      await expect(commit(plan([row("n1", { n: 1 })]), bad)).rejects.toThrow(StoreDataError);
      expect((await feed()).head).toBe(0);
      const looksSo = { n: String.raw`\u0000` };
      await commit(plan([row("n1", looksSo)]));
      expect((await context("n1")).current!.data).toEqual(looksSo);
    });

    test("plans of one commit that claim one number fail it as a whole", async () => {
      const claims = ["n1", "n2"].map((localId) => plan([row(localId, { localId }, NONE, { uniqueKey: "K-1" })]));
      await expect(commit(...claims)).rejects.toThrow(StoreDataError);
      expect((await feed()).head).toBe(0);
    });

    test("what was handed in or out can be changed without changing what is stored", async () => {
      const data = { n: 1, list: [{ id: "x" }] };
      const write = plan([row("n1", data)], { remember: { outcome: "merged", conflict: null, dataJson: null } });
      await commit(write);
      Object.assign(write.rows[0]!, { hash: "changed", dataJson: "{}", base: { version: 9, hash: "x" } });
      const asked = { hash: row("", data).hash };
      const read = await context("n1", {}, asked);
      (read.current!.data!["list"] as unknown[]).push("y");
      Object.assign(read.decided!, { outcome: "changed" });
      const again = await context("n1", {}, asked);
      expect(again.current).toMatchObject({ hash: asked.hash, data, base: NONE });
      expect(again.decided!.outcome).toBe("merged");
    });
  });

  describe("contexts", () => {
    const ENTRIES = { collection: "notes" };

    async function fiveVersions() {
      const versions = [row("n1", { n: 1 })];
      await commit(plan([versions[0]!]));
      for (const n of [2, 3, 4, 5]) {
        const next = row("n1", n === 4 ? null : { n }, positionOf(versions.at(-1)!), { deviceId: n % 2 ? "a" : "b" });
        await commit(plan([next]));
        versions.push(next);
      }
      return versions;
    }

    test("history from the write's own version upwards, latest first, or from the one that a hash names", async () => {
      const versions = await fiveVersions();
      const read = await context("n1", {}, { syncVersion: 3 });
      expect(read.current).toMatchObject({ seq: 5, syncVersion: 5, data: { n: 5 }, deviceId: "a" });
      expect(read.history.map(({ syncVersion, seq, deviceId }) => [syncVersion, seq, deviceId])).toEqual([
        [4, 4, "b"],
        [3, 3, "a"],
      ]);
      const named = await context("n1", { namedHash: versions[1]!.hash }, { syncVersion: 9 });
      expect(named.history.map(({ syncVersion }) => syncVersion)).toEqual([4, 3, 2]);
      expect((await context("n1", { namedHash: "0".repeat(64) }, { syncVersion: 9 })).history).toEqual([]);
    });

    test("the last value of a tombstone, and only of a tombstone", async () => {
      const versions = await fiveVersions();
      expect((await context("n1")).lastData).toBeNull();
      await commit(plan([row("n1", null, positionOf(versions[4]!))]));
      expect((await context("n1")).lastData).toEqual({ n: 5 });
    });

    test("data of the base, among values as stored and as sent", async () => {
      const versions = await fiveVersions();
      expect((await context("n1", { base: positionOf(versions[1]!) })).baseData).toEqual({ n: 2 });
      expect((await context("n1", { base: { version: 2, hash: versions[0]!.hash } })).baseData).toBeNull();
      const sent = row("n1", { n: "as sent" }, positionOf(versions[4]!));
      const remember = { outcome: "merged" as const, conflict: null, dataJson: sent.dataJson };
      await commit(plan([{ ...sent, dataJson: '{"n":"merged"}', hash: row("", { n: "merged" }).hash }], { remember }));
      const asSent = await context("n1", { base: positionOf(sent) });
      expect(asSent.baseData, "the plan's as-sent names another hash").toBeNull();
      await commit(plan([], { asSent: { ...plan([sent]).asSent, localId: "n1" }, remember }));
      expect((await context("n1", { base: positionOf(sent) })).baseData).toEqual({ n: "as sent" });
    });

    test("how a write was decided, as sent", async () => {
      const conflict = { id: "c-1", kind: "HASH_MISMATCH" as const, policy: "MERGE" as const, fields: [] };
      const write = plan([], { remember: { outcome: "conflict", conflict, dataJson: null } });
      await commit(write);
      expect((await context("n1")).decided).toEqual({ outcome: "conflict", conflict });
      expect((await context("n1", {}, { deviceId: "b" })).decided).toBeNull();
    });

    test("numbers: taken by another, and the lowest free amendment", async () => {
      const numbers = ["K-1", "K-1-2", "K-1-3", "K-1-5", "K-1-x", "K-1-03"];
      await commit(...numbers.map((uniqueKey, i) => plan([row(`n${i}`, { i }, NONE, { uniqueKey })])));
      expect((await context("n0", { number: "K-1" })).number).toEqual({ taken: false, nextAmendment: 4 });
      expect((await context("n9", { number: "K-1" })).number).toEqual({ taken: true, nextAmendment: 4 });
      expect((await context("n9", { number: "K-7" })).number).toEqual({ taken: false, nextAmendment: 2 });
      expect((await context("n9")).number).toEqual({ taken: false, nextAmendment: 2 });
    });

    test("the open conflict by its key, and the one that a write names", async () => {
      const open = row("c-1", { open: true }, NONE, { collection: "conflicts", uniqueKey: "key", createdBy: "server" });
      await commit(plan([open]));
      const read = await context("n1", { openConflictKey: "key", resolves: "c-1" });
      expect(read.openConflict).toMatchObject({ data: { open: true }, uniqueKey: "key", syncVersion: 1 });
      expect(read.resolves).toEqual(read.openConflict);
      await commit(plan([row("c-1", { open: false }, positionOf(open), { collection: "conflicts" })]));
      const settled = await context("n1", { openConflictKey: "key", resolves: "c-1" });
      expect(settled.openConflict).toBeNull();
      expect(settled.resolves).toMatchObject({ data: { open: false }, uniqueKey: null });
      expect((await context("n1", { resolves: "c-2" })).resolves).toBeNull();
    });

    test("the shop's policy and epoch, also for records that are not known", async () => {
      expect(await context("n1")).toMatchObject({ current: null, policy: null, policyVersion: 0, epoch: EPOCH });
      await backend.setPolicy(shop, "notes", "CLIENT_WINS");
      expect(await context("n1")).toMatchObject({ policy: "CLIENT_WINS", policyVersion: 1 });
      expect(await context("n1", {}, { ...ENTRIES, collection: "entries" })).toMatchObject({ policy: null });
      await backend.setPolicy(shop, "notes", null);
      expect(await context("n1")).toMatchObject({ policy: null, policyVersion: 2 });
    });

    test("questions are answered in their order", async () => {
      await commit(plan([row("n1", { n: 1 })]), plan([row("n2", { n: 2 })]));
      const answers = await store.readContexts(shop, [question("n2"), question("n0"), question("n1")]);
      expect(answers.map(({ current }) => current?.data ?? null)).toEqual([{ n: 2 }, null, { n: 1 }]);
    });
  });

  describe("questions about more than there is room for", () => {
    const three = [question("n1"), question("n2"), question("n3")];
    beforeEach(async () => {
      for (const id of ["n1", "n2", "n3"]) await commit(plan([row(id, { id, text: id.repeat(1_000) })]));
    });

    test.each([
      [1, 1],
      [3_000, 2],
      [1e6, 3],
    ])("at most %d bytes: %d answered, in their order, the first in any case", async (maxBytes, count) => {
      const answers = await store.readContexts(shop, three, maxBytes);
      expect(answers.map(({ current }) => current?.data?.["id"])).toEqual(["n1", "n2", "n3"].slice(0, count));
    });

    test("all are answered where nothing is said", async () => {
      expect(await store.readContexts(shop, three)).toHaveLength(3);
    });
  });

  describe("feed", () => {
    test("S4: pages hold current values only, and go on where the last one ended", async () => {
      const first = row("n1", { n: 1 });
      await commit(plan([first]), plan([row("n2", { n: 2 })]), plan([row("n3", { n: 3 })]));
      await commit(plan([row("n1", { n: 4 }, positionOf(first))]));
      const pages = [await feed({ maxChanges: 2 })];
      pages.push(await feed({ from: pages[0]!.to, maxChanges: 2 }));
      expect(pages.map(({ from, to, head, changes }) => [from, to, head, changes.map(({ seq }) => seq)])).toEqual([
        [0, 3, 4, [2, 3]],
        [3, 4, 4, [4]],
      ]);
    });

    test("a page of chosen collections reaches as far as it was read", async () => {
      await commit(plan([row("n1", { n: 1 })]), plan([row("e1", { n: 2 }, NONE, { collection: "entries" })]));
      expect(await feed({ collections: ["notes"] })).toMatchObject({ to: 2, head: 2, changes: [{ seq: 1 }] });
      expect(await feed({ collections: ["entries"], maxChanges: 1 })).toMatchObject({ to: 2, changes: [{ seq: 2 }] });
      expect(await feed({ collections: ["nothing"] })).toMatchObject({ to: 2, changes: [] });
    });

    test("a page of too few bytes holds one change", async () => {
      await commit(plan([row("n1", { n: 1 })]), plan([row("n2", { n: 2 })]));
      expect(await feed({ maxBytes: 1 })).toMatchObject({ to: 1, head: 2, changes: [{ seq: 1 }] });
    });

    test("a page from beyond the head is empty and stays there", async () => {
      await commit(plan([row("n1", { n: 1 })]));
      expect(await feed({ from: 9 })).toMatchObject({ from: 9, to: 9, head: 1, changes: [] });
      await expect(feed({ storeId: "no-shop" })).rejects.toThrow();
    });
  });

  describe("heads and epochs", () => {
    test("heads of those stores that there are", async () => {
      await commit(plan([row("n1", { n: 1 })]));
      expect(await store.readHead(shop)).toEqual({ storeId: shop, head: 1, epoch: EPOCH, stamp: null });
      expect(await store.readHead("no-shop")).toBeNull();
      expect(await store.readHeads([shop, "no-shop"])).toEqual([{ storeId: shop, head: 1, epoch: EPOCH, stamp: null }]);
    });

    test("S5: a commit's stamp is found at each of its seqs, also once their changes were superseded", async () => {
      const first = await store.commit(shop, EPOCH, [plan([row("n1", { n: 1 }), row("n2", { n: 1 })])], "stamp-1");
      expect(first.stampBefore).toBeNull();
      const again = row("n1", { n: 2 }, positionOf(row("n1", { n: 1 })));
      const second = await store.commit(shop, EPOCH, [plan([again])], "stamp-2");
      expect(second.stampBefore).toBe("stamp-1");
      expect(await store.readPlace(shop, 1)).toEqual({
        ...{ storeId: shop, head: 3, epoch: EPOCH, stamp: "stamp-2" },
        stampAt: "stamp-1",
      });
      for (const [seq, stampAt] of [
        [0, null],
        [2, "stamp-1"],
        [3, "stamp-2"],
        [4, null],
      ] as const)
        expect(await store.readPlace(shop, seq)).toMatchObject({ stampAt });
      expect(await store.readPlace("no-shop", 1)).toBeNull();
      expect(await feed({ from: 1, maxChanges: 1 })).toMatchObject({
        ...{ fromStamp: "stamp-1", to: 2, stamp: "stamp-1", changes: [{ seq: 2, stamp: "stamp-1" }] },
      });
      expect(await feed()).toMatchObject({ fromStamp: null, to: 3, stamp: "stamp-2" });
      // Given by who knows of no stamps, as a node of the former version does while others are updated.
      await commit(plan([row("n3", { n: 1 })]));
      expect(await store.readPlace(shop, 4)).toMatchObject({ stamp: null, stampAt: null });
    });

    test("of several who begin an epoch after the same one, the first does", async () => {
      await commit(plan([row("n1", { n: 1 })]));
      expect(await store.beginEpoch(shop, EPOCH, "epoch-2", true)).toBe("epoch-2");
      expect(await store.beginEpoch(shop, EPOCH, "epoch-3", false)).toBe("epoch-2");
      expect(await context("n1")).toMatchObject({ epoch: "epoch-2", epochSeq: 1, epochReoffer: true });
      expect(await store.wantsReoffers(shop, "epoch-2")).toBe(true);
      expect(await store.beginEpoch(shop, "epoch-2", "epoch-3", false)).toBe("epoch-3");
      expect(await store.wantsReoffers(shop, "epoch-3")).toBe(false);
      expect(await store.wantsReoffers(shop, "epoch-2")).toBe(true);
    });

    test("S10: shops share nothing, whatever their records are called", async () => {
      const other = `${shop}-other`;
      await backend.openShop(other);
      await backend.enrol(other, "a");
      await commit(plan([row("n1", { n: 1 }, NONE, { uniqueKey: "K-1" })]));
      const theirs = await store.commit(other, EPOCH, [plan([row("n1", { n: 2 }, NONE, { uniqueKey: "K-1" })])]);
      expect(theirs).toMatchObject({ headBefore: 0, headAfter: 1 });
      expect(theirs.refused.size).toBe(0);
      expect((await context("n1")).current!.data).toEqual({ n: 1 });
    });
  });
});
