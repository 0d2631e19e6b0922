/** When a write to IndexedDB counts as saved, and what ends its tx. */
import "fake-indexeddb/auto";
import { afterEach, expect, it, vi } from "vitest";
import { openIndexedDb } from "./indexed-db.ts";
import type { LocalStore } from "./local-store.ts";

afterEach(() => vi.restoreAllMocks());

let databases = 0;
const opened = (): Promise<LocalStore> => openIndexedDb(`durability-${(databases += 1)}`);
const count = (store: LocalStore): Promise<number | undefined> => store.read((tx) => tx.counter("c"));

it("S1: a strict write asks the browser for more than its default (trap 9), a relaxed one does not", async () => {
  const store = await opened();
  const begin = vi.spyOn(IDBDatabase.prototype, "transaction");
  await store.write("strict", async (tx) => tx.setCounter("c", 1));
  await store.write("relaxed", async (tx) => tx.setCounter("c", 2));
  expect(begin.mock.calls.map(([, mode, options]) => [mode, options?.durability])).toEqual([
    ["readwrite", "strict"],
    ["readwrite", "relaxed"],
  ]);
  store.close();
});

it("S1: it is saved when its tx is complete, not when its requests were carried out (trap 9)", async () => {
  const store = await opened();
  const commit = vi.spyOn(IDBTransaction.prototype, "commit").mockImplementation(function (this: IDBTransaction) {
    // as where the disk is full by then
    this.abort();
  });
  const written = store.write("strict", async (tx) => {
    tx.setCounter("c", 1);
    return tx.counter("c");
  });
  await expect(written).rejects.toBeDefined();
  commit.mockRestore();
  expect(await count(store)).toBeUndefined();
  store.close();
});

it("S5: a write that waits for anything else has lost its tx: it fails, rather than going on outside it (trap 8)", async () => {
  const store = await opened();
  const written = store.write("strict", async (tx) => {
    tx.setCounter("c", 1);
    await tx.counter("c");
    await new Promise((resolve) => setTimeout(resolve, 20));
    tx.setCounter("d", 1);
    return tx.counter("d");
  });
  await expect(written).rejects.toBeDefined();
  expect(await store.read((tx) => tx.counter("d"))).toBeUndefined();
  store.close();
});
