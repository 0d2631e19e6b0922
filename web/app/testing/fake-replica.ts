/** A replica in memory for the preview: saves at once, and "the server" does what the preview tells it. Not part of the product. */
import { BehaviorSubject, combineLatest, map, type Observable } from "rxjs";
import type {
  CollectionStats,
  Identity,
  LinkStatus,
  OutboxEntry,
  PutOptions,
  Replica,
  ReplicaCollection,
  ReplicaRecord,
  SettleChoice,
  SyncState,
  SyncStats,
  WriteIntent,
} from "@tillwire/client/api";
import { checkData, type AnyCollection, type Collection } from "@tillwire/protocol/collection";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { ReplicationError } from "@tillwire/protocol/errors";
import { hashOf } from "@tillwire/protocol/hash";
import type { PresentDevice, RecordHistory } from "@tillwire/protocol/messages";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { FakeHistory } from "./fake-history.ts";

type AnyRecord = ReplicaRecord<Record<string, unknown>>;

export class FakeReplica implements Replica {
  readonly #records = new Map<string, BehaviorSubject<ReadonlyMap<string, AnyRecord>>>();
  readonly #counters = new Map<string, number>();
  #nextKey = 1;
  readonly syncState$ = new BehaviorSubject<SyncState>({ type: "Idle" });
  readonly link$ = new BehaviorSubject<LinkStatus>({
    state: "live",
    transport: "socket.io",
    since: 0,
    lastContactAt: 0,
    progress: null,
    paused: null,
    leader: true,
  });
  readonly outbox$ = new BehaviorSubject<readonly OutboxEntry[]>([]);
  readonly conflicts$ = new BehaviorSubject<readonly ReplicaRecord<ConflictData>[]>([]);
  readonly presence$ = new BehaviorSubject<readonly PresentDevice[]>([]);
  readonly copied$ = new BehaviorSubject(false);
  readonly digests$ = new BehaviorSubject({ digestsEqual: true, digestMismatches: 0 });
  readonly stats$: Observable<SyncStats>;
  readonly #history = new FakeHistory();

  constructor(
    readonly identity: Identity,
    private readonly now: () => number,
  ) {
    this.stats$ = combineLatest([this.outbox$, this.digests$]).pipe(
      map(([entries, digests]) => ({
        pending: entries.filter(({ state }) => state !== "rejected").length,
        failed: entries.filter(({ state }) => state === "rejected").length,
        synced: 0,
        collections: new Map<string, CollectionStats>(),
        lastSyncAt: this.now() - 42_000,
        oldestPendingAt: entries[0]?.createdAt ?? null,
        ...digests,
      })),
    );
  }

