/** The twin of indexed-db.ts in memory: for tests, the simulator and hosts without IndexedDB. */
import type { BaseRecord, LocalStore, MetaRows, Overlay, ReadTx, RecordId, WriteTx } from "./local-store.ts";
import { recordKey, type OutboxRow } from "./outbox.ts";

/** What outlives a tab: several stores may be opened on one. */
export class MemoryDatabase {
  readonly meta = new Map<keyof MetaRows, unknown>();
  readonly counters = new Map<string, number>();
  readonly generations = new Map<number, Map<string, BaseRecord>>();
  readonly overlays = new Map<string, Overlay>();
  readonly outbox = new Map<number, OutboxRow>();
  #last: Promise<unknown> = Promise.resolve();

  /** Runs after everything that was asked for before. */
  exclusively<R>(run: () => Promise<R>): Promise<R> {
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

export function openMemoryStore(database = new MemoryDatabase()): LocalStore {
  let closed = false;
  function checkOpen(): void {
    if (closed) throw new DOMException("the store is closed", "InvalidStateError");
  }
  return {
    read: (run) =>
      database.exclusively(async () => {
        checkOpen();
        return run(new MemoryTx(database));
      }),
    write: (_durability, run) =>
      database.exclusively(async () => {
        checkOpen();
        const tx = new MemoryTx(database);
        try {
          return await run(tx);
        } catch (error) {
          tx.undo();
          throw error;
        }
      }),
    close: () => {
      closed = true;
    },
  };
}

/** `openStore` of an environment: one database per name, for as long as the function lives. */
export function memoryStores(): (name: string) => Promise<LocalStore> {
  const databases = new Map<string, MemoryDatabase>();
  return async (name) => {
    const database = databases.get(name) ?? new MemoryDatabase();
    databases.set(name, database);
    return openMemoryStore(database);
  };
}

const bySeq = (a: BaseRecord, b: BaseRecord) => a.seq - b.seq;
const byKey = (a: OutboxRow, b: OutboxRow) => a.key - b.key;

/** What an entry held before it was written. */
interface Before {
  readonly map: Map<unknown, unknown>;
  readonly key: unknown;
  /** Undefined: there was none. */
  readonly value: unknown;
}

class MemoryTx implements WriteTx, ReadTx {
  readonly #undo: Before[] = [];

  constructor(private readonly database: MemoryDatabase) {}

  async meta<K extends keyof MetaRows>(name: K): Promise<MetaRows[K] | undefined> {
    return this.database.meta.get(name) as MetaRows[K] | undefined;
  }
  async counter(series: string): Promise<number | undefined> {
    return this.database.counters.get(series);
  }
  async record(generation: number, collection: string, localId: string): Promise<BaseRecord | undefined> {
    return this.#generation(generation).get(recordKey(collection, localId));
  }
  async recordsAt(generation: number, ids: readonly RecordId[]): Promise<(BaseRecord | undefined)[]> {
    const records = this.#generation(generation);
    return ids.map(({ collection, localId }) => records.get(recordKey(collection, localId)));
  }
  async recordsOf(generation: number, collection: string): Promise<BaseRecord[]> {
    return [...this.#generation(generation).values()].filter((record) => record.collection === collection);
  }
  async recordsAbove(generation: number, seq: number, limit?: number): Promise<BaseRecord[]> {
    const above = [...this.#generation(generation).values()].filter((record) => record.seq > seq);
    return above.sort(bySeq).slice(0, limit);
  }
  async overlay(collection: string, localId: string): Promise<Overlay | undefined> {
    return this.database.overlays.get(recordKey(collection, localId));
  }
  async overlays(): Promise<Overlay[]> {
    return [...this.database.overlays.values()];
  }
  async outbox(limit?: number): Promise<OutboxRow[]> {
    return [...this.database.outbox.values()].sort(byKey).slice(0, limit);
  }
  async outboxOf(collection: string, localId: string): Promise<OutboxRow[]> {
    const found: OutboxRow[] = [];
    for (const row of this.database.outbox.values())
      if (row.localId === localId && row.collection === collection) found.push(row);
    return found.sort(byKey);
  }
  async outboxRow(key: number): Promise<OutboxRow | undefined> {
    return this.database.outbox.get(key);
  }

  setMeta<K extends keyof MetaRows>(name: K, row: MetaRows[K]): void {
    this.#set(this.database.meta, name, row);
  }
  setCounter(series: string, value: number): void {
    this.#set(this.database.counters, series, value);
  }
  putRecord(record: BaseRecord): void {
    this.#set(this.#generation(record.generation), recordKey(record.collection, record.localId), record);
  }
  deleteGeneration(generation: number): void {
    this.#delete(this.database.generations, generation);
  }
  putOverlay(overlay: Overlay): void {
    this.#set(this.database.overlays, recordKey(overlay.collection, overlay.localId), overlay);
  }
  deleteOverlay(collection: string, localId: string): void {
    this.#delete(this.database.overlays, recordKey(collection, localId));
  }
  putOutbox(row: OutboxRow): void {
    this.#set(this.database.outbox, row.key, row);
  }
  deleteOutbox(key: number): void {
    this.#delete(this.database.outbox, key);
  }

  undo(): void {
    for (const { map, key, value } of this.#undo.reverse()) {
      if (value === undefined) map.delete(key);
      else map.set(key, value);
    }
  }

  #generation(generation: number): Map<string, BaseRecord> {
    const known = this.database.generations.get(generation);
    if (known) return known;
    const records = new Map<string, BaseRecord>();
    this.database.generations.set(generation, records);
    return records;
  }
  #set<K, V>(map: Map<K, V>, key: K, value: V): void {
    this.#remember(map, key);
    map.set(key, value);
  }
  #delete<K, V>(map: Map<K, V>, key: K): void {
    this.#remember(map, key);
    map.delete(key);
  }
  #remember<K, V>(map: Map<K, V>, key: K): void {
    this.#undo.push({ map: map, key, value: map.get(key) });
  }
}
