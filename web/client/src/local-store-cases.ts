/**
 * What every local store must do, case by case: in memory and on a twin of IndexedDB (local-store.test.ts), and in a real browser
 * (web/e2e/local-store.test.ts). Nothing here knows of a test runner, since browsers have none.
 */
import type { BaseRecord, LocalStore, Overlay, WriteTx } from "./local-store.ts";
import type { OutboxRow } from "./outbox.ts";

export interface Check {
  /** Deeply. @throws if they are not */
  equal(actual: unknown, expected: unknown): void;
}

/** @param open the same name opens the same database */
type Case = (open: (name: string) => Promise<LocalStore>, check: Check) => Promise<void>;

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

/** @returns a store on a database of its own, and the database's name */
async function filled(
  open: (name: string) => Promise<LocalStore>,
  fill: (tx: WriteTx) => void = () => {},
): Promise<[LocalStore, string]> {
  const name = `db-${++databases}`;
  const store = await open(name);
  await store.write("strict", async (tx) => fill(tx));
  return [store, name];
}

/** `name: message`; empty: it did not fail. */
const failureOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => "", String);

export const LOCAL_STORE_CASES: Readonly<Record<string, Case>> = {
  "keeps what a tx wrote, over closing and opening": async (open, check) => {
    const [store, name] = await filled(open, (tx) => {
      tx.setMeta("lease", { holder: "a", fence: 3, expiresAt: 9 });
      tx.setCounter("K7:order", 12);
      tx.putRecord(record(1, "notes", "x", 1));
      tx.putOverlay(overlay("x"));
      tx.putOutbox(row(1, "x"));
    });
    store.close();
    const again = await open(name);
    await again.read(async (tx) => {
      check.equal(await tx.meta("lease"), { holder: "a", fence: 3, expiresAt: 9 });
      check.equal(await tx.meta("sync"), undefined);
      check.equal(await tx.counter("K7:order"), 12);
      check.equal(await tx.record(1, "notes", "x"), record(1, "notes", "x", 1));
      check.equal(await tx.overlay("notes", "x"), overlay("x"));
      check.equal(await tx.outboxRow(1), row(1, "x"));
    });
    again.close();
  },

  "all of a tx or, when it throws, nothing": async (open, check) => {
    const [store] = await filled(open, (tx) => {
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
    check.equal(await failureOf(failing), "Error: no");
    await store.read(async (tx) => {
      check.equal(await tx.recordsAbove(1, -1), [record(1, "notes", "x", 1)]);
      check.equal((await tx.outbox()).length, 1);
      check.equal(await tx.counter("c"), undefined);
    });
    store.close();
  },

  "reads see the writes before them in their tx, and txs come one after another": async (open, check) => {
    const [store] = await filled(open);
    const add = () =>
      store.write("relaxed", async (tx) => {
        tx.setCounter("c", ((await tx.counter("c")) ?? 0) + 1);
        return tx.counter("c");
      });
    check.equal((await Promise.all([add(), add(), add()])).sort(), [1, 2, 3]);
    store.close();
  },

  "lists records by generation, collection and seq": async (open, check) => {
    const [store] = await filled(open, (tx) => {
      tx.putRecord(record(1, "notes", "b", 3));
      tx.putRecord(record(1, "notes", "a", 7));
      tx.putRecord(record(1, "notes2", "c", 5));
      tx.putRecord(record(2, "notes", "a", 1));
    });
    await store.read(async (tx) => {
      check.equal((await tx.recordsOf(1, "notes")).map(({ localId }) => localId).sort(), ["a", "b"]);
      check.equal(
        (await tx.recordsAbove(1, 3)).map(({ seq }) => seq),
        [5, 7],
      );
      check.equal(
        (await tx.recordsAbove(1, -1)).map(({ seq }) => seq),
        [3, 5, 7],
      );
      check.equal(
        (await tx.recordsAbove(1, -1, 2)).map(({ seq }) => seq),
        [3, 5],
      );
      check.equal(await tx.recordsAbove(1, Number.POSITIVE_INFINITY), []);
    });
    await store.write("relaxed", async (tx) => tx.deleteGeneration(1));
    await store.read(async (tx) => {
      check.equal(await tx.recordsAbove(1, -1), []);
      check.equal((await tx.recordsAbove(2, -1)).length, 1);
    });
    store.close();
  },

  "gives many records at once, in the order in which they were asked for": async (open, check) => {
    const id = (n: number): string => `r${String(n).padStart(3, "0")}`;
    const [store] = await filled(open, (tx) => {
      for (const n of [2, 3, 5, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]) tx.putRecord(record(1, "notes", id(n), n));
      tx.putRecord(record(1, "notes2", id(4), 90));
      tx.putRecord(record(2, "notes", id(4), 91));
    });
    await store.read(async (tx) => {
      const seqsOf = async (numbers: readonly number[], collection = "notes") => {
        const ids = numbers.map((n) => ({ collection, localId: id(n) }));
        return (await tx.recordsAt(1, ids)).map((found) => found?.seq ?? null);
      };
      check.equal(await seqsOf([]), []);
      check.equal(await seqsOf([5, 4, 2]), [5, null, 2]);
      // few are there, none, all, and more than was asked for lies between them
      check.equal(await seqsOf([9, 8, 7, 6, 5, 4, 3, 2, 1]), [null, null, null, null, 5, null, 3, 2, null]);
      check.equal(await seqsOf([10, 11, 12, 13, 14, 15, 16, 17, 18]), new Array(9).fill(null));
      check.equal(await seqsOf([2, 2, 2, 2, 2, 2, 2, 2, 3]), [2, 2, 2, 2, 2, 2, 2, 2, 3]);
      check.equal(await seqsOf([1, 4, 6, 7, 8, 9, 10, 60, 50]), [null, null, null, null, null, null, null, null, 50]);
      const mixed = ["notes", "notes2"].flatMap((collection) =>
        [3, 4, 5, 6, 7].map((n) => ({ collection, localId: id(n) })),
      );
      check.equal(
        (await tx.recordsAt(1, mixed)).map((found) => found?.seq ?? null),
        [3, null, 5, null, null, null, 90, null, null, null],
      );
      check.equal((await tx.recordsAt(1, [{ collection: "notes", localId: id(5) }]))[0], record(1, "notes", id(5), 5));
    });
    store.close();
  },

  "lists the outbox by key, re-offers with negative ones first": async (open, check) => {
    const [store] = await filled(open, (tx) => {
      for (const key of [2, 10, -1, 1, -2]) tx.putOutbox(row(key, key % 2 === 0 ? "even" : "odd"));
    });
    await store.read(async (tx) => {
      check.equal(
        (await tx.outbox()).map(({ key }) => key),
        [-2, -1, 1, 2, 10],
      );
      check.equal(
        (await tx.outbox(2)).map(({ key }) => key),
        [-2, -1],
      );
      check.equal(
        (await tx.outboxOf("notes", "even")).map(({ key }) => key),
        [-2, 2, 10],
      );
    });
    store.close();
  },

  "several opened on one name share what is in it": async (open, check) => {
    const [one, name] = await filled(open);
    const other = await open(name);
    await one.write("strict", async (tx) => tx.putOutbox(row(1, "x")));
    check.equal((await other.read((tx) => tx.outbox())).length, 1);
    one.close();
    check.equal((await other.read((tx) => tx.outbox())).length, 1);
    other.close();
    check.equal((await failureOf(other.read((tx) => tx.outbox()))).split(":")[0], "InvalidStateError");
  },
};
