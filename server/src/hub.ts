/**
 * The hub: per store and node, what sends the feed on as it grows.
 *
 *   accept ── publish ──┐                      ┌── session (choice a) ─┐ one encoding
 *   notice ── hint ─────┼──> seq ── broadcast ─┼── session (choice a) ─┘ per choice
 *   sweep  ── hint ─────┘     └ gap: readFeed  └── session (choice b)
 *
 * Frames leave in order. Whatever does not continue `seq` makes the hub read the gap from the feed, which alone is the truth.
 */
import { isOtherHistory, sliceStretch, splitStretch, type Choice, type Stretch } from "./frames.ts";
import type { Committed } from "./accept.ts";
import type { Stamp } from "./store/store.ts";

/** A stretch on its way to the members, encoded at most once per choice. */
export interface Broadcast {
  readonly stretch: Stretch;
  textFor(choice: Choice): string;
}

export interface HubMember {
  receive(broadcast: Broadcast): void;
  /** Another epoch is in force, or must begin, if not for the member: it makes sure that it has reached the hub's seq in it. */
  epochChanged(epoch: string): void;
}

export interface HubOptions {
  readonly storeId: string;
  /** All collections from `from` on. */
  readonly readFeed: (storeId: string, from: number) => Promise<Stretch>;
  readonly encode: (stretch: Stretch, choice: Choice) => string;
  readonly onGap: () => void;
  /** The feed could not be read; the next hint tries again. */
  readonly onError: (error: unknown) => void;
}

export class StoreHub {
  readonly #options: HubOptions;
  readonly #members = new Set<HubMember>();
  // null until a session or a commit has told where the feed stands
  #seq: number | null = null;
  #stamp: Stamp = null;
  #epoch: string | null = null;
  #wanted = 0;
  // Somebody spoke of another epoch. Which is late and which is new, only a read that begins after it can tell.
  #epochDoubted = false;
  #reading = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  get seq(): number | null {
    return this.#seq;
  }

  /** Of the change at seq. */
  get stamp(): Stamp {
    return this.#stamp;
  }

  get epoch(): string | null {
    return this.#epoch;
  }

  join(member: HubMember): void {
    this.#members.add(member);
  }

  leave(member: HubMember): void {
    this.#members.delete(member);
  }

  /** A session read the feed up to `seq`. */
  reached(seq: number, stamp: Stamp, epoch: string): void {
    this.#begin(seq, stamp, epoch);
    this.hint(seq, epoch);
  }

  publish(committed: Committed): void {
    const stretch: Stretch = { ...committed, head: committed.to };
    const seq = this.#begin(stretch.from, stretch.fromStamp, stretch.epoch);
    if (stretch.epoch !== this.#epoch || stretch.from > seq) this.hint(stretch.to, stretch.epoch);
    else if (!this.#advance(stretch)) this.hint(stretch.to, stretch.epoch);
  }

  /** Somebody says that the feed has reached `head`; true or not, it is looked up. */
  hint(head: number, epoch: string): void {
    this.#wanted = Math.max(this.#wanted, head);
    if (epoch !== this.#epoch) this.#epochDoubted = true;
    if (!this.#reading && this.#isBehind()) void this.#readGap();
  }

  #begin(seq: number, stamp: Stamp, epoch: string): number {
    if (this.#seq !== null) return this.#seq;
    this.#epoch = epoch;
    this.#stamp = stamp;
    return (this.#seq = seq);
  }

  #isBehind(): boolean {
    return this.#seq !== null && this.#members.size > 0 && (this.#epochDoubted || this.#wanted > this.#seq);
  }

  /**
   * Sends on what is new of the stretch; it must not begin above seq.
   * @returns false: it can't be told whether it continues what was sent, which a page from seq on will
   */
  #advance(stretch: Stretch): boolean {
    if (this.#seq === null || stretch.to <= this.#seq) return true;
    const fresh = sliceStretch(stretch, this.#seq, this.#stamp);
    if (!fresh) return false;
    this.#seq = stretch.to;
    this.#stamp = stretch.stamp;
    for (const piece of splitStretch(fresh)) this.#broadcast(piece);
    return true;
  }

  #broadcast(stretch: Stretch): void {
    const { encode } = this.#options;
    const texts = new Map<string, string>();
    const broadcast: Broadcast = {
      stretch,
      textFor(choice) {
        const known = texts.get(choice.key);
        if (known !== undefined) return known;
        const text = encode(stretch, choice);
        texts.set(choice.key, text);
        return text;
      },
    };
    for (const member of this.#members) member.receive(broadcast);
  }

  async #readGap(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#isBehind()) {
        this.#options.onGap();
        const doubted = this.#epochDoubted;
        this.#epochDoubted = false;
        const page = await this.#options.readFeed(this.#options.storeId, this.#seq!);
        const changed = this.#take(page);
        // Members may be the ones who are late: they look for themselves.
        if (doubted || changed) for (const member of this.#members) member.epochChanged(page.epoch);
      }
    } catch (error) {
      this.#epochDoubted = true;
      this.#options.onError(error);
    } finally {
      this.#reading = false;
    }
  }

  /**
   * A page that the hub read: its reads follow one another, so what the latest says of the epoch holds.
   * @returns whether another epoch is in force, or must begin
   */
  #take(page: Stretch): boolean {
    // A hint may have named a head that this feed never had.
    if (page.to >= page.head) this.#wanted = 0;
    const isAsked = page.from === this.#seq;
    if (page.epoch !== this.#epoch || (isAsked && isOtherHistory(page, this.#stamp))) {
      this.#epoch = page.epoch;
      this.#seq = Math.min(page.to, page.head);
      this.#stamp = page.stamp;
      return true;
    }
    if (!this.#advance(page)) this.#wanted = Math.max(this.#wanted, page.to);
    return false;
  }
}
