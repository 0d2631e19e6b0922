/**
 * What accept, the feed and the sessions need of a database. PostgreSQL is the real one (postgres-store.ts); a twin in memory may
 * stand in where time is virtual. Data travels as JSON text wherever nobody looks into it.
 */
import type { ConflictKind, ConflictPolicy, FieldDifference } from "@tillwire/protocol/messages";

/** (version, hash) of a record's value; version 0 with hash null: there is none. */
export interface Position {
  readonly version: number;
  readonly hash: string | null;
}

/** A write as sent, the key under which a decision is remembered. */
export interface AsSent {
  readonly collection: string;
  readonly localId: string;
  /** `""` for a re-offer: whichever device offers it, it is one write. */
  readonly deviceId: string;
  readonly syncVersion: number;
  readonly hash: string;
  /** `version:hash`, or `?` where it was not known; then `|` and the conflict that the write settles, if it names one. */
  readonly base: string;
}

export interface ConflictSummary {
  readonly id: string;
  readonly kind: ConflictKind;
  readonly policy: ConflictPolicy;
  readonly fields: readonly FieldDifference[];
}

/** Metadata of one version of a record. */
export interface StoredVersion {
  readonly seq: number;
  readonly syncVersion: number;
  readonly hash: string;
  /** Set where the stored value differs from what was sent. */
  readonly sentVersion: number | null;
  readonly sentHash: string | null;
  /** What the write was made on; null: not known. */
  readonly base: Position | null;
  readonly uniqueKey: string | null;
  readonly createdBy: string;
  readonly deviceId: string;
  readonly deleted: boolean;
  readonly reoffered: boolean;
  /** Epoch ms. */
  readonly updatedAt: number;
}

export interface StoredRecord extends StoredVersion {
  /** null for a tombstone */
  readonly data: Record<string, unknown> | null;
}

/** A record to store, with what it must still be when the store's lock is held. */
export interface PlannedRow {
  readonly collection: string;
  readonly localId: string;
  readonly expect: Position;
  readonly syncVersion: number;
  readonly hash: string;
  readonly sentVersion: number | null;
  readonly sentHash: string | null;
  readonly base: Position | null;
  readonly uniqueKey: string | null;
  readonly createdBy: string;
  readonly deviceId: string;
  readonly deleted: boolean;
  readonly reoffered: boolean;
  /** JSON text; null for a tombstone. */
  readonly dataJson: string | null;
  /** Epoch ms, for re-offers: taken unless it lies ahead; null: the commit's time. */
  readonly updatedAt: number | null;
}

/** The time that a row bears once stored. @param at the commit's */
export function storedAt({ updatedAt }: Pick<PlannedRow, "updatedAt">, at: number): number {
  return Math.min(updatedAt ?? at, at);
}

/** What one write does: all of it or, if anything no longer holds, nothing. */
export interface PlannedWrite {
  /** The device whose link brought it; must not be revoked. */
  readonly sender: string;
  readonly asSent: AsSent;
  /** Kept in decided_writes; null: the stored row itself is the memory. */
  readonly remember: {
    readonly outcome: "duplicate" | "merged" | "conflict";
    readonly conflict: ConflictSummary | null;
    readonly dataJson: string | null;
  } | null;
  readonly rows: readonly PlannedRow[];
  /** The shop's policies by which this was decided, as `RecordContext.policyVersion` told; null: no policy mattered. */
  readonly policyVersion: number | null;
}

export type RefusalReason =
  /** A record is no longer what the plan expects. */
  | "stale"
  /** The number belongs to another record. */
  | "number"
  /** This very write was decided meanwhile. */
  | "decided"
  /** The shop's policies have been changed. */
  | "policy"
  /** The sender was revoked. */
  | "revoked";

export interface CommitResult {
  readonly epoch: string;
  /** Of the change at headBefore. */
  readonly stampBefore: Stamp;
  /** False: another epoch has begun, and nothing was done. */
  readonly sameEpoch: boolean;
  readonly headBefore: number;
  /** Rows of writes that were not refused bear headBefore + 1 ... headAfter, in order. */
  readonly headAfter: number;
  /** Server time of the commit, epoch ms; never falls. */
  readonly at: number;
  /** By index into the planned writes. */
  readonly refused: ReadonlyMap<number, RefusalReason>;
  /** Of all the store's collections, after the commit. */
  readonly digests: DigestMap;
}

export type DigestMap = ReadonlyMap<string, { readonly count: number; readonly digest: string }>;

/** What decide must know about a record, read in one statement. */
export interface RecordContext {
  readonly current: StoredRecord | null;
  /** Superseded versions, latest first: from the write's own syncVersion or, if lower, the version that its `namedHash` names, upwards. */
  readonly history: readonly StoredVersion[];
  /** Data of the latest version that was not a tombstone; for tombstones only. */
  readonly lastData: Record<string, unknown> | null;
  /** Data of the version that the write names as its base, as stored or as sent, if history has it. */
  readonly baseData: Record<string, unknown> | null;
  /** How this very write, as sent, was decided before and not stored as sent. */
  readonly decided: { readonly outcome: string; readonly conflict: ConflictSummary | null } | null;
  /** The open conflict of this record in which the write's device waits with its own side: the conflict's record, or null. */
  readonly openConflict: StoredRecord | null;
  /** The conflict that the write names in `resolves`, settled or not; null: it names none, or none that is known. */
  readonly resolves: StoredRecord | null;
  /** Whether another record bears the number that this write claims, and the lowest n, from 2, whose amended form `number-n` is free. */
  readonly number: { readonly taken: boolean; readonly nextAmendment: number };
  /** null: not known. */
  readonly epoch: string | null;
  readonly epochSeq: number;
  /** Whether this epoch began with a restore whose losses devices shall offer. */
  readonly epochReoffer: boolean;
  /** The policy that the shop has set for the collection; null: as declared. */
  readonly policy: ConflictPolicy | null;
  /** Counts the changes of the shop's policies. */
  readonly policyVersion: number;
}

