/** Reading the feed: pages, where a device's sync token places it, and what proves that the database lost its last hours. */
import { ReplicationError } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Reset, ResetReason } from "@tillwire/protocol/messages";
import { epochAfter, isBeyond } from "./epoch.ts";
import { choose, encodeFrame, type Choice, type Stretch } from "./frames.ts";
import type { Gate } from "./gate.ts";
import { rememberText, sharePages } from "./shared-pages.ts";
import { available } from "./store/guarded.ts";
import type { Place, ReplicationStore, Stamp, StoreHead } from "./store/store.ts";
import type { ShownToken, SyncTokens } from "./sync-tokens.ts";

/** That a device must begin again from 0. */
export interface Restart {
  readonly reason: ResetReason;
  /** Whether it shall offer what the feed lacks; null: as the epoch in force says. */
  readonly reoffer: boolean | null;
}

export const ANOTHER_EPOCH: Restart = { reason: "EPOCH_CHANGED", reoffer: null };

/** Where a device begins to read. */
export interface Opening {
  readonly epoch: string;
  readonly head: number;
  readonly position: number;
  /** Of the change at `position`. */
  readonly stamp: Stamp;
  /** null: it may go on. */
  readonly reset: Restart | null;
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
  /** The text of a `changes` message; its sync token is signed. */
  encode(storeId: string, stretch: Stretch, choice: Choice): string;
  /**
   * Where the token places a device, whatever collections it was made for.
   * @throws ReplicationError UNPROCESSABLE for what is no sync token
   */
  locate(storeId: string, syncToken: string): Promise<Opening>;
  /**
   * @param syncToken null: from the beginning
   * @throws ReplicationError UNPROCESSABLE for a token that is none of ours or was made for another choice of collections
   */
  open(storeId: string, syncToken: string | null, choice: Choice): Promise<Opening>;
  /**
   * A device has proved that it holds what the database lost: its cursor lay ahead of the head or at a change of another history, or it comes
   * from an epoch beyond.
   * @param current the epoch in force when that was seen @param seen the device's @returns the epoch in force now
   */
  beginEpochAfterLoss(storeId: string, current: string, seen?: string): Promise<string>;
  /**
   * Somebody who went by `seen` met another epoch. One that `seen` lies beyond is the past: the database was put back, and what was lost is wanted.
   * @returns the epoch to go on in
   */
  epochFor(storeId: string, seen: string, current: string): Promise<string>;
  /** The message that sends a device back to 0. */
  resetMessage(storeId: string, restart: Restart, epoch: string): Promise<Reset>;
}

export interface FeedOptions {
  readonly store: ReplicationStore;
  readonly gate: Gate;
  readonly tokens: SyncTokens;
  /** An id that no epoch has had. */
  readonly newEpoch: () => string;
  readonly onNewEpoch: (storeId: string, epoch: string) => void;
}

const ALL = choose(null);

export function createFeed({ store, gate, tokens, newEpoch, onNewEpoch }: FeedOptions): Feed {
  const ask = <T>(storeId: string, question: () => Promise<T>): Promise<T> =>
    gate.run(() => available(question), storeId);

  async function readHead(storeId: string): Promise<StoreHead> {
    const head = await ask(storeId, () => store.readHead(storeId));
    if (!head) throw new ReplicationError("NOT_FOUND", "no such store");
    return head;
  }

  async function readPlace(storeId: string, cursor: number): Promise<Place> {
    const place = await ask(storeId, () => store.readPlace(storeId, cursor));
    if (!place) throw new ReplicationError("NOT_FOUND", "no such store");
    return place;
  }

  const readPage = sharePages(({ storeId, ...query }, begin) =>
    ask(storeId, () => {
      begin();
      return store.readFeed({ storeId, ...query });
    }),
  );
  const encode = rememberText((storeId, stretch, choice) =>
    encodeFrame(stretch, choice, (position) => tokens.format(storeId, position)),
  );

  const feed: Feed = {
    readPage: (storeId, from, { collections }, maxChanges = LIMITS.pageChanges) =>
      readPage({ storeId, from, collections, maxChanges, maxBytes: LIMITS.frameBytes }),
    readAll: (storeId, from) => feed.readPage(storeId, from, ALL),
    readHead,
    encode,
    async locate(storeId, syncToken) {
      const token = tokens.read(storeId, syncToken);
      if (!token) throw new ReplicationError("UNPROCESSABLE", "not a sync token of this server");
      const place = await readPlace(storeId, token.cursor);
      const { head, epoch } = place;
      const start = { head, position: 0, stamp: null };
      const isBehindDevice = token.epoch === epoch ? hasLost(place, token) : isBeyond(token.epoch, epoch);
      if (!token.isGenuine) {
        // Nobody's word for it: nothing begins. But it may be true, and to ask for what there may be costs one reading of the feed.
        const reoffer = token.epoch === epoch || isBehindDevice ? true : null;
        return { ...start, epoch, reset: { reason: "EPOCH_CHANGED", reoffer } };
      }
      if (isBehindDevice) {
        const reason = token.epoch === epoch ? "CURSOR_AHEAD" : "EPOCH_CHANGED";
        const begun = await feed.beginEpochAfterLoss(storeId, epoch, token.epoch);
        return { ...start, epoch: begun, reset: { reason, reoffer: null } };
      }
      if (token.epoch !== epoch) return { ...start, epoch, reset: ANOTHER_EPOCH };
      return { epoch, head, position: token.cursor, stamp: place.stampAt, reset: null };
    },
    async open(storeId, syncToken, choice) {
      if (syncToken !== null) {
        const token = tokens.read(storeId, syncToken);
        if (token && token.choice !== choice.key)
          throw new ReplicationError("UNPROCESSABLE", "the sync token belongs to other collections");
        return feed.locate(storeId, syncToken);
      }
      const { head, epoch } = await readHead(storeId);
      return { epoch, head, position: 0, stamp: null, reset: null };
    },
    async beginEpochAfterLoss(storeId, current, seen = current) {
      let expected = current;
      for (;;) {
        const next = epochAfter(newEpoch(), expected, seen);
        const epoch = await ask(storeId, () => store.beginEpoch(storeId, expected, next, true, "CURSOR_AHEAD"));
        // Somebody was faster. Or the database was put back meanwhile, and what is in force there is the past as well.
        if (epoch === next || !isBeyond(seen, epoch)) {
          onNewEpoch(storeId, epoch);
          return epoch;
        }
        expected = epoch;
      }
    },
    async epochFor(storeId, seen, current) {
      return isBeyond(seen, current) ? feed.beginEpochAfterLoss(storeId, current, seen) : current;
    },
    async resetMessage(storeId, { reason, reoffer }, epoch) {
      const wanted = reoffer ?? (await ask(storeId, () => store.wantsReoffers(storeId, epoch)));
      return { type: "reset", reason, epoch, reoffer: wanted };
    },
  };
  return feed;
}

/** Of one epoch: whether the token was given out in a history that this one does not continue. */
function hasLost({ head, stampAt }: Place, { cursor, stamp }: ShownToken): boolean {
  return cursor > head || (stamp !== undefined && stampAt !== stamp);
}
