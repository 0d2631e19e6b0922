/** What the simulator knows by itself: what was saved, what was acknowledged, what was seen. Everything that must hold is held against it. */
import type { Result, Write } from "@tillwire/protocol/messages";
import type { MemoryShop } from "@tillwire/server/store/memory-database";
import type { CommitResult, PlannedWrite } from "@tillwire/server/store/store";
import type { Coverage } from "./coverage.ts";

/** The latest edit of one machine to one record that it told its people was saved. */
export interface SavedEdit {
  readonly machine: string;
  readonly collection: string;
  readonly localId: string;
  readonly edit: number;
  readonly deviceId: string;
  readonly deleted: boolean;
  /** How often the database had been put back by then. */
  readonly restores: number;
}

/** A movement of money that some machine told its people was saved. */
export interface SavedSale {
  readonly machine: string;
  readonly localId: string;
  readonly amountCents: number;
  /** Why nobody can have it any more; null: it must be there. */
  excuse: string | null;
  /** Machines that still held it when the database lost it. */
  holders: Set<string> | null;
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
  readonly details: unknown;
  /** From the beginning, ms. */
  readonly at: number;
}

export type Violated = (invariant: string, what: string, details?: unknown) => void;

export class Model {
  readonly saved = new Map<string, SavedEdit>();
  readonly sales = new Map<string, SavedSale>();
  /** `store/device` whose revocation was confirmed. */
  readonly revoked = new Set<string>();
  restores = 0;
  /** Restores that nothing but a cursor ahead could tell. */
  unnoticed = 0;
  /** Machines whose identity two have. */
  readonly copied = new Set<string>();
  commits = 0;
  acknowledged = 0;
  readonly #heads = new Map<string, number>();
  readonly #headSeen = new Map<string, number>();

  constructor(
    private readonly violated: Violated,
    private readonly coverage: Coverage,
  ) {}

  savedEdit(edit: Omit<SavedEdit, "restores">): void {
    const key = `${edit.collection}/${edit.localId}/${edit.machine}`;
    const before = this.saved.get(key);
    if (!before || before.edit < edit.edit) this.saved.set(key, { ...edit, restores: this.restores });
  }

  savedSale(machine: string, localId: string, amountCents: number): void {
    this.sales.set(localId, { machine, localId, amountCents, excuse: null, holders: null });
  }

  /** The machine's disk is gone, with what nobody else had. */
  lostDisk(machine: string): void {
    for (const [key, edit] of this.saved) if (edit.machine === machine) this.saved.delete(key);
    for (const sale of this.sales.values()) sale.holders?.delete(machine);
  }

  /** S3, S4, S11, right after each commit. */
  committed(shop: MemoryShop, writes: readonly PlannedWrite[], result: CommitResult): void {
    const { storeId } = shop;
    this.commits += 1;
    for (const reason of result.refused.values()) this.coverage.add(`refusal ${reason}`);
    if (!result.sameEpoch) return;
    const taken = writes.filter((_, index) => !result.refused.has(index));
    const rows = taken.flatMap((write) => write.rows);
    if (result.headAfter - result.headBefore !== rows.length)
      this.violated("S3", "a commit's rows and seqs are not of one number", { rows: rows.length, result });
    const head = this.#heads.get(storeId) ?? 0;
    if (result.headBefore !== head) this.violated("S3", `a commit goes on from ${result.headBefore}, not from ${head}`);
    this.#heads.set(storeId, result.headAfter);
    const seen = this.#headSeen.get(storeId) ?? 0;
    if (rows.length > 0 && result.headBefore < seen)
      this.violated("S4", `seqs from ${result.headBefore + 1} on, and a device has seen head ${seen}`);
    for (const { sender } of taken)
      if (this.revoked.has(`${storeId}/${sender}`))
        this.violated("S11", `a write of the revoked ${sender} was committed`);
  }

  /** A device was told of a head. */
  sawHead(storeId: string, head: number): void {
    this.#headSeen.set(storeId, Math.max(this.#headSeen.get(storeId) ?? 0, head));
  }

  /** The database is as it was earlier. */
  restored(shops: Iterable<MemoryShop>): void {
    this.restores += 1;
    for (const { storeId, head } of shops) {
      this.#heads.set(storeId, head);
      this.#headSeen.set(storeId, 0);
    }
  }

  /** S1, S2: what a device is told of a write is in the database by then. */
  answered(shop: MemoryShop, deviceId: string, write: Write | undefined, result: Result): void {
    this.coverage.add(`outcome ${result.outcome}`);
    if (result.code) this.coverage.add(`rejection ${result.code}`);
    if (result.conflict) {
      this.coverage.add(`conflict ${result.conflict.kind}`);
      this.coverage.add(`policy ${result.conflict.policy}`);
    }
    if (!write || result.outcome === "rejected") return;
    this.acknowledged += 1;
    const { collection, localId, hash } = write;
    const current = shop.record(collection, localId);
    const versions = [...shop.historyOf(collection, localId), ...(current ? [current] : [])];
    const isKept =
      versions.some((row) => row.hash === hash || row.sentHash === hash) ||
      [...(shop.decided.get(`${collection}/${localId}`)?.values() ?? [])].some((decided) => decided.hash === hash) ||
      // Kept under another id: both sides of two sales that bore one.
      result.localId !== localId;
    if (!isKept)
      this.violated("S1", `${deviceId} was told "${result.outcome}" for ${collection}/${localId}, and it is nowhere`, {
        write,
        result,
      });
  }
}
