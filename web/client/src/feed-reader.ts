/** Takes what the feed brings, in its order, and knows whether this device is behind. */
import type { Changes, Reset } from "@tillwire/protocol/messages";
import { applyFrame, equalDigests, frameStep, isHealingDue, type FrameStep } from "./apply-frame.ts";
import type { Transact } from "./fenced.ts";
import { beginFreshBase, type Offerer } from "./fresh-base.ts";
import type { SyncRow } from "./local-store.ts";

export interface FeedHost {
  readonly transact: Transact;
  now(): number;
  deviceId(): string;
  /** Up to date with the last commit of this tab. */
  position(): SyncRow;
  /** Asks the server to read the feed again from here; null: from the beginning. */
  pull(syncToken: string | null): void;
}

/** Behind for so long without a frame, a device pulls. */
const BEHIND_MS = 2_000;
/** A pull that brought nothing is repeated after this. */
const PULL_PATIENCE_MS = 10_000;

export class FeedReader {
  /** Highest head that the server named, by whatever message. */
  #head = 0;
  #behindSince: number | null = null;
  #pulledAt: number | null = null;

  constructor(private readonly host: FeedHost) {}

  get head(): number {
    return Math.max(this.#head, this.host.position().cursor);
  }
  get isAtHead(): boolean {
    const { cursor, syncToken, visible, base } = this.host.position();
    return syncToken !== null && visible === base && cursor >= this.#head;
  }

  /** A new link: what was asked over the old one won't come. */
  linked(head: number): void {
    this.#pulledAt = null;
    this.#behindSince = null;
    // a restored server names a lower one than before
    this.#head = head;
    this.heardHead(head);
  }

  heardHead(head: number): void {
    this.#head = Math.max(this.#head, head);
    if (this.isAtHead) this.#behindSince = null;
    else this.#behindSince ??= this.host.now();
  }

  async take(frame: Changes): Promise<FrameStep> {
    const position = this.host.position();
    if (this.#isOldNews(position, frame)) {
      this.#progressed(frame.head);
      return "apply";
    }
    // Looked at before a tx is opened, too: late frames are frequent after a pull.
    const outcome =
      frameStep(position.cursor, frame) === "drop"
        ? { step: "drop" as const, restarted: null }
        : await this.host.transact((tx, sync) => applyFrame(tx, sync, frame, this.#device()));
    if (outcome.restarted) this.#startAgain();
    else if (outcome.step === "apply") this.#progressed(frame.head);
    else if (outcome.step === "pull") this.#pull();
    return outcome.step;
  }

  /** What the server, or a result, found to be another history. Frames from 0 follow unasked after a reset. */
  async reset(reset: Pick<Reset, "epoch" | "reoffer">): Promise<void> {
    const epoch = reset.epoch === "" ? null : reset.epoch;
    await this.host.transact(async (tx, sync) => beginFreshBase(tx, sync, epoch, reset.reoffer ? "always" : "never"));
    this.#head = 0;
    this.#pulledAt = this.host.now();
  }

  /** A fresh base was begun here: nobody but this device knows. */
  startAgain(): void {
    this.#startAgain();
  }

  /** Frames were left out: on from where this device is. */
  readOn(): void {
    this.#pulledAt = null;
    this.#pull();
  }

  /** Once a second. */
  tick(): void {
    const isBehind = this.#behindSince !== null && this.#isOver(this.#behindSince, BEHIND_MS);
    if (isBehind || this.#isToBeHealed()) this.#pull();
  }

  // In a quiet shop no frame comes by whose digests this replica could see that it still differs.
  #isToBeHealed(): boolean {
    const { digestsEqual, healedAt, visible, base } = this.host.position();
    return digestsEqual === false && visible === base && isHealingDue(healedAt, this.host.now());
  }

  #device(): Offerer {
    return { deviceId: this.host.deviceId(), now: this.host.now() };
  }

  // Also when the clock was set back: a time that lies ahead is none to wait for.
  #isOver(since: number, ms: number): boolean {
    return Math.abs(this.host.now() - since) >= ms;
  }

  #startAgain(): void {
    this.#head = 0;
    this.#pulledAt = null;
    this.#pull();
  }

  #progressed(head: number): void {
    this.#pulledAt = null;
    this.#behindSince = null;
    this.heardHead(head);
  }

  // An empty answer to a pull: nothing to write, unless the digests tell something new.
  #isOldNews(sync: SyncRow, frame: Changes): boolean {
    if (frame.changes.length > 0 || frame.from !== sync.cursor || frame.to !== sync.cursor) return false;
    if (sync.visible !== sync.base || frame.syncToken !== sync.syncToken || sync.digestsEqual !== true) return false;
    return frame.digests === undefined || equalDigests(sync.sums, frame.digests);
  }

  #pull(): void {
    if (this.#pulledAt !== null && !this.#isOver(this.#pulledAt, PULL_PATIENCE_MS)) return;
    const now = this.host.now();
    this.#pulledAt = now;
    this.#behindSince ??= now;
    this.host.pull(this.host.position().syncToken);
  }
}
