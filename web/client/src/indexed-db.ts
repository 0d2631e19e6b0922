/** The local store on IndexedDB. Its schema version rises with every change of the object stores; rows need none, they are read loosely. */
import { openDB, unwrap, type DBSchema, type IDBPTransaction } from "idb";
import { Connection } from "./connection.ts";
import type { BaseRecord, Durability, LocalStore, MetaRows, Overlay, RecordId, WriteTx } from "./local-store.ts";
import type { OutboxRow } from "./outbox.ts";

/**
 * A record as it lies here. Its data are JSON text, which is written and read in a fraction of the time that an object takes: ten thousand
 * records are read at a start, and written while somebody sells.
 */
interface StoredRecord extends Omit<BaseRecord, "data"> {
  /** Absent in rows that an earlier build wrote: these bear `data`. */
  readonly json?: string;
  readonly data?: unknown;
}

interface Schema extends DBSchema {
  records: { key: RecordKey; value: StoredRecord; indexes: { bySeq: [number, number] } };
  overlays: { key: [string, string]; value: Overlay };
  outbox: { key: number; value: OutboxRow; indexes: { byRecord: [string, string] } };
  meta: { key: keyof MetaRows; value: unknown };
  counters: { key: string; value: number };
}

/** Generation, collection, localId. */
type RecordKey = [number, string, string];

const STORES = ["records", "overlays", "outbox", "meta", "counters"] as const;
const SCHEMA_VERSION = 1;

export async function openIndexedDb(name: string): Promise<LocalStore> {
  const connection = new Connection<Schema>((ends) =>
    openDB<Schema>(name, SCHEMA_VERSION, {
      upgrade(db) {
        db.createObjectStore("records", { keyPath: ["generation", "collection", "localId"] }).createIndex("bySeq", [
          "generation",
          "seq",
        ]);
        db.createObjectStore("overlays", { keyPath: ["collection", "localId"] });
        db.createObjectStore("outbox", { keyPath: "key" }).createIndex("byRecord", ["collection", "localId"]);
        db.createObjectStore("meta");
        db.createObjectStore("counters");
      },
      // A tab with a newer version waits for this one to let go.
      ...ends,
    }),
  );
  // what is wrong with the database shows now
  await connection.begin(() => null);
  return storeOn(connection);
}

function storeOn(connection: Connection<Schema>): LocalStore {
  async function transact<R>(mode: "readonly" | "readwrite", options: IDBTransactionOptions, run: Run<R>): Promise<R> {
    const { tx, handle } = await connection.begin(
      (database) => database.transaction(STORES, mode, options) as unknown as ReadWrite,
    );
    try {
      const result = await run(new IndexedDbTx(tx));
      commit(tx);
      await tx.done;
      return result;
    } catch (error) {
      abort(tx);
      await tx.done.catch(() => undefined);
      connection.failed(handle, error);
      throw error;
    }
  }
  return {
    read: (run) => transact("readonly", {}, run),
    write: (durability: Durability, run) => transact("readwrite", { durability }, run),
    close: () => connection.close(),
  };
}

type Run<R> = (tx: WriteTx) => Promise<R>;
type ReadWrite = IDBPTransaction<Schema, typeof STORES, "readwrite">;

/** At once, where a browser can: else it first tells of every request that it was carried out, and only then begins to commit. */
function commit(tx: ReadWrite): void {
  try {
    tx.commit();
  } catch {
    // it ends by itself
  }
}

function abort(tx: ReadWrite): void {
  try {
    tx.abort();
  } catch {
    // it has ended already
  }
}

// Above every string and number, by IndexedDB's order of keys.
const HIGHEST: [] = [];
/** Fewer records than this are asked for one by one. */
const MANY = 8;

function recordOf({ json, data, ...rest }: StoredRecord): BaseRecord {
  return { ...rest, data: json === undefined ? data : (JSON.parse(json) as unknown) };
}

/** By UTF-16 code units, as IndexedDB orders strings. */
function extremes(texts: readonly string[]): [string, string] {
  let first = texts[0]!;
  let last = first;
  for (const text of texts) {
    if (text < first) first = text;
    if (text > last) last = text;
  }
  return [first, last];
}

class IndexedDbTx implements WriteTx {
  constructor(private readonly tx: ReadWrite) {}

