/** Saving on the device: what `put` and `batch` promise before anything is sent. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hashOf } from "@tillwire/protocol/hash";
import type { Replica, WriteIntent } from "./api.ts";
import type { Durability, LocalStore } from "./local-store.ts";
import { openMemoryStore } from "./memory-store.ts";
import { entries, latest, notes, textOf, world } from "../test/fixtures.ts";

const durabilities: Durability[] = [];
let store: LocalStore;
let replica: Replica;
beforeEach(async () => {
  const w = world();
  w.server.liveUp = w.server.httpUp = false;
  store = openMemoryStore();
  const watched: LocalStore = {
    ...store,
    write: (durability, run) => {
      durabilities.push(durability);
      return store.write(durability, run);
    },
  };
  replica = await w.open("a", {}, w.host("a", { openStore: async () => watched }));
  durabilities.length = 0;
});
afterEach(() => replica.close());

const outbox = () => store.read((tx) => tx.outbox());

describe("put", () => {
  it("is one strict tx (trap 9)", async () => {
    await replica.collection(notes).put({ id: "n1", text: "tea" });
    expect(durabilities).toEqual(["strict"]);
  });

  it("keeps exactly what was given, nulls included, and nobody can change it afterwards", async () => {
    const data = { id: "n1", text: "tea", extra: null, list: [null, 1] };
    const saved = await replica.collection(notes).put(data);
    data.list.push(2);
    expect((await outbox())[0]?.data).toEqual({ id: "n1", text: "tea", extra: null, list: [null, 1] });
    expect(saved.hash).toBe(hashOf({ id: "n1", text: "tea", list: [null, 1] }));
  });

  it("refuses what JSON can't say, rather than hashing one thing and sending another", async () => {
    for (const odd of [{ at: new Date(0) }, { n: Number.NaN }, { n: 1n }, { f: () => 1 }]) {
      await expect(replica.collection(notes).put({ id: "n1", text: "x", ...odd })).rejects.toMatchObject({
        name: "WriteRejection",
      });
    }
    expect(await outbox()).toEqual([]);
  });

  it("takes the id of the data, a given one, or a new one", async () => {
    const records = [
      await replica.collection(notes).put({ id: "n1", text: "" }),
      await replica.collection(notes).put({ id: "n1", text: "" }, { localId: "given" }),
    ];
    expect(records.map(({ localId }) => localId)).toEqual(["n1", "given"]);
  });

  it("deleting what is not there is nothing to save", async () => {
    await replica.collection(notes).delete("nowhere");
    expect(await outbox()).toEqual([]);
  });

  it("a deleted record is gone from view, and may be made anew", async () => {
    const seen = latest(replica.collection(notes).records$);
    await replica.collection(notes).put({ id: "n1", text: "one" });
    await replica.collection(notes).delete("n1");
    expect(await textOf(replica, "n1")).toBeUndefined();
    await replica.collection(notes).put({ id: "n1", text: "two" });
    expect(await textOf(replica, "n1")).toBe("two");
    await expect.poll(() => seen.value?.length).toBe(1);
    expect(await outbox()).toMatchObject([{ op: "put", syncVersion: 3, base: { version: 0, hash: null } }]);
  });
});

describe("batch", () => {
  const sale = (numbers: { next(series: string): string }): WriteIntent[] => [
    { op: "put", collection: notes.name, data: { id: "n1", text: numbers.next("order") } },
    { op: "put", collection: entries.name, data: { id: "t1", text: numbers.next("payment") } },
    { op: "put", collection: entries.name, data: { id: "t2", text: numbers.next("payment") } },
  ];

  it("several writes and their numbers are one strict tx", async () => {
    const saved = await replica.batch(sale);
    expect(saved.map(({ data }) => (data as { text: string }).text)).toEqual(["K7-000001", "K7-000001", "K7-000002"]);
    expect(durabilities).toEqual(["strict"]);
  });

  it("all saved or none, numbers included", async () => {
    const spoilt = (numbers: { next(series: string): string }): WriteIntent[] => [
      ...sale(numbers),
      { op: "put", collection: notes.name, data: { id: "n2" } },
    ];
    await expect(replica.batch(spoilt)).rejects.toMatchObject({ code: "SCHEMA" });
    await replica.batch((numbers) => [
      { op: "put", collection: notes.name, data: { id: "paid", text: "", paid: true } },
      ...sale(numbers),
    ]);
    const guarded = replica.batch((numbers) => [
      ...sale(numbers),
      { op: "put", collection: notes.name, data: { id: "paid", text: "" } },
    ]);
    await expect(guarded).rejects.toMatchObject({ code: "GUARD" });
    const [next] = await replica.batch(sale);
    expect((next!.data as { text: string }).text).toBe("K7-000002");
  });

  it("a record written twice in one batch takes both, in order", async () => {
    await replica.batch(() => [
      { op: "put", collection: notes.name, data: { id: "n1", text: "one" } },
      { op: "put", collection: notes.name, data: { id: "n1", text: "two" } },
    ]);
    expect(await outbox()).toMatchObject([{ data: { text: "two" }, syncVersion: 2 }]);
  });
});

it("records$ tells every change once, after the tx", async () => {
  const lengths: number[] = [];
  replica.collection(notes).records$.subscribe((records) => lengths.push(records.length));
  await replica.collection(notes).get("x");
  await replica.batch(() =>
    [1, 2, 3].map((n) => ({ op: "put" as const, collection: notes.name, data: { id: `n${n}`, text: "" } })),
  );
  await expect.poll(() => lengths).toEqual([0, 3]);
});