/** Of a record that the store does not know: new records are decided on it unread. Should it be known, the commit says "stale". */
export const UNKNOWN_RECORD: RecordContext = {
  current: null,
  history: [],
  lastData: null,
  baseData: null,
  decided: null,
  openConflict: null,
  resolves: null,
  number: { taken: false, nextAmendment: 2 },
  epoch: null,
  epochSeq: 0,
  epochReoffer: false,
  policy: null,
  policyVersion: 0,
};

export interface ContextQuery {
  readonly asSent: AsSent;
  readonly base: Position | null;
  /** At the seed's door: names the latest version with this hash. */
  readonly namedHash: string | null;
  /** The number that the write claims. */
  readonly number: string | null;
  /** localId of the conflict that the write settles. */
  readonly resolves: string | null;
  /** The uniqueKey that an open conflict of this record and of the write's author bears. */
  readonly openConflictKey: string;
}

/**
 * What no other commit has, kept with each change that it made: who has read a seq under another stamp has read another history.
 * Null: seq 0, and changes from before there were stamps.
 */
export type Stamp = string | null;

/** One change, encoded once: the JSON text that every device gets. */
export interface EncodedChange {
  readonly seq: number;
  readonly collection: string;
  readonly stamp: Stamp;
  readonly json: string;
}

export interface FeedPage {
  readonly epoch: string;
  readonly from: number;
  /** Of the change at `from`, as this history has it. */
  readonly fromStamp: Stamp;
  /** Seq up to which the feed was read; equals head on the last page. */
  readonly to: number;
  /** Of the change at `to`. */
  readonly stamp: Stamp;
  readonly head: number;
  readonly changes: readonly EncodedChange[];
  /** All the store's collections; from the same snapshot as head. */
  readonly digests: DigestMap;
}

export interface FeedQuery {
  readonly storeId: string;
  /** Exclusive. */
  readonly from: number;
  /** null: all. */
  readonly collections: readonly string[] | null;
  readonly maxChanges: number;
  readonly maxBytes: number;
}

export interface StoreHead {
  readonly storeId: string;
  readonly head: number;
  readonly epoch: string;
  /** Of the change at the head. */
  readonly stamp: Stamp;
}

/** What a history has at a seq, and where it stands. */
export interface Place extends StoreHead {
  /** Of the change that had the seq, superseded or not; null also where there was none. */
  readonly stampAt: Stamp;
}

/** Why an epoch begins. */
export type EpochReason = "ADMINISTRATOR" | "CURSOR_AHEAD" | "DATABASE_RESTORED";

export interface ReplicationStore {
  /**
   * One statement, one tx.
   * @param stamp this commit's own; absent: its changes bear none
   * @throws StoreDataError when the database refuses the data of some write, StoreUnavailable for anything that may pass
   */
  commit(storeId: string, epoch: string, writes: readonly PlannedWrite[], stamp?: string): Promise<CommitResult>;
  /**
   * @param maxBytes about as much as is wanted at once; absent: whatever there is
   * @returns for the first queries, in their order: all of them or as many as there is room for, one at least; none of a store that is gone
   */
  readContexts(storeId: string, queries: readonly ContextQuery[], maxBytes?: number): Promise<RecordContext[]>;
  /** A page, its head and digests, from one statement. */
  readFeed(query: FeedQuery): Promise<FeedPage>;
  /** null: no such store. */
  readHead(storeId: string): Promise<StoreHead | null>;
  readHeads(storeIds: readonly string[]): Promise<StoreHead[]>;
  /** null: no such store. */
  readPlace(storeId: string, seq: number): Promise<Place | null>;
  /** Starts `epoch` unless another one than `expected` has begun; returns the one in force. The audit trail keeps the reason. */
  beginEpoch(storeId: string, expected: string, epoch: string, reoffer: boolean, reason?: EpochReason): Promise<string>;
  /**
   * Whether `epoch` wants what devices hold beyond it. Yes if another one is in force: the database may have been put back just now, and
   * who is told so for nothing offers what turns out to be known.
   */
  wantsReoffers(storeId: string, epoch: string): Promise<boolean>;
}

/** The database refused the data (SQLSTATE class 22, 23 or 54): trying again can't help. */
export class StoreDataError extends Error {
  constructor(readonly sqlState: string) {
    super(`the database refused the data (${sqlState})`);
    this.name = "StoreDataError";
  }
}
/** The database is away, busy or restarting; whether the statement took effect is not known. */
export class StoreUnavailable extends Error {
  constructor(cause: unknown) {
    super("the database is not available", { cause });
    this.name = "StoreUnavailable";
  }
}
