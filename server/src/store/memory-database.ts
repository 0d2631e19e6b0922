/**
 * What the twins in memory of the server's stores keep: the tables of migrations/, row by row. Rows are never changed in place, and data is
 * kept as JSON text, so that nobody can change what is stored by changing what was handed in or out.
 */
import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import type { ConflictPolicy, Role } from "@tillwire/protocol/messages";
import type { ConflictSummary, DigestMap, Stamp, StoredVersion } from "./store.ts";

/** A row of `records` or `record_history`. */
export interface MemoryRow extends StoredVersion {
  readonly collection: string;
  readonly localId: string;
  readonly dataJson: string | null;
  readonly stamp: Stamp;
}

/** A row of `decided_writes`. */
export interface MemoryDecided {
  readonly outcome: string;
  readonly conflict: ConflictSummary | null;
  readonly dataJson: string | null;
  readonly syncVersion: number;
  readonly hash: string;
}

/** A row of `devices`. Times in epoch ms; status and app as JSON text. */
export interface MemoryDevice {
  readonly deviceId: string;
  readonly role: Role;
  readonly name: string;
  readonly registerCode: string;
  readonly tokenHash: string;
  readonly cursor: number | null;
  readonly statusJson: string;
  readonly appJson: string | null;
  readonly lastSeenAt: number | null;
  readonly revokedAt: number | null;
  readonly mark: string | null;
  readonly markBefore: string | null;
  readonly copiedAt: number | null;
  readonly createdAt: number;
  readonly syncTimestamp: number | null;
  readonly syncAnswer: { readonly from: number; readonly to: number } | null;
}

interface MemoryCollection {
  readonly count: number;
  readonly sum: bigint;
  readonly policy: ConflictPolicy | null;
}

export interface PolicyChange {
  readonly from: ConflictPolicy | null;
  readonly to: ConflictPolicy | null;
}

const EMPTY_COLLECTION: MemoryCollection = { count: 0, sum: 0n, policy: null };
const MASK = (1n << 64n) - 1n;

export function recordKeyOf(collection: string, localId: string): string {
  return `${collection}/${localId}`;
}

/** One shop: a row of `stores`, and the rows of the other tables that begin with its id. */
export class MemoryShop {
  head = 0;
  epochSeq = 0;
  reoffer = false;
  policyVersion = 0;
  /** Time of the latest commit. */
  changedAt = Number.NEGATIVE_INFINITY;
  registerCodes = 0;
  readonly collections = new Map<string, MemoryCollection>();
  readonly devices = new Map<string, MemoryDevice>();
  readonly records = new Map<string, MemoryRow>();
  /** By record, oldest first. */
  readonly history = new Map<string, readonly MemoryRow[]>();
  /** By record, then as sent. */
  readonly decided = new Map<string, ReadonlyMap<string, MemoryDecided>>();
  /** Numbers in use: by collection, who bears which. */
  readonly numbers = new Map<string, Map<string, string>>();
  /** By seq: the record whose latest change it is. */
  readonly feed: (string | undefined)[] = [];
  /** By seq, superseded or not. */
  readonly stamps: Stamp[] = [];

  constructor(
    readonly storeId: string,
    readonly name: string,
    public epoch: string,
  ) {}

  record(collection: string, localId: string): MemoryRow | undefined {
    return this.records.get(recordKeyOf(collection, localId));
  }
  historyOf(collection: string, localId: string): readonly MemoryRow[] {
    return this.history.get(recordKeyOf(collection, localId)) ?? [];
  }
  /** Of the change that had the seq. */
  stampAt(seq: number): Stamp {
    return this.stamps[seq] ?? null;
  }
  /** localId of the record that bears the number. */
  bearerOf(collection: string, number: string): string | undefined {
    return this.numbers.get(collection)?.get(number);
  }

