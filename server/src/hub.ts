/**
 * The hub: per store and node, what sends the feed on as it grows.
 *
 *   accept ── publish ──┐                      ┌── session (choice a) ─┐ one encoding
 *   notice ── hint ─────┼──> seq ── broadcast ─┼── session (choice a) ─┘ per choice
 *   sweep  ── hint ─────┘     └ gap: readFeed  └── session (choice b)
 *
 * Frames leave in order. Whatever does not continue `seq` makes the hub read the gap from the feed, which alone is the truth.
 */
import { encodeFrame, sliceStretch, splitStretch, type Choice, type Stretch } from "./frames.ts";
import type { Committed } from "./accept.ts";

/** A stretch on its way to the members, encoded at most once per choice. */
export interface Broadcast {
  readonly stretch: Stretch;
  textFor(choice: Choice): string;
}

export interface HubMember {
  receive(broadcast: Broadcast): void;
  /** Another epoch is in force: what was sent so far belongs to a history that is over. */
  epochChanged(epoch: string): void;
}

export interface HubOptions {
  readonly storeId: string;
  /** All collections from `from` on. */
  readonly readFeed: (storeId: string, from: number) => Promise<Stretch>;
  readonly onGap: () => void;
  /** The feed could not be read; the next hint tries again. */
  readonly onError: (error: unknown) => void;
}

export class StoreHub {
  readonly #options: HubOptions;
  readonly #members = new Set<HubMember>();
  // null until a session or a commit has told where the feed stands
  #seq: number | null = null;
  #epoch: string | null = null;
  // Epochs do not come back: what still speaks of one of these is late.
  readonly #pastEpochs = new Set<string>();
  #wanted = 0;
  #reading = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  get seq(): number | null {
    return this.#seq;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  join(member: HubMember): void {
    this.#members.add(member);
  }

  leave(member: HubMember): void {
    this.#members.delete(member);
  }

  /** A session read the feed up to `seq`. */
  reached(seq: number, epoch: string): void {
    if (this.#noticeEpoch(epoch)) this.#seq ??= seq;
    this.hint(seq, epoch);
  }

  publish(committed: Committed): void {
    const stretch: Stretch = { ...committed, head: committed.to };
    if (!this.#noticeEpoch(stretch.epoch)) return;
    if (this.#seq !== null && stretch.from > this.#seq) this.hint(stretch.to, stretch.epoch);
    else this.#advance(stretch);
  }

  /** Somebody says that the feed has reached `head`; true or not, it is looked up. */
  hint(head: number, epoch: string): void {
    if (!this.#noticeEpoch(epoch)) return;
    this.#wanted = Math.max(this.#wanted, head);
    if (this.#seq !== null && this.#wanted > this.#seq && !this.#reading) void this.#readGap();
  }

  /** @returns false for an epoch that is over */
  #noticeEpoch(epoch: string): boolean {
    if (this.#epoch === epoch) return true;
    if (this.#pastEpochs.has(epoch)) return false;
    const past = this.#epoch;
    this.#epoch = epoch;
    if (past === null) return true;
    this.#pastEpochs.add(past);
    // The new history may be shorter: start again from where the first session or commit stands.
    this.#seq = null;
    this.#wanted = 0;
    for (const member of this.#members) member.epochChanged(epoch);
    return true;
  }

  /** Sends on what is new of the stretch; it must not begin above seq. */
  #advance(stretch: Stretch): void {
    if (this.#seq === null) this.#seq = stretch.from;
    if (stretch.to <= this.#seq) return;
    const fresh = sliceStretch(stretch, this.#seq);
    this.#seq = stretch.to;
    for (const piece of splitStretch(fresh)) this.#broadcast(piece);
  }

  #broadcast(stretch: Stretch): void {
    const texts = new Map<string, string>();
    const broadcast: Broadcast = {
      stretch,
      textFor(choice) {
        const known = texts.get(choice.key);
        if (known !== undefined) return known;
        const text = encodeFrame(stretch, choice);
        texts.set(choice.key, text);
        return text;
      },
    };
    for (const member of this.#members) member.receive(broadcast);
  }

  async #readGap(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#seq !== null && this.#wanted > this.#seq && !this.isEmpty) {
        this.#options.onGap();
        const page = await this.#options.readFeed(this.#options.storeId, this.#seq);
        if (page.epoch !== this.#epoch) {
          if (!this.#noticeEpoch(page.epoch)) continue;
          return;
        }
        // a hint may have named a head that the feed never had
        if (page.to >= page.head) this.#wanted = Math.max(page.head, this.#seq ?? 0);
        this.#advance(page);
      }
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#reading = false;
    }
  }
}
