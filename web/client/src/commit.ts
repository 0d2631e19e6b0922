/**
 * A tx that tells what it changed. Every change of what people see raises the database's revision by one, so that the views of all tabs
 * can follow as replicas follow the feed: a delta that continues a view's revision is applied, any other one leads to reading.
 */
import type {
  BaseRecord,
  Durability,
  LocalRow,
  LocalStore,
  MetaRows,
  Overlay,
  RecordId,
  SyncRow,
  WriteTx,
} from "./local-store.ts";
import type { OutboxRow } from "./outbox.ts";

export interface Delta {
  readonly revision: number;
  readonly records: readonly BaseRecord[];
  readonly overlays: readonly Overlay[];
  readonly overlaysGone: readonly { readonly collection: string; readonly localId: string }[];
  readonly rows: readonly OutboxRow[];
  readonly rowsGone: readonly number[];
  readonly sync: SyncRow | null;
}

export interface Committed<R> {
  readonly result: R;
  /** Null when nothing changed. */
  readonly delta: Delta | null;
}

export const NEW_LOCAL: LocalRow = { revision: 0, nextKey: 1, frontKey: 0 };

export async function commit<R>(
  store: LocalStore,
  durability: Durability,
  run: (tx: WriteTx) => Promise<R>,
): Promise<Committed<R>> {
  return store.write(durability, async (inner) => {
    // Asked for in advance, as every answer is a trip to another process; heard of by those that changed something.
    const local = inner.meta("local");
    local.catch(() => undefined);
    const tx = new RecordingTx(inner, local);
    const result = await run(tx);
    return { result, delta: tx.changed ? await tx.finish() : null };
  });
}

class RecordingTx implements WriteTx {
  changed = false;
  readonly #records: BaseRecord[] = [];
  readonly #overlays: Overlay[] = [];
  readonly #overlaysGone: { collection: string; localId: string }[] = [];
  readonly #rows: OutboxRow[] = [];
  readonly #rowsGone: number[] = [];
  #sync: SyncRow | null = null;
  #local: LocalRow | null = null;

  constructor(
    private readonly inner: WriteTx,
    private readonly before: Promise<LocalRow | undefined>,
  ) {}

  meta<K extends keyof MetaRows>(name: K): Promise<MetaRows[K] | undefined> {
    return this.inner.meta(name);
  }
  counter(series: string): Promise<number | undefined> {
    return this.inner.counter(series);
  }
  record(generation: number, collection: string, localId: string): Promise<BaseRecord | undefined> {
    return this.inner.record(generation, collection, localId);
  }
  recordsAt(generation: number, ids: readonly RecordId[]): Promise<(BaseRecord | undefined)[]> {
    return this.inner.recordsAt(generation, ids);
  }
  recordsOf(generation: number, collection: string): Promise<BaseRecord[]> {
    return this.inner.recordsOf(generation, collection);
  }
  recordsAbove(generation: number, seq: number, limit?: number): Promise<BaseRecord[]> {
    return this.inner.recordsAbove(generation, seq, limit);
  }
  overlay(collection: string, localId: string): Promise<Overlay | undefined> {
    return this.inner.overlay(collection, localId);
  }
  overlays(): Promise<Overlay[]> {
    return this.inner.overlays();
  }
  outbox(limit?: number): Promise<OutboxRow[]> {
    return this.inner.outbox(limit);
  }
  outboxOf(collection: string, localId: string): Promise<OutboxRow[]> {
    return this.inner.outboxOf(collection, localId);
  }
  outboxRow(key: number): Promise<OutboxRow | undefined> {
    return this.inner.outboxRow(key);
  }

  setMeta<K extends keyof MetaRows>(name: K, row: MetaRows[K]): void {
    if (name === "sync") {
      this.changed = true;
      this.#sync = row as SyncRow;
    } else if (name === "local") this.#local = row as LocalRow;
    this.inner.setMeta(name, row);
  }
  // numbers alone change nothing that people see
  setCounter(series: string, value: number): void {
    this.inner.setCounter(series, value);
  }
  putRecord(record: BaseRecord): void {
    this.changed = true;
    this.#records.push(record);
    this.inner.putRecord(record);
  }
  deleteGeneration(generation: number): void {
    this.changed = true;
    this.inner.deleteGeneration(generation);
  }
  putOverlay(overlay: Overlay): void {
    this.changed = true;
    this.#overlays.push(overlay);
    this.inner.putOverlay(overlay);
  }
  deleteOverlay(collection: string, localId: string): void {
    this.changed = true;
    this.#overlaysGone.push({ collection, localId });
    this.inner.deleteOverlay(collection, localId);
  }
  putOutbox(row: OutboxRow): void {
    this.changed = true;
    this.#rows.push(row);
    this.inner.putOutbox(row);
  }
  deleteOutbox(key: number): void {
    this.changed = true;
    this.#rowsGone.push(key);
    this.inner.deleteOutbox(key);
  }

  async finish(): Promise<Delta> {
    const local = this.#local ?? (await this.before) ?? NEW_LOCAL;
    const revision = local.revision + 1;
    this.inner.setMeta("local", { ...local, revision });
    return {
      revision,
      records: this.#records,
      overlays: this.#overlays,
      overlaysGone: this.#overlaysGone,
      rows: this.#rows,
      rowsGone: this.#rowsGone,
      sync: this.#sync,
    };
  }
}
