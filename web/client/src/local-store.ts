/**
 * The device's own database, one per store: what a tx can do. indexed-db.ts keeps it, memory-store.ts is its twin for tests, for the
 * simulator and for hosts without IndexedDB. Rows are never changed in place.
 *
 * Base records lie in generations: after a reset a fresh one is filled beside the one that people see, and a pointer swaps them.
 */
import type { Base, Change } from "@tillwire/protocol/messages";
import type { OutboxRow } from "./outbox.ts";

/** A value that this device wrote, as it was taken: the positions that it was made on, one after another, oldest first. */
interface OwnValue {
  readonly madeOn?: readonly Base[];
}

export interface BaseRecord extends Change, OwnValue {
  readonly generation: number;
}

export type RecordId = Pick<Change, "collection" | "localId">;

/** A settled write whose value the feed has not brought yet; seq as in the result. */
export interface Overlay extends Change, OwnValue {
  /** Epoch that the seq belongs to. */
  readonly epoch: string;
}

export interface CollectionSum {
  /** Tombstones included, as in the server's digest. */
  readonly count: number;
  readonly live: number;
  /** 16 hex digits. */
  readonly digest: string;
}

/** Which of what lies aside is offered again once a fresh base is complete. */
export type ReofferRule = "always" | "epoch changed" | "never";

/** Where this replica stands in the feed. Moves in the tx that moves the records. */
export interface SyncRow {
  /** Generation that people see; other than `base` only while a fresh base is being read. */
  readonly visible: number;
  /** Generation that frames fill. */
  readonly base: number;
  readonly nextGeneration: number;
  /** What `visible` was, while it lies aside. */
  readonly aside: { readonly epoch: string | null; readonly reoffer: ReofferRule } | null;
  /** Null until the server named it. */
  readonly epoch: string | null;
  readonly choice: string;
  readonly cursor: number;
  /** Highest head that a frame told of. */
  readonly head: number;
  /** As the last frame gave it; null: read from the beginning. */
  readonly syncToken: string | null;
  readonly sums: ReadonlyMap<string, CollectionSum>;
  readonly digestsEqual: boolean | null;
  /** How often a comparison at the head failed. */
  readonly digestMismatches: number;
  /** When a mismatch was last healed; device clock, epoch ms. */
  readonly healedAt: number | null;
  readonly lastSyncAt: number | null;
  /** What the last welcome gave this database, and the device that it was given to. */
  readonly mark?: { readonly deviceId: string; readonly value: string };
  /** Ids of the devices that this database was, by enrolment; the latest last. */
  readonly devices?: readonly string[];
  /** The server saw this device's identity on another machine too. */
  readonly copied?: boolean;
}

export interface LocalRow {
  /** Counts the txs that changed what people see: the chain by which every tab follows. */
  readonly revision: number;
  readonly nextKey: number;
  /** Lowest key given to a re-offer. */
  readonly frontKey: number;
}

/** Who leads the sync. */
export interface LeaseRow {
  readonly holder: string;
  /** Rises with every change of the holder; the sync loop's txs check it. */
  readonly fence: number;
  /** Device clock, epoch ms. */
  readonly expiresAt: number;
}

export interface MetaRows {
  sync: SyncRow;
  local: LocalRow;
  lease: LeaseRow;
}

export interface ReadTx {
  meta<K extends keyof MetaRows>(name: K): Promise<MetaRows[K] | undefined>;
  counter(series: string): Promise<number | undefined>;
  record(generation: number, collection: string, localId: string): Promise<BaseRecord | undefined>;
  /** Many at once, in the order in which they were asked for. */
  recordsAt(generation: number, ids: readonly RecordId[]): Promise<(BaseRecord | undefined)[]>;
  recordsOf(generation: number, collection: string): Promise<BaseRecord[]>;
  /** By seq, those above it, the first ones or all; the whole generation from -1. */
  recordsAbove(generation: number, seq: number, limit?: number): Promise<BaseRecord[]>;
  overlay(collection: string, localId: string): Promise<Overlay | undefined>;
  overlays(): Promise<Overlay[]>;
  /** In the order of their keys; the first ones, or all. */
  outbox(limit?: number): Promise<OutboxRow[]>;
  outboxOf(collection: string, localId: string): Promise<OutboxRow[]>;
  outboxRow(key: number): Promise<OutboxRow | undefined>;
}

/** Writes are visible to later reads of the tx; that they failed shows when the tx does. */
export interface WriteTx extends ReadTx {
  setMeta<K extends keyof MetaRows>(name: K, row: MetaRows[K]): void;
  setCounter(series: string, value: number): void;
  putRecord(record: BaseRecord): void;
  deleteGeneration(generation: number): void;
  putOverlay(overlay: Overlay): void;
  deleteOverlay(collection: string, localId: string): void;
  putOutbox(row: OutboxRow): void;
  deleteOutbox(key: number): void;
}

/** `strict`: on the disk when the promise resolves. */
export type Durability = "strict" | "relaxed";

export interface LocalStore {
  read<R>(run: (tx: ReadTx) => Promise<R>): Promise<R>;
  /**
   * All of it or, when `run` throws, nothing; one after another.
   * @param run awaits nothing but the tx's own promises: anything else ends an IndexedDB tx
   */
  write<R>(durability: Durability, run: (tx: WriteTx) => Promise<R>): Promise<R>;
  close(): void;
}
