/**
 * What one tab holds in memory of the local database: the opened collections, all overlays, the whole outbox. It follows commits by
 * their revision: one that continues its own is applied, anything else is read, incrementally by seq.
 */
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { DeletedRecord, ReplicaOptions, ReplicaRecord } from "./api.ts";
import type { Delta } from "./commit.ts";
import type { BaseRecord, LocalStore, Overlay, SyncRow } from "./local-store.ts";
import { OpenConflicts } from "./open-conflicts.ts";
import { OpenedCollection } from "./opened-collection.ts";
import { OutboxView } from "./outbox-view.ts";
import { recordKey, type OutboxRow } from "./outbox.ts";
import { signal, type Signal, type WritableSignal } from "./signal.ts";
import { settledOf, visibleOf } from "./visible.ts";

const NO_ROWS: readonly OutboxRow[] = [];

/** What a view knows of a record's open conflicts. */
export interface ConflictsAbout {
  /** Of the database, as this view has read it. */
  readonly revision: number;
  readonly visible: number;
  /** Everything of the visible generation up to here is known. */
  readonly seq: number;
  readonly conflicts: readonly ConflictData[];
  /** Whether a choice about it waits in the outbox. */
  isChosen(conflictId: string): boolean;
}

export class View {
  readonly #opened = new Map<string, OpenedCollection>();
  #overlays = new Map<string, Overlay>();
  readonly #rows = new OutboxView();
  readonly #conflicts = new OpenConflicts();
  readonly #outbox = signal<readonly OutboxRow[]>(NO_ROWS);
  readonly #sync: WritableSignal<SyncRow>;
  #revision = -1;
  /** Everything of the visible generation up to this seq is here. */
  #seq = -1;
  #position: SyncRow;
  #reading: Promise<void> | null = null;
  #flushing = false;

  /** @param deviceId of this device, read for every record */
  constructor(
    private readonly store: LocalStore,
    private readonly deviceId: () => string,
    sync: SyncRow,
    private readonly inSight: NonNullable<ReplicaOptions["inSight"]> = {},
  ) {
    this.#position = sync;
    this.#sync = signal(sync);
    // loaded with whatever is opened first: no record is shown without what its open conflict says of it
    this.#newlyOpened(conflicts.name);
  }

  /** As it was at the last flush; `position` is up to date at once. */
  get sync(): Signal<SyncRow> {
    return this.#sync;
  }
  get position(): SyncRow {
    return this.#position;
  }
  /** In the order of the keys. */
  get outbox(): Signal<readonly OutboxRow[]> {
    return this.#outbox;
  }
  row(key: number): OutboxRow | undefined {
    return this.#rows.row(key);
  }
  /** Rows that wait for the server's word. */
  pendingKeys(): number[] {
    return this.#rows.all().flatMap((row) => (row.state === "rejected" ? [] : [row.key]));
  }
  get pending(): number {
    return this.#rows.pending;
  }
  get hasPending(): boolean {
    return this.#rows.pending > 0;
  }

