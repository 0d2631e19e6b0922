/**
 * The door through which every write of every transport comes. Per store one commit at a time; whatever arrives meanwhile joins the
 * next one (group commit).
 */
import type { CollectionSet } from "@tillwire/protocol/collection";
import { withCompiledSchemas } from "@tillwire/protocol/compiled-schemas";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result, Role } from "@tillwire/protocol/messages";
import { checkWrite, isChecked, type CheckedWrite, type UncheckableWrite } from "./checked-write.ts";
import { StoreLane, type AcceptObserver, type LaneItem } from "./store-lane.ts";
import type { DigestMap, EncodedChange, ReplicationStore, Stamp } from "./store/store.ts";
import { Neighbours } from "./neighbours.ts";
import { Turns } from "./turns.ts";

/** Who sends: always from the token, never from a message. */
export interface Sender {
  readonly storeId: string;
  readonly deviceId: string;
  readonly role: Role;
}

/** What the seed's door knows beside the write. */
export interface SeedHints {
  /** `serverHash` of the item: names the latest version with that hash. */
  readonly baseHash: string | null;
  /** `createdAt` of the item's data: tells two sales that bear one id apart. */
  readonly createdAt: number | null;
  /** The item's creator, which may be another device. */
  readonly createdBy: string;
}

export interface SubmittedWrite {
  /** A `Write` as it came; checked here. */
  readonly write: unknown;
  readonly seed?: SeedHints;
}

export interface Submission {
  /** In the order of the request. */
  readonly results: Result[];
  /** For writes at the seed's door: where a value was filed under an amended id. By index. */
  readonly filedUnder: ReadonlyMap<number, string>;
}

/** Told after each commit, in order: what the hub sends on. */
export interface Committed {
  readonly storeId: string;
  readonly epoch: string;
  readonly from: number;
  readonly fromStamp: Stamp;
  readonly to: number;
  readonly stamp: Stamp;
  readonly at: number;
  readonly changes: readonly EncodedChange[];
  readonly digests: DigestMap;
}

export interface Accept {
  /**
   * Resolves after commit, never before. A bad write gets its own rejected result.
   * @param epoch the epoch that the sender's sync token names
   * @throws ReplicationError RESET (another epoch has begun; nothing was decided), DEVICE_REVOKED, UNAVAILABLE (queue full, database
   *   away: some writes may have been taken; sending them again is safe), SHUTTING_DOWN
   */
  submit(sender: Sender, epoch: string, writes: readonly SubmittedWrite[]): Promise<Submission>;
  /** Resolves when everything submitted has been settled; later submissions are refused with SHUTTING_DOWN. */
  drain(): Promise<void>;
}

export interface AcceptOptions {
  readonly store: ReplicationStore;
  readonly collections: CollectionSet;
  /** Called after each commit, in the order of the store's feed, before the results are given. */
  readonly onCommitted: (committed: Committed) => void;
  /** Server clock, epoch ms. */
  readonly now: () => number;
  /** What no commit has had; absent: commits bear no stamps. */
  readonly newStamp?: () => string;
  readonly observer?: AcceptObserver;
  /** In which writes are checked; its own if absent. */
  readonly turns?: Turns;
  /** Writes of one store that may wait before submissions are refused. */
  readonly maxQueued?: number;
}

/** Room for a few of the largest seed batches; beyond it clients shall back off. */
const MAX_QUEUED = 20_000;
const MAX_WRITES_A_COMMIT = 500;
/** What goes before and after a commit holds the process, and its bytes the disk: other shops wait for so many writes at most. */
const MAX_WRITES_BESIDE_OTHERS = 100;

export function createAccept(options: AcceptOptions): Accept {
  const lanes = new Map<string, StoreLane>();
  const collections = withCompiledSchemas(options.collections);
  const { turns = new Turns(setImmediate) } = options;
  /** Writes submitted and not settled, by store. */
  const waiting = new Map<string, number>();
  const underWay = new Set<Promise<Submission>>();
  const neighbours = new Neighbours(options.now);
  let draining = false;

  function laneOf(storeId: string): StoreLane {
    let lane = lanes.get(storeId);
    if (!lane) {
      lane = new StoreLane(storeId, {
        ...options,
        onIdle: () => lanes.delete(storeId),
        mostWrites: () => (neighbours.hasOthers(storeId) ? MAX_WRITES_BESIDE_OTHERS : MAX_WRITES_A_COMMIT),
      });
      lanes.set(storeId, lane);
    }
    return lane;
  }

  async function settle(sender: Sender, epoch: string, writes: readonly SubmittedWrite[]): Promise<Submission> {
    const { storeId } = sender;
    neighbours.seen(storeId);
    waiting.set(storeId, (waiting.get(storeId) ?? 0) + writes.length);
    try {
      const pending = new PendingSubmission(epoch, writes.length);
      await turns.each(storeId, writes, (write, index) => pending.take(index, checkWrite(collections, sender, write)));
      if (pending.items.length > 0) laneOf(storeId).add(pending.items);
      return await pending.settled();
    } finally {
      const left = waiting.get(storeId)! - writes.length;
      if (left > 0) waiting.set(storeId, left);
      else waiting.delete(storeId);
    }
  }

  return {
    async submit(sender, epoch, writes) {
      if (draining) throw new ReplicationError("SHUTTING_DOWN", "the server is going down", 1_000);
      const ahead = waiting.get(sender.storeId) ?? 0;
      if (ahead + writes.length > Math.max(options.maxQueued ?? MAX_QUEUED, LIMITS.batchItems)) {
        throw new ReplicationError("UNAVAILABLE", "too many writes are waiting", 1_000);
      }
      const submission = settle(sender, epoch, writes);
      underWay.add(submission);
      return submission.finally(() => underWay.delete(submission));
    },
    async drain() {
      draining = true;
      await Promise.allSettled(underWay);
      // Whoever submitted hears of it, and tells the device, before links are closed.
      await new Promise<void>((told) => turns.one("", told));
    },
  };
}

/** Whether the store probably knows the record. New ones need no look at it: should one be known, the commit says so. */
function isProbablyKnown(write: CheckedWrite): boolean {
  if (write.reoffer || write.resolves !== null) return true;
  return write.base === null ? write.syncVersion > 1 : write.base.version > 0;
}

/** A submission on its way: what is rejected at once, and what goes to the store's lane. */
class PendingSubmission {
  readonly items: LaneItem[] = [];
  readonly #results: Result[];
  readonly #filedUnder = new Map<number, string>();
  readonly #outcomes: Promise<void>[] = [];

  constructor(
    private readonly epoch: string,
    writes: number,
  ) {
    this.#results = new Array<Result>(writes);
  }

  take(index: number, write: CheckedWrite | UncheckableWrite): void {
    if (isChecked(write)) this.#outcomes.push(this.#queue(index, write));
    else this.#results[index] = { ...write, outcome: "rejected" };
  }

  /** Once every write has its result. */
  async settled(): Promise<Submission> {
    const outcomes = await Promise.allSettled(this.#outcomes);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    return { results: this.#results, filedUnder: this.#filedUnder };
  }

  #queue(index: number, write: CheckedWrite): Promise<void> {
    return new Promise<void>((settled, reject) => {
      const resolve = (result: Result, localId: string): void => {
        this.#results[index] = result;
        if (localId !== write.localId) this.#filedUnder.set(index, localId);
        settled();
      };
      this.items.push({ epoch: this.epoch, write, needsContext: isProbablyKnown(write), rounds: 0, resolve, reject });
    });
  }
}
