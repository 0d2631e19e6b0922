/**
 * One store's way into its feed: a queue, and one commit at a time over all that waits. A commit takes a record at most once, and
 * writes of one record leave the queue in the order in which they came.
 */
import { conflicts } from "@tillwire/protocol/conflicts";
import { ReplicationError } from "@tillwire/protocol/errors";
import type { Result } from "@tillwire/protocol/messages";
import type { Committed } from "./accept.ts";
import { asSentOf, namedHashOf, openConflictKey, type CheckedWrite } from "./checked-write.ts";
import { CommitClaims, recordKey } from "./commit-claims.ts";
import { decide, type Restated } from "./decide.ts";
import { EpochOver } from "./epoch.ts";
import { rejected, type Decided } from "./take-write.ts";
import { resultOf } from "./result.ts";
import { encodeChange } from "./store/change-json.ts";
import {
  storedAt,
  StoreDataError,
  UNKNOWN_RECORD,
  type CommitResult,
  type EncodedChange,
  type PlannedWrite,
  type RecordContext,
  type ReplicationStore,
  type Stamp,
} from "./store/store.ts";

export interface LaneItem {
  readonly epoch: string;
  write: CheckedWrite;
  /** Decide on what the store knows, not on the assumption that the record is new. */
  needsContext: boolean;
  /** How often a commit refused its plan. */
  rounds: number;
  /** @param localId under which it was filed */
  readonly resolve: (result: Result, localId: string) => void;
  readonly reject: (error: ReplicationError) => void;
}

/** What metrics and logs want to know. */
export interface AcceptObserver {
  committed?(storeId: string, writes: number, durationMs: number): void;
  decided?(storeId: string, write: CheckedWrite, result: Result): void;
  failed?(storeId: string, error: unknown): void;
}

export interface LaneOptions {
  readonly store: ReplicationStore;
  readonly onCommitted: (committed: Committed) => void;
  readonly now: () => number;
  readonly newStamp?: () => string;
  readonly observer?: AcceptObserver;
  readonly onIdle: () => void;
  /** Writes that one commit may take just now. */
  readonly mostWrites: () => number;
}

const MAX_BYTES_A_COMMIT = 4 * 1024 * 1024;
/** Small writes may be about large records and larger conflicts: what can't be held at once is decided after the rest. */
const MAX_CONTEXT_BYTES = 16 * 1024 * 1024;
/** A write whose plan is overtaken this often is given up: others must not wait for it. */
const MAX_ROUNDS = 20;

interface Planned {
  readonly item: LaneItem;
  readonly decided: Decided;
  readonly plan: PlannedWrite;
}

export class StoreLane {
  private queue: LaneItem[] = [];
  private running = false;

  constructor(
    private readonly storeId: string,
    private readonly options: LaneOptions,
  ) {}