  collection<T extends object>(collection: Collection<T>): ReplicaCollection<T> {
    const subject = this.#subject(collection.name);
    const all = () => [...subject.value.values()] as unknown as ReplicaRecord<T>[];
    return {
      put: async (data, options) => this.#put(collection.name, data, options) as unknown as ReplicaRecord<T>,
      delete: async (localId) => this.remove(collection.name, localId, this.identity.deviceId, this.now()),
      get: async (localId) => all().find((record) => record.localId === localId),
      query: async () => all(),
      records$: subject.pipe(map(() => all())),
      deleted$: subject.pipe(map(() => this.#history.deleted(collection.name))),
      record$: (localId) =>
        subject.pipe(map((records) => records.get(localId) as unknown as ReplicaRecord<T> | undefined)),
    };
  }

  async batch(
    build: (numbers: { next(series: string): string }) => readonly WriteIntent[],
  ): Promise<ReplicaRecord<unknown>[]> {
    const next = (series: string) => {
      const count = (this.#counters.get(series) ?? 460) + 1;
      this.#counters.set(series, count);
      return `${this.identity.registerCode}-${String(count).padStart(6, "0")}`;
    };
    return build({ next }).map((intent) => {
      if (intent.op !== "put") throw new Error("the preview only puts");
      const name =
        typeof intent.collection === "string" ? intent.collection : (intent.collection as { name: string }).name;
      return this.#put(name, intent.data, intent);
    });
  }

  /** Records as they would come from the server, made by other devices: one frame. */
  receive(collection: string, changes: readonly { data: object; deviceId: string; updatedAt: number }[]): void {
    const subject = this.#subject(collection);
    const records = new Map(subject.value);
    for (const { data, deviceId, updatedAt } of changes)
      this.#store(records, collection, data, deviceId, updatedAt, "synced");
    subject.next(records);
  }

  /** A deletion by whatever device. */
  remove(collection: string, localId: string, deviceId: string, updatedAt: number): void {
    const subject = this.#subject(collection);
    this.#history.add({ collection, localId, data: null, hash: hashOf(null), deviceId, updatedAt });
    subject.next(new Map([...subject.value].filter(([id]) => id !== localId)));
  }

  /** A conflict as the server would tell of it. */
  openConflict(data: ConflictData): void {
    const others = this.conflicts$.value.filter(({ localId }) => localId !== data.id);
    const syncVersion = (this.conflicts$.value.find(({ localId }) => localId === data.id)?.syncVersion ?? 0) + 1;
    const record: ReplicaRecord<ConflictData> = {
      ...{ collection: "conflicts", localId: data.id, data, syncVersion, hash: "", readAt: { version: 1, hash: null } },
      ...{ createdBy: "server", deviceId: "server", updatedAt: this.now(), sync: "synced" },
    };
    this.conflicts$.next([...others, record]);
  }

  async settle(conflictId: string, choice: SettleChoice): Promise<string> {
    const conflict = this.conflicts$.value.find(({ localId }) => localId === conflictId)?.data;
    if (!conflict) throw new ReplicationError("NOT_FOUND", "no such conflict");
    const { collection, recordId, client, server } = conflict;
    const data = typeof choice === "object" ? choice.data : choice === "server" ? server.data : client.data;
    const localId = choice === "both" ? `${recordId}-2` : recordId;
    if (data === null) this.remove(collection, localId, this.identity.deviceId, this.now());
    else this.#put(collection, { ...(data as object), id: localId }, { resolves: conflictId });
    const settlement = { server: "SERVER", client: "CLIENT", both: "BOTH" } as const;
    const settle = () =>
      this.openConflict({
        ...conflict,
        status: "settled",
        settlement: typeof choice === "object" ? "MERGED" : settlement[choice],
        settledBy: this.identity.deviceId,
        settledAt: this.now(),
        ...(choice === "both" && { keptAs: localId }),
      });
    if (this.link$.value.state === "live") setTimeout(settle, 700);
    return localId;
  }

  async history(collection: string, localId: string, before?: number): Promise<RecordHistory> {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (this.link$.value.state === "offline") throw new ReplicationError("UNAVAILABLE", "offline");
    return this.#history.page(collection, localId, before);
  }

  /** The server refused a write. */
  reject(key: number, code: string, message: string): void {
    this.outbox$.next(
      this.outbox$.value.map((entry) =>
        entry.key === key ? { ...entry, state: "rejected", error: { code, message } } : entry,
      ),
    );
  }

  async syncNow() {
    await new Promise((resolve) => setTimeout(resolve, 600));
    if (this.link$.value.state === "offline") throw new TypeError("Failed to fetch");
    return { pending: 0, failed: 0, at: this.now() };
  }
  async discardRejected(key: number): Promise<void> {
    this.outbox$.next(this.outbox$.value.filter((entry) => entry.key !== key));
  }
  async retryRejected(key: number): Promise<void> {
    this.outbox$.next(this.outbox$.value.map((entry) => (entry.key === key ? { ...entry, state: "queued" } : entry)));
  }
  async exportOutbox(): Promise<string> {
    return JSON.stringify(this.outbox$.value);
  }
  async importOutbox(): Promise<never> {
    throw new Error("the fake takes no file");
  }
  async reauthenticate(): Promise<void> {
    this.link$.next({ ...this.link$.value, paused: null, state: "live" });
  }
  async close(): Promise<void> {}

  #put(name: string, data: object, options?: PutOptions): AnyRecord {
    checkData(SHOP_COLLECTIONS.get(name) as AnyCollection, data);
    const subject = this.#subject(name);
    const records = new Map(subject.value);
    const record = this.#store(records, name, data, this.identity.deviceId, this.now(), "saved");
    subject.next(records);
    const entry: OutboxEntry = {
      key: this.#nextKey++,
      collection: name,
      localId: record.localId,
      op: "put",
      syncVersion: record.syncVersion,
      createdAt: this.now(),
      state: "queued",
      data,
      ...(options?.resolves === undefined ? {} : { resolves: options.resolves }),
    };
    this.outbox$.next([...this.outbox$.value, entry]);
    if (this.link$.value.state === "live") setTimeout(() => this.#settle(name, record, entry), 700);
    return record;
  }
  #settle(name: string, record: AnyRecord, settled: OutboxEntry): void {
    this.outbox$.next(this.outbox$.value.filter((entry) => entry.key !== settled.key));
    const subject = this.#subject(name);
    subject.next(new Map(subject.value).set(record.localId, { ...record, sync: "synced" }));
  }
  #store(
    records: Map<string, AnyRecord>,
    collection: string,
    data: object,
    deviceId: string,
    updatedAt: number,
    sync: AnyRecord["sync"],
  ): AnyRecord {
    const localId = (data as { id: string }).id;
    const before = records.get(localId);
    const syncVersion = (before?.syncVersion ?? 0) + 1;
    const hash = hashOf(data);
    const readAt = { version: syncVersion, hash };
    const createdBy = before?.createdBy ?? deviceId;
    const known = data as Record<string, unknown>;
    const record: AnyRecord = {
      collection,
      localId,
      data: known,
      syncVersion,
      hash,
      readAt,
      createdBy,
      deviceId,
      updatedAt,
      sync,
    };
    records.set(localId, record);
    this.#history.add(record);
    return record;
  }
  #subject(name: string): BehaviorSubject<ReadonlyMap<string, AnyRecord>> {
    const known = this.#records.get(name);
    if (known) return known;
    const subject = new BehaviorSubject<ReadonlyMap<string, AnyRecord>>(new Map());
    this.#records.set(name, subject);
    return subject;
  }
}