  /** The open conflicts about a record, and the point up to which this view knows of them; null: it has not been read yet. */
  conflictsAbout(record: string): ConflictsAbout | null {
    if (!this.isOpen(conflicts.name)) return null;
    return {
      ...{ revision: this.#revision, visible: this.#position.visible, seq: this.#seq },
      conflicts: [...this.#conflicts.about(record)],
      isChosen: (conflictId) => this.#rows.choices(conflictId).length > 0,
    };
  }

  /** This device is another one from now on: what waits of the former one is none of its own. */
  identityChanged(): void {
    this.#show(new Set(this.#conflicts.records()));
  }

  /** Loads a collection, once; afterwards it is kept up to date. */
  async open(name: string): Promise<void> {
    const opened = this.#opened.get(name) ?? this.#newlyOpened(name);
    while (!opened.loaded) await this.#read();
    this.#flush();
  }
  isOpen(name: string): boolean {
    return this.#opened.get(name)?.loaded ?? false;
  }
  /** Of an opened collection. */
  records(name: string): Signal<readonly ReplicaRecord<unknown>[]> {
    return this.#of(name).records;
  }
  record(name: string, localId: string): ReplicaRecord<unknown> | undefined {
    return this.#of(name).visible.get(localId);
  }
  all(name: string): Iterable<ReplicaRecord<unknown>> {
    return this.#of(name).visible.values();
  }
  /** What the server holds as deleted, and nothing of this device's own shows in its place. */
  deleted(name: string): DeletedRecord[] {
    const { base, visible } = this.#of(name);
    return [...base.keys()].flatMap((localId) => {
      if (visible.has(localId)) return [];
      const settled = settledOf(base.get(localId), this.#overlays.get(recordKey(name, localId)));
      return settled?.deleted ? [{ localId, deviceId: settled.deviceId, deletedAt: settled.updatedAt }] : [];
    });
  }

  /** Follows a commit of this tab. */
  async apply(delta: Delta | null): Promise<void> {
    if (!delta) return;
    const swapped = delta.sync !== null && delta.sync.visible !== this.#position.visible;
    if (delta.revision === this.#revision + 1 && !swapped && !this.#reading) return this.#follow(delta);
    while (this.#revision < delta.revision) await this.#read();
  }

  /** Follows the commits of other tabs. */
  async refresh(): Promise<void> {
    // what is being read may have been asked for too early
    if (this.#reading) await this.#reading;
    const local = await this.store.read((tx) => tx.meta("local"));
    if (local && local.revision !== this.#revision) await this.#read();
  }

  #newlyOpened(name: string): OpenedCollection {
    const opened = new OpenedCollection(name, Object.hasOwn(this.inSight, name) ? this.inSight[name] : undefined);
    this.#opened.set(name, opened);
    return opened;
  }

  #of(name: string): OpenedCollection {
    const opened = this.#opened.get(name);
    if (!opened?.loaded) throw new Error(`the collection ${name} has not been opened`);
    return opened;
  }

  #follow(delta: Delta): void {
    const touched = new Set<string>();
    for (const record of delta.records)
      if (record.generation === this.#position.visible) this.#takeRecord(record, touched);
    for (const overlay of delta.overlays) {
      this.#overlays.set(recordKey(overlay.collection, overlay.localId), overlay);
      touched.add(recordKey(overlay.collection, overlay.localId));
    }
    for (const { collection, localId } of delta.overlaysGone) {
      this.#overlays.delete(recordKey(collection, localId));
      touched.add(recordKey(collection, localId));
    }
    for (const row of delta.rows) this.#rows.take(row, touched);
    for (const key of delta.rowsGone) this.#rows.drop(key, touched);
    if (delta.sync) this.#takePosition(delta.sync);
    this.#revision = delta.revision;
    this.#show(touched);
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const seen = this.#position.visible;
    const seq = this.#seq;
    const loading = [...this.#opened].filter(([, opened]) => !opened.loaded).map(([name]) => name);
    const found = await this.store.read(async (tx) => {
      const [local, sync, rows, overlays] = await Promise.all([
        tx.meta("local"),
        tx.meta("sync"),
        tx.outbox(),
        tx.overlays(),
      ]);
      if (!sync) throw new Error("the local database has not been set up");
      const swapped = sync.visible !== seen;
      const names = swapped ? [...this.#opened.keys()] : loading;
      const whole = await Promise.all(
        names.map(async (name) => [name, await tx.recordsOf(sync.visible, name)] as const),
      );
      // of a collection that is being loaded, all is read anyway
      const newer = swapped || this.#opened.size === loading.length ? [] : await tx.recordsAbove(sync.visible, seq);
      return { revision: local?.revision ?? 0, sync, rows, overlays, whole, newer };
    });
    const touched = new Set<string>();
    for (const [name, records] of found.whole) this.#install(name, records, touched);
    for (const record of found.newer) this.#takeRecord(record, touched);
    this.#replaceOverlays(found.overlays, touched);
    this.#rows.replace(found.rows, touched);
    this.#takePosition(found.sync);
    this.#revision = found.revision;
    this.#show(touched);
  }

  #install(name: string, records: readonly BaseRecord[], touched: Set<string>): void {
    const opened = this.#opened.get(name);
    if (!opened) return;
    opened.install(records, touched);
    // what was never on the server is an overlay or an outbox row alone
    for (const key of [...this.#overlays.keys(), ...this.#rows.records(), ...this.#conflicts.records()])
      if (key.startsWith(`${name}/`)) touched.add(key);
  }

  #replaceOverlays(overlays: readonly Overlay[], touched: Set<string>): void {
    for (const key of this.#overlays.keys()) touched.add(key);
    this.#overlays = new Map(overlays.map((overlay) => [recordKey(overlay.collection, overlay.localId), overlay]));
    for (const key of this.#overlays.keys()) touched.add(key);
  }

  #takeRecord(record: BaseRecord, touched: Set<string>): void {
    const opened = this.#opened.get(record.collection);
    if (opened?.loaded) opened.take(record, touched);
  }

  #takePosition(sync: SyncRow): void {
    // while a fresh base is read, what people see stands still
    this.#seq = sync.visible === sync.base ? sync.cursor : Number.POSITIVE_INFINITY;
    this.#position = sync;
  }

  #lostSide(record: string): ConflictData | undefined {
    const conflict = this.#conflicts.lostBy(this.deviceId(), record);
    return conflict && this.#rows.choices(conflict.id).length === 0 ? conflict : undefined;
  }

  // A record is shown together with what its conflict says of it.
  #lookAtConflicts(touched: Set<string>): void {
    const { base, loaded } = this.#opened.get(conflicts.name)!;
    if (!loaded) return;
    for (const key of [...touched]) {
      if (!key.startsWith(`${conflicts.name}/`)) continue;
      const id = key.slice(conflicts.name.length + 1);
      const known = settledOf(base.get(id), this.#overlays.get(key));
      this.#conflicts.take(id, known?.data as ConflictData | undefined, touched);
    }
  }

  #show(touched: Set<string>): void {
    this.#lookAtConflicts(touched);
    for (const key of touched) {
      const slash = key.indexOf("/");
      const opened = this.#opened.get(key.slice(0, slash));
      if (!opened?.loaded) continue;
      const localId = key.slice(slash + 1);
      const record = visibleOf(
        opened.base.get(localId),
        this.#overlays.get(key),
        this.#rows.chain(key),
        this.deviceId(),
        this.#lostSide(key),
      );
      opened.show(localId, record);
    }
    if (this.#flushing) return;
    this.#flushing = true;
    // observers run after, and once for everything that came together
    void Promise.resolve().then(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    for (const opened of this.#opened.values()) opened.tell();
    const rows = this.#rows.all();
    const shown = this.#outbox.get();
    const isNews = rows !== shown && (rows.length !== shown.length || rows.some((row, i) => row !== shown[i]));
    if (isNews) this.#outbox.set(rows);
    this.#sync.set(this.#position);
  }
}
