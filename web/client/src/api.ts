/** What an application sees of a replica: the public types of @tillwire/client. */
import type { Collection, CollectionSet, SomeCollection } from "@tillwire/protocol/collection";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Base, PresentDevice, RecordHistory } from "@tillwire/protocol/messages";
import type { Observable } from "./observe.ts";

/** Who this device is: the answer of `POST /api/enrol`. */
export interface Identity {
  readonly token: string;
  readonly deviceId: string;
  readonly storeId: string;
  /** Prefix of the numbers that this register gives. */
  readonly registerCode: string;
  readonly role: "register" | "display" | "script";
  readonly name: string;
  readonly storeName: string;
}

/** Where one record stands between this device and the server. */
export type RecordSync =
  /** Saved on this device, waiting in the outbox. */
  | "saved"
  /** Sent, result not here yet. */
  | "sending"
  /** On the server, and part of its feed. */
  | "synced"
  /** Rejected by the server, or in an open conflict: kept here until a person deals with it. */
  | "attention";

/** A record as the device sees it: the server's value overlaid by the device's own unsettled writes. */
export interface ReplicaRecord<T> {
  readonly collection: string;
  readonly localId: string;
  readonly data: T;
  readonly syncVersion: number;
  readonly hash: string;
  /** Hand it back to `put` as `readAt`: the write is then made on exactly this value. */
  readonly readAt: Base;
  readonly createdBy: string;
  /** Device of the latest version. */
  readonly deviceId: string;
  /** Server time of the latest version; device time while it waits here. Epoch ms. */
  readonly updatedAt: number;
  readonly sync: RecordSync;
  /** Place in the feed of the version that is shown; absent while an own one waits here. */
  readonly seq?: number;
  /**
   * localId of the open conflict in which this device's own edit waits for a person. `data` is that edit then (of a lost deletion: the
   * server's value), while other devices see the server's.
   */
  readonly conflict?: string;
  /** Beneath an own edit that waits in a conflict: the server's value, which other devices see; data null: deleted. */
  readonly server?: Pick<ReplicaRecord<T | null>, "data" | "hash" | "readAt" | "deviceId" | "updatedAt">;
  /** Why `sync` is "attention", if a write was rejected. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface PutOptions {
  /** Default: `data.id` when it is a text, else a new UUID v7. */
  readonly localId?: string;
  /** The value's position when the person read it (a form opened earlier). Default: the current one. */
  readonly readAt?: Base;
  /** Conflict that this write settles. */
  readonly resolves?: string;
}

/**
 * What shall become of an open conflict: the server's value stays; the losing write's side is taken; both stay, the losing side as a new
 * record; or a value made of both, null for a deletion.
 */
export type SettleChoice = "server" | "client" | "both" | { readonly data: object | null };

export interface SettleOptions {
  /** The record's position when the person looked at it. Default: the current one. */
  readonly readAt?: Base;
}

export interface Query<T> {
  readonly where?: (data: T, record: ReplicaRecord<T>) => boolean;
  readonly orderBy?: (a: ReplicaRecord<T>, b: ReplicaRecord<T>) => number;
  readonly limit?: number;
}

export interface ReplicaCollection<T extends object> {
  /**
   * Saves on this device in one strict tx (record, outbox row) and resolves when it is durable.
   * @throws WriteRejection with the code that the server would give (SCHEMA, ROLE, GUARD, ...); nothing is saved then
   */
  put(data: T, options?: PutOptions): Promise<ReplicaRecord<T>>;
  delete(localId: string, options?: Pick<PutOptions, "readAt" | "resolves">): Promise<void>;
  get(localId: string): Promise<ReplicaRecord<T> | undefined>;
  query(query?: Query<T>): Promise<ReplicaRecord<T>[]>;
  /** The live records, in no particular order, tombstones left out: emitted at once and after every change. */
  readonly records$: Observable<readonly ReplicaRecord<T>[]>;
  record$(localId: string): Observable<ReplicaRecord<T> | undefined>;
  /** What was deleted, in no particular order: what it held is in its history. Emitted at once and after every change. */
  readonly deleted$: Observable<readonly DeletedRecord[]>;
}

/** A record that no longer exists; its versions are kept by the server. */
export interface DeletedRecord {
  readonly localId: string;
  /** Device that deleted it. */
  readonly deviceId: string;
  /** Server time of the deletion. Epoch ms. */
  readonly deletedAt: number;
}

/** One write of an atomic batch. */
export type WriteIntent =
  | ({ readonly op: "put"; readonly collection: SomeCollection | string; readonly data: object } & PutOptions)
  | {
      readonly op: "delete";
      readonly collection: SomeCollection | string;
      readonly localId: string;
      readonly readAt?: Base;
      readonly resolves?: string;
    };

/** Numbers for receipts and references: the register's prefix and a counter, durable with the batch that uses them. */
export interface NumberSource {
  /** `next("order")` gives for example `K7-000123`; each call the next one of that series. */
  next(series: string): string;
}

export type LinkName = "offline" | "connecting" | "catching up" | "live" | "polling";
export interface LinkStatus {
  readonly state: LinkName;
  readonly transport: "socket.io" | "websocket" | "http" | null;
  /** Epoch ms at which this state began. */
  readonly since: number;
  /** Last word from the server, epoch ms; null: never. */
  readonly lastContactAt: number | null;
  /** While catching up: how far. */
  readonly progress: { readonly cursor: number; readonly head: number } | null;
  /** Sync is paused until somebody acts: enrol again (`reauthenticate`) or load a new version (`upgrade`). */
  readonly paused: "reauthenticate" | "upgrade" | null;
  /** This tab leads the sync (another one may). */
  readonly leader: boolean;
}

