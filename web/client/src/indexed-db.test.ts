/** Connections that the browser ends, on the local store that lives in IndexedDB. */
import "fake-indexeddb/auto";
import { forceCloseDatabase } from "fake-indexeddb";
import { openDB } from "idb";
import { afterEach, expect, it, vi } from "vitest";
import { openIndexedDb } from "./indexed-db.ts";
import type { LocalStore } from "./local-store.ts";

let databases = 0;
/** Every connection that was opened, the last one last. */
function connections(): Parameters<typeof forceCloseDatabase>[0][] {
  const opened: Parameters<typeof forceCloseDatabase>[0][] = [];
  const open = IDBDatabase.prototype.transaction;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
    const database = this as unknown as (typeof opened)[number];
    if (opened.at(-1) !== database) opened.push(database);
    return open.apply(this, args);
  });
  return opened;
}
const count = (store: LocalStore) =>
  store.write("strict", async (tx) => {
    const next = ((await tx.counter("c")) ?? 0) + 1;
    tx.setCounter("c", next);
    return next;
  });

afterEach(() => vi.restoreAllMocks());

it("a connection that the browser closed is opened again: the next sale is saved", async () => {
  const opened = connections();
  const store = await openIndexedDb(`lost-${++databases}`);
  expect(await count(store)).toBe(1);
  forceCloseDatabase(opened.at(-1)!);
  expect(await Promise.all([count(store), count(store)])).toEqual([2, 3]);
  expect(opened).toHaveLength(2);
  store.close();
});

it("after a tx that failed with UnknownError (Safari: connection to the database server lost) another connection is tried", async () => {
  const opened = connections();
  const store = await openIndexedDb(`unknown-${++databases}`);
  const lost = store.write("strict", async () => {
    throw new DOMException("Connection to Indexed Database server lost", "UnknownError");
  });
  await expect(lost).rejects.toMatchObject({ name: "UnknownError" });
  expect(await count(store)).toBe(1);
  expect(opened).toHaveLength(2);
  store.close();
});

it("it gives way to a newer build, and says so ever after", async () => {
  const name = `newer-${++databases}`;
  const store = await openIndexedDb(name);
  await count(store);
  const newer = await openDB(name, 99);
  await expect(count(store)).rejects.toMatchObject({ name: "VersionError" });
  await expect(store.read((tx) => tx.counter("c"))).rejects.toMatchObject({ name: "VersionError" });
  newer.close();
  store.close();
});

it("closed by its owner it stays closed", async () => {
  const store = await openIndexedDb(`closed-${++databases}`);
  store.close();
  await expect(count(store)).rejects.toMatchObject({ name: "InvalidStateError" });
});

it("records that an earlier build wrote are read as those of this one", async () => {
  const name = `earlier-${++databases}`;
  (await openIndexedDb(name)).close();
  const id = { generation: 1, collection: "notes", localId: "x" };
  const row = { ...id, seq: 1, syncVersion: 1, hash: "h", deleted: false, deviceId: "a", createdBy: "a", updatedAt: 1 };
  const earlier = await openDB(name);
  await earlier.put("records", { ...row, data: { text: "tea" } });
  earlier.close();
  const store = await openIndexedDb(name);
  const read = await store.read(async (tx) => [
    await tx.record(1, "notes", "x"),
    ...(await tx.recordsAt(1, new Array<typeof id>(9).fill(id))),
    ...(await tx.recordsAbove(1, -1)),
  ]);
  expect(read).toEqual(new Array(11).fill({ ...row, data: { text: "tea" } }));
  store.close();
});
