/**
 * The door through which every write of every transport comes. Per store one commit at a time; whatever arrives meanwhile joins the
 * next one (group commit).
 */
import type { CollectionSet } from "@tillwire/protocol/collection";
import { withCompiledSchemas } from "@tillwire/protocol/compiled-schemas";
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Result, Role } from "@tillwire/protocol/messages";
import { checkWrite, isChecked, type CheckedWrite } from "./checked-write.ts";
import { StoreLane, type AcceptObserver, type LaneItem } from "./store-lane.ts";
import type { DigestMap, EncodedChange, ReplicationStore } from "./store/store.ts";

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
  readonly to: number;
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
  readonly observer?: AcceptObserver;
  /** Writes that may wait in one store's queue before submissions are refused. */
  readonly maxQueued?: number;
}

/** Room for a few of the largest seed batches; beyond it clients shall back off. */
const MAX_QUEUED = 20_000;

export function createAccept(options: AcceptOptions): Accept {
  const lanes = new Map<string, StoreLane>();
  const collections = withCompiledSchemas(options.collections);
  let draining = false;

  function laneOf(storeId: string): StoreLane {
    let lane = lanes.get(storeId);
    if (!lane) {
      lane = new StoreLane(storeId, { ...options, onIdle: () => lanes.delete(storeId) });
      lanes.set(storeId, lane);
    }
    return lane;
  }

  return {
    async submit(sender, epoch, writes) {
      if (draining) throw new ReplicationError("SHUTTING_DOWN", "the server is going down", 1_000);
      const queued = lanes.get(sender.storeId)?.queued ?? 0;
      if (queued + writes.length > Math.max(options.maxQueued ?? MAX_QUEUED, LIMITS.batchItems)) {
        throw new ReplicationError("UNAVAILABLE", "too many writes are waiting", 1_000);
      }
      return submitTo(() => laneOf(sender.storeId), collections, sender, epoch, writes);
    },
    async drain() {
      draining = true;
      await Promise.all([...lanes.values()].map((lane) => lane.idle()));
    },
  };
}

/** Whether the store probably knows the record. New ones need no look at it: should one be known, the commit says so. */
function isProbablyKnown(write: CheckedWrite): boolean {
  if (write.reoffer || write.resolves !== null) return true;
  return write.base === null ? write.syncVersion > 1 : write.base.version > 0;
}

async function submitTo(
  lane: () => StoreLane,
  collections: CollectionSet,
  sender: Sender,
  epoch: string,
  writes: readonly SubmittedWrite[],
): Promise<Submission> {
  const results = new Array<Result>(writes.length);
  const filedUnder = new Map<number, string>();
  const settled: Promise<void>[] = [];
  const items: LaneItem[] = [];
  writes.forEach((submitted, index) => {
    const write = checkWrite(collections, sender, submitted);
    if (!isChecked(write)) {
      results[index] = {
        collection: write.collection,
        localId: write.localId,
        outcome: "rejected",
        code: write.code,
        message: write.message,
      };
      return;
    }
    settled.push(
      new Promise<void>((resolve, reject) => {
        items.push({
          epoch,
          write,
          needsContext: isProbablyKnown(write),
          rounds: 0,
          resolve: (result, localId) => {
            results[index] = result;
            if (localId !== write.localId) filedUnder.set(index, localId);
            resolve();
          },
          reject,
        });
      }),
    );
  });
  if (items.length > 0) lane().add(items);
  const outcomes = await Promise.allSettled(settled);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return { results, filedUnder };
}
