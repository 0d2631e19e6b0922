/** The public door: composes store, view, tab and observables into a Replica. */
import type { Collection } from "@tillwire/protocol/collection";
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import { ReplicationError } from "@tillwire/protocol/errors";
import { choiceOf } from "@tillwire/protocol/sync-token";
import type {
  Identity,
  Query,
  Replica,
  ReplicaCollection,
  ReplicaOptions,
  ReplicaRecord,
  WriteIntent,
  NumberSource,
  SettleChoice,
  SettleOptions,
} from "./api.ts";
import { browserEnvironment } from "./browser.ts";
import { commit, NEW_LOCAL, type Committed } from "./commit.ts";
import type { Environment } from "./environment.ts";
import { beginFreshBase, newSync } from "./fresh-base.ts";
import { fetchHistory } from "./history.ts";
import type { LocalStore, SyncRow } from "./local-store.ts";
import { observe, observeLoaded } from "./observe.ts";
import { asDevice, ownDevices } from "./own-devices.ts";
import { ROW_TRANSITIONS, type OutboxRow, type RowEvent } from "./outbox.ts";
import { save } from "./save.ts";
import { choiceToWrite, readStanding } from "./settle-conflict.ts";
import { derived, part, type Signal } from "./signal.ts";
import { entryOf, statsOf } from "./stats.ts";
import { Tab } from "./tab.ts";
import { View } from "./view.ts";

/** Name of the local database, of the tabs' channel and of their lock. */
export function localName(storeId: string): string {
  return `tillwire:${storeId}`;
}

/**
 * Opens this device's replica of its store; sync begins by itself.
 * @throws what opening the local database throws
 */
export async function createReplica(
  options: ReplicaOptions,
  env: Environment = browserEnvironment(),
): Promise<Replica> {
  const name = localName(options.identity.storeId);
  const store = await env.openStore(name);
  const sync = await setUp(store, choiceOf(options.subscribe), options.identity.deviceId);
  return new OpenReplica(options, env, name, store, sync);
}

/** First start, or another choice of collections: then the feed is read from the beginning beside what is here. */
async function setUp(store: LocalStore, choice: string, deviceId: string): Promise<SyncRow> {
  const { result } = await commit(store, "strict", async (tx) => {
    const [kept, local] = await Promise.all([tx.meta("sync"), tx.meta("local")]);
    const sentAs = (kept && ownDevices(kept).at(-1)) ?? deviceId;
    if (!local) tx.setMeta("local", NEW_LOCAL);
    for (const row of await tx.outbox())
      if (row.state === "queued" && !row.mayBeKnown) tx.putOutbox({ sentAs, ...row, mayBeKnown: true });
    const sync = asDevice(kept ?? newSync(choice), deviceId);
    if (sync.choice !== choice) return beginFreshBase(tx, { ...sync, choice }, null, "epoch changed");
    if (sync !== kept) tx.setMeta("sync", sync);
    return sync;
  });
  return result;
}

class OpenReplica implements Replica {
  #identity: Identity;
  readonly #view: View;
  readonly #tab: Tab;
  readonly #counters = new Map<string, number>();
  readonly syncState$: Replica["syncState$"];
  readonly link$: Replica["link$"];
  readonly stats$: Replica["stats$"];
  readonly outbox$: Replica["outbox$"];
  readonly conflicts$: Replica["conflicts$"];
  readonly presence$: Replica["presence$"];
  readonly copied$: Replica["copied$"];

  constructor(
    private readonly options: ReplicaOptions,
    private readonly env: Environment,
    name: string,
    private readonly store: LocalStore,
    sync: SyncRow,
  ) {
    this.#identity = options.identity;
    const view = new View(store, () => this.#identity.deviceId, sync, options.inSight);
    this.#view = view;
    // a read that fails is made again by whoever looks
    view.open(conflicts.name).catch(() => undefined);
    const open = (): number => (view.isOpen(conflicts.name) ? countOpen(view.records(conflicts.name).get()) : 0);
    const identity = () => this.#identity;
    const setIdentity = (next: Identity) => this.#setIdentity(next);
    this.#tab = new Tab({ env, options, store, view, name, identity, setIdentity, openConflicts: open });
    const { status } = this.#tab;
    const names = options.subscribe ?? [...options.collections.keys()];
    this.syncState$ = observe(part(status, () => status.get().syncState));
    this.link$ = observe(part(status, () => status.get().link));
    this.presence$ = observe(part(status, () => status.get().presence));
    this.copied$ = this.#observeOpen(part(view.sync, () => view.sync.get().copied ?? false));
    this.stats$ = this.#observeOpen(
      derived([view.sync, view.outbox, status], () =>
        statsOf(names, view.sync.get(), view.outbox.get(), status.get().syncState),
      ),
    );
    this.outbox$ = this.#observeOpen(derived([view.outbox], () => view.outbox.get().map(entryOf)));
    this.conflicts$ = observeLoaded(async () => {
      await view.open(conflicts.name);
      return view.records(conflicts.name) as Signal<readonly ReplicaRecord<ConflictData>[]>;
    });
  }

  get identity(): Identity {
    return this.#identity;
  }