  /** Stores a row; what it supersedes goes to the history. */
  store(row: MemoryRow): void {
    const key = recordKeyOf(row.collection, row.localId);
    const before = this.records.get(key);
    if (before) {
      this.history.set(key, [...(this.history.get(key) ?? []), before]);
      this.feed[before.seq] = undefined;
      if (before.uniqueKey !== null) this.numbers.get(row.collection)?.delete(before.uniqueKey);
    }
    this.records.set(key, row);
    this.feed[row.seq] = key;
    this.stamps[row.seq] = row.stamp;
    if (row.uniqueKey !== null) this.#numbersOf(row.collection).set(row.uniqueKey, row.localId);
    const collection = this.collections.get(row.collection) ?? EMPTY_COLLECTION;
    const sum = collection.sum - (before ? digestOf(before) : 0n) + digestOf(row);
    this.collections.set(row.collection, {
      ...collection,
      count: collection.count + (before ? 0 : 1),
      sum: sum & MASK,
    });
  }

  remember(collection: string, localId: string, asSent: string, decided: MemoryDecided): void {
    const key = recordKeyOf(collection, localId);
    this.decided.set(key, new Map([...(this.decided.get(key) ?? []), [asSent, decided]]));
  }

  /**
   * The twin of the function `set_policies`.
   * @param policies by collection; null: as declared
   * @returns those that have changed
   */
  setPolicies(policies: ReadonlyMap<string, ConflictPolicy | null>): Map<string, PolicyChange> {
    const changed = new Map<string, PolicyChange>();
    for (const [collection, to] of policies) {
      const from = this.collections.get(collection)?.policy ?? null;
      if (from !== to) changed.set(collection, { from, to });
    }
    if (changed.size === 0) return changed;
    for (const [collection, policy] of policies)
      this.collections.set(collection, { ...(this.collections.get(collection) ?? EMPTY_COLLECTION), policy });
    this.policyVersion += 1;
    return changed;
  }

  digests(): DigestMap {
    return new Map([...this.collections].map(([name, { count, sum }]) => [name, { count, digest: formatDigest(sum) }]));
  }

  /** Another one with the same rows. */
  copy(): MemoryShop {
    const copy = new MemoryShop(this.storeId, this.name, this.epoch);
    const { head, epochSeq, reoffer, policyVersion, changedAt, registerCodes } = this;
    Object.assign(copy, { head, epochSeq, reoffer, policyVersion, changedAt, registerCodes });
    for (const table of ["collections", "devices", "records", "history", "decided"] as const)
      for (const [key, row] of this[table]) (copy[table] as Map<string, unknown>).set(key, row);
    for (const [collection, numbers] of this.numbers) copy.numbers.set(collection, new Map(numbers));
    copy.feed.push(...this.feed);
    copy.stamps.push(...this.stamps);
    return copy;
  }

  #numbersOf(collection: string): Map<string, string> {
    const known = this.numbers.get(collection);
    if (known) return known;
    const numbers = new Map<string, string>();
    this.numbers.set(collection, numbers);
    return numbers;
  }
}

export interface MemoryEnrolment {
  readonly storeId: string;
  readonly name: string;
  readonly role: Role;
  readonly tries: number;
  /** Epoch ms. */
  readonly expiresAt: number;
  readonly isUsed: boolean;
}

/** A database. Whoever wants to put it back to an earlier moment keeps a `copy()` of it and hands that to `restore`. */
export class MemoryDatabase {
  shops = new Map<string, MemoryShop>();
  enrolments = new Map<string, MemoryEnrolment>();
  settings = new Map<string, string>();
  /** Differs after a restore that the database itself can tell. */
  identity: string | null = "database-1:1";

  /** @param now the database's clock, epoch ms */
  constructor(readonly now: () => number) {}

  copy(): MemoryDatabase {
    const copy = new MemoryDatabase(this.now);
    copy.restore(this);
    return copy;
  }

  /** Becomes as `from` is now, but for the identity, which is that of the files and not of the rows. */
  restore(from: MemoryDatabase): void {
    this.shops = new Map([...from.shops].map(([storeId, shop]) => [storeId, shop.copy()]));
    this.enrolments = new Map(from.enrolments);
    this.settings = new Map(from.settings);
  }
}
