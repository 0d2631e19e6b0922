/** Whether a shop has the node to itself: what is done at once for one shop alone is parted where others would wait for it. */

/** Longer than the pauses between the sales of a shop that is open. */
const RECENT_MS = 10_000;

interface Visit {
  readonly storeId: string;
  readonly at: number;
}

export class Neighbours {
  #latest: Visit | null = null;
  /** The latest of any other shop than that. */
  #other: Visit | null = null;

  /** @param now epoch ms */
  constructor(private readonly now: () => number) {}

  /** The shop sends something. */
  seen(storeId: string): void {
    if (this.#latest && this.#latest.storeId !== storeId) this.#other = this.#latest;
    this.#latest = { storeId, at: this.now() };
  }

  /** Whether another shop sent something of late. */
  hasOthers(storeId: string): boolean {
    const other = this.#latest?.storeId === storeId ? this.#other : this.#latest;
    // A clock that was set back makes it late, at worst, not early.
    return other !== null && this.now() - other.at < RECENT_MS;
  }
}