  add(items: readonly LaneItem[]): void {
    for (const item of items) this.queue.push(item);
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    // What arrives in this turn of the event loop joins the first commit.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const batch = this.take();
      try {
        await this.process(batch);
      } catch (error) {
        this.failed(error);
        // All that waits goes back with it: a later write of a record must not be taken before the earlier one that just failed.
        const waiting = this.queue;
        this.queue = [];
        for (const item of [...batch, ...waiting])
          item.reject(new ReplicationError("UNAVAILABLE", "the database is not available", 1_000));
      }
    }
    this.running = false;
    this.options.onIdle();
  }

  /** The oldest items, each record once, and each conflict that people settle, all of one epoch. */
  private take(): LaneItem[] {
    const batch: LaneItem[] = [];
    const later: LaneItem[] = [];
    const records = new Set<string>();
    const epoch = this.queue[0]!.epoch;
    let [bytes, looked] = [0, 0];
    const most = this.options.mostWrites();
    // Once the commit is full, the rest stays as it is, unseen: queues may be long.
    while (looked < this.queue.length && batch.length < most && bytes < MAX_BYTES_A_COMMIT) {
      const item = this.queue[looked++]!;
      const keys = recordsOf(item.write);
      if (item.epoch === epoch && !keys.some((key) => records.has(key))) {
        batch.push(item);
        bytes += item.write.dataJson?.length ?? 0;
      } else {
        later.push(item);
      }
      // A later write of a record waits for the earlier one, taken or not.
      for (const key of keys) records.add(key);
    }
    this.queue = later.concat(this.queue.slice(looked));
    return batch;
  }

  private async process(batch: readonly LaneItem[]): Promise<void> {
    const contexts = await this.readContexts(batch.filter((item) => item.needsContext));
    const planned: Planned[] = [];
    const again: LaneItem[] = [];
    const claims = new CommitClaims();
    for (const item of batch) {
      if (item.needsContext && !contexts.has(item)) {
        again.push(item);
        continue;
      }
      const context = contexts.get(item) ?? UNKNOWN_RECORD;
      if (context instanceof StoreDataError) {
        this.answer(item, rejected(null, "WRITE_FAILED", context.message), 0, 0);
        continue;
      }
      // What was decided before is not told either: the device must read the feed of this epoch first.
      if (context.epoch !== null && context.epoch !== item.epoch) {
        item.reject(new EpochOver(item.epoch));
        continue;
      }
      const decided = this.decide(item.write, claims.withNumbers(item.write, context));
      if (decided.outcome === "restated") {
        item.write = decided.write;
        again.push(item);
      } else if (decided.plan === null) {
        this.answer(item, decided, 0, 0);
      } else if (claims.claim(decided.plan)) {
        planned.push({ item, decided, plan: decided.plan });
      } else {
        item.needsContext = true;
        again.push(item);
      }
    }
    if (planned.length > 0) again.push(...(await this.commit(planned)));
    // In front of what came later, in their order.
    if (again.length > 0) this.queue = [...batch.filter((item) => again.includes(item)), ...this.queue];
  }

  /** An exception is a fault of ours or of a guard. Deciding is pure: it would come again, so it must not hold up the store. */
  private decide(write: CheckedWrite, context: RecordContext): Decided | Restated {
    try {
      return decide(write, context, this.options.now());
    } catch (error) {
      this.failed(error);
      return rejected(context.current, "WRITE_FAILED", "the write could not be decided");
    }
  }

  /** Of some, if that is much. A question that the database refuses is halved until the culprit alone bears the error. */
  private async readContexts(asking: readonly LaneItem[]): Promise<Map<LaneItem, RecordContext | StoreDataError>> {
    if (asking.length === 0) return new Map();
    const queries = asking.map(({ write }) => ({
      asSent: asSentOf(write),
      base: write.base,
      namedHash: namedHashOf(write),
      number: write.number,
      resolves: write.resolves,
      openConflictKey: openConflictKey(write.collection.name, write.localId, write.author),
    }));
    try {
      const contexts = await this.options.store.readContexts(this.storeId, queries, MAX_CONTEXT_BYTES);
      // A store that is gone has none: the commit will say so.
      const told = contexts.length > 0 ? contexts : asking.map(() => UNKNOWN_RECORD);
      return new Map(told.map((context, index) => [asking[index]!, context]));
    } catch (error) {
      if (!(error instanceof StoreDataError)) throw error;
      if (asking.length === 1) return new Map([[asking[0]!, error]]);
      const middle = asking.length >> 1;
      const first = await this.readContexts(asking.slice(0, middle));
      return new Map([...first, ...(await this.readContexts(asking.slice(middle)))]);
    }
  }

  /** @returns the items that must be decided again */
  private async commit(planned: readonly Planned[]): Promise<LaneItem[]> {
    const startedAt = this.options.now();
    const stamp = this.options.newStamp?.();
    let committed: CommitResult;
    try {
      committed = await this.options.store.commit(
        this.storeId,
        planned[0]!.item.epoch,
        planned.map(({ plan }) => plan),
        stamp,
      );
    } catch (error) {
      if (!(error instanceof StoreDataError)) throw error;
      return this.halve(planned, error);
    }
    this.tell(() => this.options.observer?.committed?.(this.storeId, planned.length, this.options.now() - startedAt));
    if (!committed.sameEpoch) {
      for (const { item } of planned) item.reject(new EpochOver(item.epoch));
      return [];
    }
    return this.carryOut(planned, committed, stamp ?? null);
  }

  /** PostgreSQL refused the data of some write: the culprit alone is rejected. */
  private async halve(planned: readonly Planned[], error: StoreDataError): Promise<LaneItem[]> {
    if (planned.length === 1) {
      const { item, decided } = planned[0]!;
      this.answer(item, rejected(decided.current, "WRITE_FAILED", error.message), 0, 0);
      return [];
    }
    const middle = planned.length >> 1;
    const again = await this.commit(planned.slice(0, middle));
    return [...again, ...(await this.commit(planned.slice(middle)))];
  }

  private carryOut(planned: readonly Planned[], committed: CommitResult, stamp: Stamp): LaneItem[] {
    const again: LaneItem[] = [];
    const changes: EncodedChange[] = [];
    const answers: [LaneItem, Decided, number][] = [];
    let seq = committed.headBefore;
    planned.forEach(({ item, decided, plan }, index) => {
      const refused = committed.refused.get(index);
      if (refused === "revoked") {
        item.reject(new ReplicationError("DEVICE_REVOKED", "the device was revoked"));
      } else if (refused !== undefined) {
        item.needsContext = true;
        item.rounds += 1;
        if (item.rounds <= MAX_ROUNDS) again.push(item);
        else this.answer(item, rejected(null, "WRITE_FAILED", "the write was overtaken too often"), 0, 0);
      } else {
        answers.push([item, decided, seq + 1]);
        for (const row of plan.rows)
          changes.push(encodeChange(row, { seq: ++seq, updatedAt: storedAt(row, committed.at), stamp }));
      }
    });
    if (changes.length > 0) {
      const { epoch, headBefore: from, stampBefore: fromStamp, headAfter: to, at, digests } = committed;
      const { storeId } = this;
      this.tell(() => this.options.onCommitted({ storeId, epoch, from, fromStamp, to, stamp, at, changes, digests }));
    }
    for (const [item, decided, firstSeq] of answers) this.answer(item, decided, firstSeq, committed.at);
    return again;
  }

  private answer(item: LaneItem, decided: Decided, seq: number, at: number): void {
    const result = resultOf(item.write, decided, seq, at);
    this.tell(() => this.options.observer?.decided?.(this.storeId, item.write, result));
    item.resolve(result, item.write.localId);
  }

  /** Whoever throws on being told changes nothing of what was committed. */
  private tell(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    try {
      this.options.observer?.failed?.(this.storeId, error);
    } catch {
      // There is nobody left to tell, and the lane must live on.
    }
  }
}

/** What a write is sure to touch. A conflict is large: whoever else settles it waits, rather than that each reads it. */
function recordsOf({ collection, localId, resolves }: CheckedWrite): string[] {
  const own = recordKey(collection.name, localId);
  return resolves === null ? [own] : [own, recordKey(conflicts.name, resolves)];
}
