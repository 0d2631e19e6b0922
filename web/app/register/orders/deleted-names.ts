/** What deleted orders were: not on this register any more, so the server is asked, one after another and once for each. */
import { SvelteMap } from "svelte/reactivity";
import type { Replica } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";

/** null: the server has no version of it either; undefined: not known yet. */
export type Former = Pick<Order, "orderNumber" | "total" | "items"> | null;

export class DeletedNames {
  readonly #known = new SvelteMap<string, Former>();
  readonly #asked = new Set<string>();
  #queue: Promise<void> = Promise.resolve();

  constructor(private readonly replica: Pick<Replica, "history">) {}

  of(localId: string): Former | undefined {
    return this.#known.get(localId);
  }

  /** Whoever is not reached is asked again the next time that somebody looks. */
  ask(localId: string): void {
    if (this.#asked.has(localId)) return;
    this.#asked.add(localId);
    this.#queue = this.#queue.then(() => this.#fetch(localId));
  }

  async #fetch(localId: string): Promise<void> {
    try {
      const { versions } = await this.replica.history("orders", localId);
      const former = versions.find(({ deleted }) => !deleted);
      this.#known.set(localId, (former?.data ?? null) as Former);
    } catch {
      this.#asked.delete(localId);
    }
  }
}