/** The seed's sync states. */
export type SyncState =
  | { readonly type: "Idle" }
  | { readonly type: "Syncing"; readonly pending: number }
  | { readonly type: "Success"; readonly at: number }
  | { readonly type: "Error"; readonly code: string; readonly message: string; readonly retryAt: number | null };

export interface CollectionStats {
  readonly pending: number;
  readonly synced: number;
  readonly failed: number;
}
export interface SyncStats {
  readonly pending: number;
  readonly synced: number;
  readonly failed: number;
  readonly collections: ReadonlyMap<string, CollectionStats>;
  readonly lastSyncAt: number | null;
  readonly oldestPendingAt: number | null;
  /** Whether the last comparison at the head found this replica equal to the server; null: none yet. */
  readonly digestsEqual: boolean | null;
  /** How often such a comparison failed since this replica was set up. */
  readonly digestMismatches: number;
}

/** One write that waits, or needs attention. */
export interface OutboxEntry {
  readonly key: number;
  readonly collection: string;
  readonly localId: string;
  readonly op: "put" | "delete";
  readonly syncVersion: number;
  readonly createdAt: number;
  readonly state: "queued" | "sent" | "rejected";
  readonly error?: { readonly code: string; readonly message: string };
  /** Conflict that it settles. */
  readonly resolves?: string;
  readonly data: unknown;
}

export interface SyncReport {
  readonly pending: number;
  readonly failed: number;
  readonly at: number;
}

export interface RefusedImport {
  readonly collection: string;
  readonly localId: string;
  /** As `put` would give it. */
  readonly code: string;
  readonly message: string;
}
export interface ImportReport {
  /** Writes that wait in this device's outbox now. */
  readonly imported: number;
  /** Writes whose value stands here already. */
  readonly known: number;
  /** What this device can't take: it stays in the file alone. */
  readonly refused: readonly RefusedImport[];
}

export interface Replica {
  readonly identity: Identity;
  collection<T extends object>(collection: Collection<T>): ReplicaCollection<T>;
  /**
   * Several writes, and the numbers they bear, in one strict tx: all saved or none.
   * @param build pure; called again if another tab took the numbers meanwhile
   */
  batch(build: (numbers: NumberSource) => readonly WriteIntent[]): Promise<ReplicaRecord<unknown>[]>;
  readonly syncState$: Observable<SyncState>;
  readonly link$: Observable<LinkStatus>;
  readonly stats$: Observable<SyncStats>;
  readonly outbox$: Observable<readonly OutboxEntry[]>;
  readonly conflicts$: Observable<readonly ReplicaRecord<ConflictData>[]>;
  readonly presence$: Observable<readonly PresentDevice[]>;
  /** Emits whenever the server saw this device's identity on another machine too. */
  readonly copied$: Observable<boolean>;
  /**
   * Settles a conflict by a write that names it. It is saved first and travels like any other: somebody may have been faster, or the record may
   * have gone on; the conflict then says so, and nothing is overwritten.
   * @returns localId of the record that the settling write is about: a new one for "both"
   * @throws WriteRejection as `put`; ReplicationError NOT_FOUND where this replica has no such conflict
   */
  settle(conflictId: string, choice: SettleChoice, options?: SettleOptions): Promise<string>;
  /**
   * Versions of a record, latest first, from the server: what was superseded is not replicated.
   * @param before syncVersion; only older ones
   * @throws ReplicationError UNAVAILABLE when offline, NOT_FOUND, and what the server says
   */
  history(collection: string, localId: string, before?: number): Promise<RecordHistory>;
  /** Pushes and pulls now; resolves when the outbox has been offered once and the head was reached, rejects with the reason otherwise. */
  syncNow(): Promise<SyncReport>;
  /** Gives a rejected write up for good; the record shows the server's value again. */
  discardRejected(key: number): Promise<void>;
  /** Offers a rejected write again. */
  retryRejected(key: number): Promise<void>;
  /** Everything unsent, as JSON text for a file. */
  exportOutbox(): Promise<string>;
  /**
   * Takes the unsent writes of a device that can't send them itself any more, from the text that `exportOutbox` gave there, as writes of this
   * one. May be repeated: what stands here already is passed over.
   * @throws ReplicationError UNPROCESSABLE when it is no such text, FORBIDDEN when it is another store's
   */
  importOutbox(text: string): Promise<ImportReport>;
  /** Continues with a new token after `paused: "reauthenticate"`; the outbox stays as it is. Same store only. */
  reauthenticate(identity: Identity): Promise<void>;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  /** Origin of the server, for example `https://shop.example`. */
  readonly url: string;
  readonly identity: Identity;
  readonly collections: CollectionSet;
  /** Names of the collections to replicate; absent: all. */
  readonly subscribe?: readonly string[];
  /** Links in order of preference; HTTP polling is the fallback behind them. Default: socket.io. */
  readonly live?: readonly ("socket.io" | "websocket")[];
  /** SYNC_INTERVAL_SECONDS, in ms: how often HTTP batches run when no live link can be had. Default 30,000. */
  readonly syncIntervalMs?: number;
  readonly presence?: boolean;
  readonly app?: { readonly name: string; readonly version: string };
  /**
   * By name of the collection: which records are held in memory and shown; absent: all. The others stay in the local database alone: for a
   * device that runs for weeks on what matters today.
   */
  readonly inSight?: Readonly<Record<string, InSight>>;
}
/**
 * Of the records in memory that are on the server, those that stay: asked after every change of the collection, and never for what waits here,
 * which is always in sight. What changes later is in memory again.
 */
export type InSight = (records: readonly ReplicaRecord<unknown>[]) => readonly ReplicaRecord<unknown>[];