  async meta<K extends keyof MetaRows>(name: K): Promise<MetaRows[K] | undefined> {
    return (await this.tx.objectStore("meta").get(name)) as MetaRows[K] | undefined;
  }
  counter(series: string): Promise<number | undefined> {
    return this.tx.objectStore("counters").get(series);
  }
  async record(generation: number, collection: string, localId: string): Promise<BaseRecord | undefined> {
    const stored = await this.tx.objectStore("records").get([generation, collection, localId]);
    return stored && recordOf(stored);
  }
  async recordsAt(generation: number, ids: readonly RecordId[]): Promise<(BaseRecord | undefined)[]> {
    if (ids.length < MANY) return Promise.all(ids.map((id) => this.record(generation, id.collection, id.localId)));
    const collections = new Set(ids.map(({ collection }) => collection));
    const there = await Promise.all(
      [...collections].map(async (name) => {
        const localIds = ids.flatMap(({ collection, localId }) => (collection === name ? [localId] : []));
        return [name, await this.#among(generation, name, localIds)] as const;
      }),
    );
    const known = new Map(there);
    return Promise.all(
      ids.map(async ({ collection, localId }) => {
        const isNew = known.get(collection)?.has(localId) === false;
        return isNew ? undefined : this.record(generation, collection, localId);
      }),
    );
  }
  async recordsOf(generation: number, collection: string): Promise<BaseRecord[]> {
    const range = IDBKeyRange.bound([generation, collection], [generation, collection, HIGHEST]);
    return (await this.tx.objectStore("records").getAll(range)).map(recordOf);
  }
  async recordsAbove(generation: number, seq: number, limit?: number): Promise<BaseRecord[]> {
    const range = IDBKeyRange.bound([generation, seq], [generation, HIGHEST], true);
    return (await this.tx.objectStore("records").index("bySeq").getAll(range, limit)).map(recordOf);
  }

  /**
   * Which of a collection's records may be there: one question instead of one for each. Ids are made in the order of time, so that between
   * those of a page that is new there is nothing; null where there is much, and the answer would cost more than it saves.
   */
  async #among(generation: number, collection: string, localIds: readonly string[]): Promise<Set<string> | null> {
    const [first, last] = extremes(localIds);
    const range = IDBKeyRange.bound([generation, collection, first], [generation, collection, last]);
    const keys = await this.tx.objectStore("records").getAllKeys(range, localIds.length + 1);
    return keys.length > localIds.length ? null : new Set(keys.map(([, , localId]) => localId));
  }
  overlay(collection: string, localId: string): Promise<Overlay | undefined> {
    return this.tx.objectStore("overlays").get([collection, localId]);
  }
  overlays(): Promise<Overlay[]> {
    return this.tx.objectStore("overlays").getAll();
  }
  outbox(limit?: number): Promise<OutboxRow[]> {
    return this.tx.objectStore("outbox").getAll(null, limit);
  }
  outboxOf(collection: string, localId: string): Promise<OutboxRow[]> {
    // equal index keys come in the order of the primary key
    return this.tx.objectStore("outbox").index("byRecord").getAll([collection, localId]);
  }
  outboxRow(key: number): Promise<OutboxRow | undefined> {
    return this.tx.objectStore("outbox").get(key);
  }

  setMeta<K extends keyof MetaRows>(name: K, row: MetaRows[K]): void {
    ask(this.tx.objectStore("meta").put(row, name));
  }
  setCounter(series: string, value: number): void {
    ask(this.tx.objectStore("counters").put(value, series));
  }
  putRecord(record: BaseRecord): void {
    const { data, ...rest } = record;
    // without a promise for each: that it failed shows when the tx does
    unwrap(this.tx.objectStore("records")).put({ ...rest, json: JSON.stringify(data ?? null) });
  }
  deleteGeneration(generation: number): void {
    ask(this.tx.objectStore("records").delete(IDBKeyRange.bound([generation], [generation, HIGHEST])));
  }
  putOverlay(overlay: Overlay): void {
    ask(this.tx.objectStore("overlays").put(overlay));
  }
  deleteOverlay(collection: string, localId: string): void {
    ask(this.tx.objectStore("overlays").delete([collection, localId]));
  }
  putOutbox(row: OutboxRow): void {
    ask(this.tx.objectStore("outbox").put(row));
  }
  deleteOutbox(key: number): void {
    ask(this.tx.objectStore("outbox").delete(key));
  }
}

// A request that fails aborts its tx, whose `done` then says why; its own rejection would only be reported a second time.
function ask(request: Promise<unknown>): void {
  request.catch(() => undefined);
}
