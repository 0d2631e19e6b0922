/** Reading the feed: pages, where a device's sync token places it, and what proves that the database lost its last hours. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Reset, ResetReason } from "@tillwire/protocol/messages";
import { parseSyncToken } from "@tillwire/protocol/sync-token";
import { choose, type Choice, type Stretch } from "./frames.ts";
import type { Gate } from "./gate.ts";
import type { ReplicationStore, StoreHead } from "./store/store.ts";

/** Where a device begins to read. */
export interface Opening {
  readonly epoch: string;
  readonly head: number;
  readonly position: number;
  /** Why the device must begin again from 0; null: it may go on. */
  readonly reset: ResetReason | null;
}

/** RESET with all that a `reset` message says, for those who have no link to send it on. */
export class ResetRequired extends ReplicationError {
  constructor(readonly reset: Reset) {
    super("RESET", "read the feed from the beginning");
  }
}

export interface Feed {
  readPage(storeId: string, from: number, choice: Choice, maxChanges?: number): Promise<Stretch>;
  /** All collections, as the hub reads them. */
  readAll(storeId: string, from: number): Promise<Stretch>;
  readHead(storeId: string): Promise<StoreHead>;
  /**
   * @param syncToken null: from the beginning
   * @throws ReplicationError UNPROCESSABLE for a token that is none of ours or was made for another choice of collections
   */
  open(storeId: string, syncToken: string | null, choice: Choice): Promise<Opening>;
  /** A cursor lay ahead of the head in the database: devices hold what it lost. Returns the epoch in force. */
  beginEpochAfterLoss(storeId: string, lostEpoch: string): Promise<string>;
  /** The message that sends a device back to 0. */
  resetMessage(storeId: string, reason: ResetReason, epoch: string): Promise<Reset>;
}

export interface FeedOptions {
  readonly store: ReplicationStore;
  readonly gate: Gate;
  readonly newEpoch: () => string;
  readonly onNewEpoch: (storeId: string, epoch: string) => void;
}

const ALL = choose(null);

export function createFeed({ store, gate, newEpoch, onNewEpoch }: FeedOptions): Feed {
  async function readHead(storeId: string): Promise<StoreHead> {
    const head = await gate.run(() => store.readHead(storeId));
    if (!head) throw new ReplicationError("NOT_FOUND", "no such store");
    return head;
  }

  const feed: Feed = {
    readPage: (storeId, from, choice, maxChanges = LIMITS.pageChanges) =>
      gate.run(() =>
        store.readFeed({ storeId, from, collections: choice.collections, maxChanges, maxBytes: LIMITS.frameBytes }),
      ),
    readAll: (storeId, from) => feed.readPage(storeId, from, ALL),
    readHead,
    async open(storeId, syncToken, choice) {
      const token = syncToken === null ? null : parseSyncToken(syncToken);
      if (syncToken !== null && !token) throw new ReplicationError("UNPROCESSABLE", "not a sync token of this server");
      if (token && token.choice !== choice.key)
        throw new ReplicationError("UNPROCESSABLE", "the sync token belongs to other collections");
      const { head, epoch } = await readHead(storeId);
      if (!token) return { epoch, head, position: 0, reset: null };
      if (token.epoch !== epoch) return { epoch, head, position: 0, reset: "EPOCH_CHANGED" };
      if (token.cursor <= head) return { epoch, head, position: token.cursor, reset: null };
      return { epoch: await feed.beginEpochAfterLoss(storeId, epoch), head, position: 0, reset: "CURSOR_AHEAD" };
    },
    async beginEpochAfterLoss(storeId, lostEpoch) {
      const epoch = await gate.run(() => store.beginEpoch(storeId, lostEpoch, newEpoch(), true));
      onNewEpoch(storeId, epoch);
      return epoch;
    },
    async resetMessage(storeId, reason, epoch) {
      const reoffer = await gate.run(() => store.wantsReoffers(storeId));
      return { type: "reset", reason, epoch, reoffer };
    },
  };
  return feed;
}
