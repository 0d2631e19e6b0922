/**
 * The session's way out for the feed: one position, and frames that each begin where the last ended.
 *
 *   reading ── page ── page ── last page, hub not ahead ──> live
 *      ^                                                      │
 *      └── pull, a gap, another epoch (after `reset`) ────────┘
 *
 * While it reads, what the hub broadcasts is held back; the last page is then continued from it.
 */
import type { ResetReason } from "@tillwire/protocol/messages";
import { ANOTHER_EPOCH, type Feed, type Opening, type Restart } from "./feed.ts";
import { isOtherHistory, sliceStretch, type Choice, type Stretch } from "./frames.ts";
import type { Broadcast, HubMember, StoreHub } from "./hub.ts";
import type { Runtime } from "./runtime.ts";
import type { Stamp } from "./store/store.ts";

/** Where frames go. */
export interface Outlet {
  readonly bufferedBytes: number;
  sendFrame(text: string): void;
  sendReset(text: string, reason: ResetReason): void;
  /** The feed can't be read; it is tried again, and this is told once. */
  feedFailed(error: unknown): void;
}

export interface SessionFeedOptions {
  readonly storeId: string;
  readonly choice: Choice;
  readonly outlet: Outlet;
  readonly hub: StoreHub;
  readonly feed: Feed;
  readonly runtime: Runtime;
}

/** The next page waits until the link has sent all but this much. */
const ROOM_BYTES = 512 * 1024;
const ROOM_POLL_MS = 20;
const RETRY_MS = 1_000;
/** Broadcasts held while reading; beyond it another page is read instead. */
const HELD_BYTES = 1024 * 1024;

export class SessionFeed implements HubMember {
  readonly #options: SessionFeedOptions;
  #epoch: string;
  #position: number;
  /** Of the change at the position, as the device has read it. */
  #stamp: Stamp;
  #reset: (Restart & { readonly epoch: string }) | null;
  #rereading = false;
  #reading = false;
  #closed = false;
  #held: Broadcast[] = [];
  #heldBytes = 0;

  constructor(options: SessionFeedOptions, opening: Opening) {
    this.#options = options;
    this.#epoch = opening.epoch;
    this.#position = opening.position;
    this.#stamp = opening.stamp;
    this.#reset = opening.reset && { ...opening.reset, epoch: opening.epoch };
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Where the store's feed stands, as far as this node knows. */
  get head(): number {
    return Math.max(this.#position, this.#options.hub.seq ?? 0);
  }

  /** True until the device was told of a new epoch and given all of it: what it pushes before was meant for the old one. */
  get isResetting(): boolean {
    return this.#reset !== null || this.#rereading;
  }

  start(): void {
    this.#options.hub.join(this);
    void this.#read();
  }

  close(): void {
    this.#closed = true;
    this.#options.hub.leave(this);
  }

  /** Reads again from there, at least one frame. */
  restart(opening: Opening): void {
    if (opening.reset) return this.reset(opening.reset, opening.epoch);
    this.#position = opening.position;
    this.#stamp = opening.stamp;
    void this.#read();
  }

  reset(restart: Restart, epoch: string): void {
    this.#reset = { ...restart, epoch };
    void this.#read();
  }

  epochChanged(epoch: string): void {
    if (epoch !== this.#epoch && this.#reset?.epoch !== epoch) this.reset(ANOTHER_EPOCH, epoch);
    else void this.#read();
  }

  receive(broadcast: Broadcast): void {
    if (this.#closed) return;
    if (!this.#reading) return this.#deliver(broadcast);
    this.#heldBytes += broadcast.stretch.changes.reduce((sum, change) => sum + change.json.length, 0);
    if (this.#heldBytes <= HELD_BYTES) this.#held.push(broadcast);
  }

  #deliver({ stretch, textFor }: Broadcast): void {
    const from = this.#position;
    if (stretch.epoch !== this.#epoch || stretch.to <= from) return;
    if (stretch.from > from) return void this.#read();
    const { storeId, choice, feed } = this.#options;
    const fresh = sliceStretch(stretch, from, this.#stamp);
    if (!fresh) return void this.#read();
    this.#send(fresh === stretch ? textFor(choice) : feed.encode(storeId, fresh, choice), stretch);
  }

  #send(text: string, { to, stamp }: Stretch): void {
    this.#position = to;
    this.#stamp = stamp;
    this.#options.outlet.sendFrame(text);
  }

  async #read(): Promise<void> {
    if (this.#reading || this.#closed) return;
    this.#reading = true;
    let failing = false;
    while (!this.#isDone()) {
      try {
        await this.#roomToSend();
        if (this.#isDone()) return;
        if (await this.#readOnce()) return;
        failing = false;
      } catch (error) {
        if (!failing) this.#options.outlet.feedFailed(error);
        failing = true;
        await this.#delay(RETRY_MS);
      }
    }
  }

  // A method, since closing happens between awaits, where the compiler does not look.
  #isDone(): boolean {
    return this.#closed;
  }

  /** @returns true when the session has become live */
  async #readOnce(): Promise<boolean> {
    const { storeId, choice, feed, hub } = this.#options;
    if (this.#reset) {
      await this.#sendReset(this.#reset);
      return false;
    }
    const from = this.#position;
    const page = await feed.readPage(storeId, from, choice);
    if (this.#closed || this.#reset || this.#position !== from) return false;
    if (page.epoch !== this.#epoch) {
      this.#reset = { ...ANOTHER_EPOCH, epoch: page.epoch };
      return false;
    }
    if (isOtherHistory(page, this.#stamp)) {
      const epoch = await feed.beginEpochAfterLoss(storeId, page.epoch);
      this.#reset = { reason: "CURSOR_AHEAD", reoffer: null, epoch };
      return false;
    }
    this.#send(feed.encode(storeId, page, choice), page);
    if (page.to < page.head) return false;
    hub.reached(page.to, page.stamp, page.epoch);
    return this.#continueFromHeld();
  }

  #continueFromHeld(): boolean {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const broadcast of held) this.#deliver(broadcast);
    const { hub } = this.#options;
    // A hub in another epoch will tell when it has found out which of the two is over.
    const hubIsAhead = hub.epoch === this.#epoch && hub.seq! > this.#position;
    if (this.#reset !== null || hubIsAhead) return false;
    this.#rereading = false;
    // In this very turn: what is broadcast from here on is no longer held.
    this.#reading = false;
    return true;
  }

  async #sendReset(reset: Restart & { readonly epoch: string }): Promise<void> {
    const { feed, outlet, storeId } = this.#options;
    // One reset upon another: whatever they disagree about, it is not settled by being fast.
    if (this.#rereading) await this.#delay(RETRY_MS);
    const epoch = await feed.epochFor(storeId, this.#epoch, reset.epoch);
    const message = await feed.resetMessage(storeId, reset, epoch);
    if (this.#closed || this.#reset !== reset) return;
    this.#reset = null;
    this.#rereading = true;
    this.#epoch = epoch;
    this.#position = 0;
    this.#stamp = null;
    this.#held = [];
    this.#heldBytes = 0;
    outlet.sendReset(JSON.stringify(message), reset.reason);
  }

  async #roomToSend(): Promise<void> {
    while (!this.#closed && this.#options.outlet.bufferedBytes > ROOM_BYTES) await this.#delay(ROOM_POLL_MS);
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.runtime.setTimeout(resolve, ms));
  }
}