  collection<T extends object>(collection: Collection<T>): ReplicaCollection<T> {
    const { name } = collection;
    if (!this.options.collections.has(name)) throw new Error(`the replica was created without the collection ${name}`);
    const view = this.#view;
    return {
      put: async (data, options = {}) => {
        const [saved] = await this.#save(() => [{ ...options, op: "put", collection: name, data }]);
        return saved as ReplicaRecord<T>;
      },
      delete: async (localId, options = {}) => {
        await this.#save(() => [{ ...options, op: "delete", collection: name, localId }]);
      },
      get: async (localId) => {
        await view.open(name);
        return view.record(name, localId) as ReplicaRecord<T> | undefined;
      },
      query: async (query = {}) => {
        await view.open(name);
        return select(view.all(name) as Iterable<ReplicaRecord<T>>, query);
      },
      records$: observeLoaded(async () => {
        await view.open(name);
        return view.records(name) as Signal<readonly ReplicaRecord<T>[]>;
      }),
      record$: (localId) =>
        observeLoaded(async () => {
          await view.open(name);
          return part(view.records(name), () => view.record(name, localId) as ReplicaRecord<T> | undefined);
        }),
      deleted$: observeLoaded(async () => {
        await view.open(name);
        return derived([view.records(name)], () => view.deleted(name));
      }),
    };
  }

  async batch(build: (numbers: NumberSource) => readonly WriteIntent[]): Promise<ReplicaRecord<unknown>[]> {
    const saved = await this.#save(build);
    return saved.filter((record) => record !== undefined);
  }

  async #save(
    build: (numbers: NumberSource) => readonly WriteIntent[],
  ): Promise<(ReplicaRecord<unknown> | undefined)[]> {
    const { store, env, options, identity } = this;
    const { collections, subscribe } = options;
    const host = {
      ...{ store, identity, collections, view: this.#view, subscribed: subscribe ? new Set(subscribe) : null },
      now: () => env.now(),
      newId: () => env.newId(),
      express: () => this.#tab.express(),
      counters: this.#counters,
    };
    return this.#tab.saved(await save(host, build));
  }

  async settle(conflictId: string, choice: SettleChoice, options: SettleOptions = {}): Promise<string> {
    const view = this.#view;
    await view.open(conflicts.name);
    const conflict = view.record(conflicts.name, conflictId)?.data as ConflictData | undefined;
    if (!conflict) throw new ReplicationError("NOT_FOUND", "this replica has no such conflict");
    const isReplicated = this.options.subscribe?.includes(conflict.collection) ?? true;
    const standing = await readStanding(this.store, conflict, isReplicated);
    const write = choiceToWrite(conflict, choice, standing, options.readAt, () => this.env.newId());
    await this.#save(() => [write]);
    return write.localId;
  }

  async history(...[collection, localId, before]: Parameters<Replica["history"]>): ReturnType<Replica["history"]> {
    const { token } = this.#identity;
    return fetchHistory(this.env, { url: this.options.url, token }, { collection, localId }, before);
  }

  syncNow(): ReturnType<Replica["syncNow"]> {
    return this.#tab.syncNow();
  }

  async discardRejected(key: number): Promise<void> {
    await this.#settleByHand(key, "discarded");
  }

  async retryRejected(key: number): Promise<void> {
    await this.#settleByHand(key, "retried");
  }

  async #settleByHand(key: number, event: RowEvent): Promise<void> {
    const committed = await commit(this.store, "strict", async (tx) => {
      const row = await tx.outboxRow(key);
      if (!row) return;
      const state = ROW_TRANSITIONS[row.state][event];
      if (state === row.state)
        throw new ReplicationError("UNPROCESSABLE", "only a rejected write is retried or discarded by hand");
      if (state === "gone") return tx.deleteOutbox(key);
      const { error: _, ...rest } = row;
      tx.putOutbox({ ...rest, state });
    });
    await this.#tab.wrote(committed);
  }

  async exportOutbox(): Promise<string> {
    const rows: OutboxRow[] = await this.store.read((tx) => tx.outbox());
    const { storeId, deviceId } = this.#identity;
    return JSON.stringify(
      { format: "tillwire-outbox", version: 1, storeId, deviceId, exportedAt: this.env.now(), rows },
      null,
      1,
    );
  }

  async importOutbox(text: string): ReturnType<Replica["importOutbox"]> {
    // rarely needed: loaded when it is
    const { importOutbox } = await import("./import-outbox.ts");
    const { store, identity, options, env } = this;
    const now = () => env.now();
    const wrote = (committed: Committed<unknown>) => this.#tab.wrote(committed);
    return importOutbox({ store, identity, collections: options.collections, now, wrote }, text);
  }

  async reauthenticate(identity: Identity): Promise<void> {
    if (identity.storeId !== this.#identity.storeId)
      throw new ReplicationError("FORBIDDEN", "this replica belongs to another store");
    this.#setIdentity(identity);
    this.#tab.reauthenticated(identity);
  }

  #setIdentity(identity: Identity): void {
    this.#identity = identity;
    this.#view.identityChanged();
  }

  async close(): Promise<void> {
    await this.#tab.close();
    this.store.close();
  }

  #observeOpen<T>(source: Signal<T>): ReturnType<typeof observeLoaded<T>> {
    return observeLoaded(async () => {
      await this.#view.open(conflicts.name);
      return source;
    });
  }
}

function countOpen(records: readonly ReplicaRecord<unknown>[]): number {
  return records.filter((record) => (record.data as ConflictData).status === "open").length;
}

function select<T>(records: Iterable<ReplicaRecord<T>>, { where, orderBy, limit }: Query<T>): ReplicaRecord<T>[] {
  const found: ReplicaRecord<T>[] = [];
  for (const record of records) {
    if (!orderBy && limit !== undefined && found.length >= limit) break;
    if (!where || where(record.data, record)) found.push(record);
  }
  if (orderBy) found.sort(orderBy);
  return limit === undefined ? found : found.slice(0, limit);
}
