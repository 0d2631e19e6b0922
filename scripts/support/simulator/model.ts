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
  /** Its machine began to delete the record after this edit, and may not have been told whether that was saved. */
  mayBeDeleted: boolean;
  /** Machines that held it when the database was put back last, and could bring it back; null: it never was since. */
  holders: Set<string> | null;
}

/** A movement of stock that some machine told its people was saved. */
export interface SavedMove {
  readonly machine: string;
  /** The stock's record. */
  readonly localId: string;
  readonly id: string;
  holders: Set<string> | null;
  /** Given up by a person, or lost with a disk. */
  isExcused: boolean;
}

/** From where on a store's seqs belong to an epoch. */
interface Epoch {
  readonly epoch: string;
  /** Head that it began with. */
  readonly seq: number;
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
  readonly moves = new Map<string, SavedMove>();
  /** `store/device` whose revocation was confirmed. */
  readonly revoked = new Set<string>();
  restores = 0;
  /**
   * `store/epoch` in force when the database was put back. Until the next one begins (as soon as a node looks who the database is; after an
   * unnoticed restore, when a cursor is ahead) the same seq may stand for different records, and nobody can promise otherwise.
   */
  readonly doubtful = new Set<string>();
  /** What people chose in conflicts, as `collection/localId hash`: the conflict may be lost with the database, and the choice not. */
  readonly chosen = new Set<string>();
  /** Machines whose identity two have. */
  readonly copied = new Set<string>();
  /**
   * Movements of stock that waited, in writes that were not frozen yet, when their machine was copied. Both go on from there: each may take
   * one into a later edit of its own, which is another write than the other's, and what it counts is added up.
   */
  readonly copiedMoves = new Set<string>();
  commits = 0;
  acknowledged = 0;
  readonly #heads = new Map<string, number>();
  /** By `store/epoch`. */
  readonly #headSeen = new Map<string, number>();
  readonly #epochs = new Map<string, Epoch[]>();
  /** Devices that deleted a record, by `store/collection/localId version`; in histories that were lost, too. */
  readonly #deleters = new Map<string, Set<string>>();

  constructor(
    private readonly violated: Violated,
    private readonly coverage: Coverage,
  ) {}

  /** Somebody deletes a record: should the tab die before it says so, the edit before is superseded all the same. */
  deleting(machine: string, collection: string, localId: string): void {
    const saved = this.saved.get(`${collection}/${localId}/${machine}`);
    if (saved) saved.mayBeDeleted = true;
  }

  savedEdit(edit: Omit<SavedEdit, "holders" | "mayBeDeleted">): void {
    const key = `${edit.collection}/${edit.localId}/${edit.machine}`;
    const before = this.saved.get(key);
    if (!before || before.edit < edit.edit) this.saved.set(key, { ...edit, mayBeDeleted: false, holders: null });
  }

  savedMove(machine: string, localId: string, id: string): void {
    this.moves.set(id, { machine, localId, id, holders: null, isExcused: false });
  }

  savedSale(machine: string, localId: string, amountCents: number): void {
    this.sales.set(localId, { machine, localId, amountCents, excuse: null, holders: null });
  }

  /** The machine's disk is gone, with what nobody else had. */
  lostDisk(machine: string): void {
    for (const [key, edit] of this.saved) if (edit.machine === machine) this.saved.delete(key);
    for (const move of this.moves.values()) if (move.machine === machine) move.isExcused = true;
    this.lostHolder(machine);
  }

  /** What the machine held it will not bring back any more. */
  lostHolder(machine: string): void {
    for (const each of [this.sales, this.saved, this.moves])
      for (const { holders } of each.values()) holders?.delete(machine);
  }

  /**
   * The database was put back between a decision and its answer. Of what gave way by then only the server's history and conflicts had kept
   * anything, which nobody brings back: the machine gives it up when it hears so.
   */
  answeredTooLate(machine: string, { collection, localId, outcome }: Result): void {
    if (outcome !== "conflict" && outcome !== "duplicate") return;
    for (const edit of this.saved.values())
      if (edit.collection === collection && edit.localId === localId) edit.holders?.delete(machine);
    for (const move of this.moves.values()) if (move.localId === localId) move.holders?.delete(machine);
  }

  /** S3, S4, S11, right after each commit. */
  committed(shop: MemoryShop, writes: readonly PlannedWrite[], result: CommitResult): void {
    const { storeId } = shop;
    this.commits += 1;
    for (const reason of result.refused.values()) this.coverage.add(`refusal ${reason}`);
    if (!result.sameEpoch) return;
    const taken = writes.filter((_, index) => !result.refused.has(index));
    const rows = taken.flatMap((write) => write.rows);
    for (const { collection, localId, syncVersion, deleted, deviceId } of rows) {
      const version = `${storeId}/${collection}/${localId} ${syncVersion}`;
      if (deleted) this.#deleters.set(version, (this.#deleters.get(version) ?? new Set()).add(deviceId));
    }
    if (result.headAfter - result.headBefore !== rows.length)
      this.violated("S3", "a commit's rows and seqs are not of one number", { rows: rows.length, result });
    const head = this.#heads.get(storeId) ?? 0;
    if (result.headBefore !== head) this.violated("S3", `a commit goes on from ${result.headBefore}, not from ${head}`);
    this.#heads.set(storeId, result.headAfter);
    this.#noteEpoch(shop);
    const inEpoch = `${storeId}/${result.epoch}`;
    const seen = this.doubtful.has(inEpoch) ? 0 : (this.#headSeen.get(inEpoch) ?? 0);
    if (rows.length > 0 && result.headBefore < seen)
      this.violated("S4", `seqs from ${result.headBefore + 1} on, and a device has seen head ${seen}`);
    if (taken.some(({ policyVersion }) => policyVersion !== null && policyVersion !== shop.policyVersion))
      this.violated("S6", "a conflict was settled by a policy that was not the shop's any more");
    for (const { sender } of taken)
      if (this.revoked.has(`${storeId}/${sender}`))
        this.violated("S11", `a write of the revoked ${sender} was committed`);
  }

  /** @param record `collection/localId` @returns ids of the devices that made this version of it, a deletion */
  deletersOf({ storeId }: MemoryShop, record: string, version: number): Iterable<string> {
    return this.#deleters.get(`${storeId}/${record} ${version}`) ?? [];
  }

  #noteEpoch({ storeId, epoch, epochSeq }: MemoryShop): void {
    const epochs = this.#epochs.get(storeId) ?? [];
    if (epochs.at(-1)?.epoch !== epoch) this.#epochs.set(storeId, [...epochs, { epoch, seq: epochSeq }]);
  }

  /** Head with which the epoch began in which a seq was given. */
  epochSeqBefore(storeId: string, seq: number): number {
    const before = (this.#epochs.get(storeId) ?? []).filter((epoch) => epoch.seq < seq);
    return Math.max(0, ...before.map((epoch) => epoch.seq));
  }

  /** A device was told of a head. */
  sawHead(storeId: string, epoch: string, head: number): void {
    const inEpoch = `${storeId}/${epoch}`;
    this.#headSeen.set(inEpoch, Math.max(this.#headSeen.get(inEpoch) ?? 0, head));
  }

  /** The database is as it was earlier. */
  restored(shops: Iterable<MemoryShop>): void {
    this.restores += 1;
    for (const { storeId, head } of shops) {
      this.#heads.set(storeId, head);
      const epochs = this.#epochs.get(storeId) ?? [];
      this.#epochs.set(
        storeId,
        epochs.filter(({ seq }) => seq <= head),
      );
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
