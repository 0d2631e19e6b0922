/** One conformance suite for both stores. */
import "fake-indexeddb/auto";
import { describe, expect, it } from "vitest";
import { openIndexedDb } from "./indexed-db.ts";
import type { BaseRecord, LocalStore, Overlay, WriteTx } from "./local-store.ts";
import { memoryStores } from "./memory-store.ts";
import type { OutboxRow } from "./outbox.ts";

const record = (generation: number, collection: string, localId: string, seq: number): BaseRecord => ({
  ...{ generation, collection, localId, seq, syncVersion: 1, hash: "h", deleted: false },
  ...{ deviceId: "a", createdBy: "a", updatedAt: 1, data: { localId } },
});
const overlay = (localId: string): Overlay => {
  const { generation: _, ...change } = record(1, "notes", localId, 5);
  return { ...change, epoch: "e1" };
};
const row = (key: number, localId: string): OutboxRow => ({
  ...{
    key,
    collection: "notes",
    localId,
    op: "put",
    syncVersion: 1,
    base: null,
    hash: "h",
    data: null,
    state: "queued",
  },
  ...{ createdAt: 1, editedAt: 1, bytes: 4, absorbed: [] },
});

let databases = 0;
const stores: [string, (name: string) => Promise<LocalStore>][] = [
  ["memory", memoryStores()],
  ["IndexedDB", openIndexedDb],
];

describe.each(stores)("%s", (_name, openStore) => {
  async function filled(fill: (tx: WriteTx) => void = () => {}): Promise<[LocalStore, string]> {
    const name = `db-${++databases}`;
    const store = await openStore(name);
    await store.write("strict", async (tx) => fill(tx));
    return [store, name];
  }

  it("keeps what a tx wrote, over closing and opening", async () => {
    const [store, name] = await filled((tx) => {
      tx.setMeta("lease", { holder: "a", fence: 3, expiresAt: 9 });
      tx.setCounter("K7:order", 12);
      tx.putRecord(record(1, "notes", "x", 1));
      tx.putOverlay(overlay("x"));
      tx.putOutbox(row(1, "x"));
    });
    store.close();
    const again = await openStore(name);
    await again.read(async (tx) => {
      expect(await tx.meta("lease")).toEqual({ holder: "a", fence: 3, expiresAt: 9 });
      expect(await tx.meta("sync")).toBeUndefined();
      expect(await tx.counter("K7:order")).toBe(12);
      expect(await tx.record(1, "notes", "x")).toEqual(record(1, "notes", "x", 1));
      expect(await tx.overlay("notes", "x")).toEqual(overlay("x"));
      expect(await tx.outboxRow(1)).toEqual(row(1, "x"));
    });
    again.close();
  });

  it("all of a tx or, when it throws, nothing", async () => {
    const [store] = await filled((tx) => {
      tx.putRecord(record(1, "notes", "x", 1));
      tx.putOutbox(row(1, "x"));
    });
    const failing = store.write("strict", async (tx) => {
      tx.putRecord(record(1, "notes", "x", 2));
      tx.putRecord(record(1, "notes", "y", 3));
      tx.deleteOutbox(1);
      tx.deleteGeneration(1);
      tx.setCounter("c", 1);
      await tx.outbox();
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await store.read(async (tx) => {
      expect(await tx.recordsAbove(1, -1)).toEqual([record(1, "notes", "x", 1)]);
      expect(await tx.outbox()).toHaveLength(1);
      expect(await tx.counter("c")).toBeUndefined();
    });
    store.close();
  });

  it("reads see the writes before them in their tx, and txs come one after another", async () => {
    const [store] = await filled();
    const add = () =>
      store.write("relaxed", async (tx) => {
        tx.setCounter("c", ((await tx.counter("c")) ?? 0) + 1);
        return tx.counter("c");
      });
    expect((await Promise.all([add(), add(), add()])).sort()).toEqual([1, 2, 3]);
    store.close();
  });

  it("lists records by generation, collection and seq", async () => {
    const [store] = await filled((tx) => {
      tx.putRecord(record(1, "notes", "b", 3));
      tx.putRecord(record(1, "notes", "a", 7));
      tx.putRecord(record(1, "notes2", "c", 5));
      tx.putRecord(record(2, "notes", "a", 1));
    });
    await store.read(async (tx) => {
      expect((await tx.recordsOf(1, "notes")).map(({ localId }) => localId).sort()).toEqual(["a", "b"]);
      expect((await tx.recordsAbove(1, 3)).map(({ seq }) => seq)).toEqual([5, 7]);
      expect((await tx.recordsAbove(1, -1)).map(({ seq }) => seq)).toEqual([3, 5, 7]);
      expect((await tx.recordsAbove(1, -1, 2)).map(({ seq }) => seq)).toEqual([3, 5]);
      expect(await tx.recordsAbove(1, Number.POSITIVE_INFINITY)).toEqual([]);
    });
    await store.write("relaxed", async (tx) => tx.deleteGeneration(1));
    await store.read(async (tx) => {
      expect(await tx.recordsAbove(1, -1)).toEqual([]);
      expect(await tx.recordsAbove(2, -1)).toHaveLength(1);
    });
    store.close();
  });

  it("lists the outbox by key, re-offers with negative ones first", async () => {
    const [store] = await filled((tx) => {
      for (const key of [2, 10, -1, 1, -2]) tx.putOutbox(row(key, key % 2 === 0 ? "even" : "odd"));
    });
    await store.read(async (tx) => {
      expect((await tx.outbox()).map(({ key }) => key)).toEqual([-2, -1, 1, 2, 10]);
      expect((await tx.outbox(2)).map(({ key }) => key)).toEqual([-2, -1]);
      expect((await tx.outboxOf("notes", "even")).map(({ key }) => key)).toEqual([-2, 2, 10]);
    });
    store.close();
  });

  it("several opened on one name share what is in it", async () => {
    const [one, name] = await filled();
    const other = await openStore(name);
    await one.write("strict", async (tx) => tx.putOutbox(row(1, "x")));
    expect(await other.read((tx) => tx.outbox())).toHaveLength(1);
    one.close();
    expect(await other.read((tx) => tx.outbox())).toHaveLength(1);
    other.close();
    await expect(other.read((tx) => tx.outbox())).rejects.toMatchObject({ name: "InvalidStateError" });
  });
});
