/** The versions of one record, fetched page by page from the server: what was superseded is kept there only. */
import type { Replica } from "@tillwire/client/api";
import type { Change } from "@tillwire/protocol/messages";

export type Trouble = "offline" | "unknown" | { readonly error: unknown };

export class Versions {
  /** Latest first; null: none fetched yet. */
  list = $state.raw<readonly Change[] | null>(null);
  loading = $state(false);
  trouble = $state.raw<Trouble | null>(null);
  #nextBefore = $state.raw<number | null>(null);
  #asked = 0;

  constructor(
    private readonly replica: Pick<Replica, "history">,
    private readonly collection: string,
    private readonly localId: string,
  ) {}

  /** Whether nothing older is to be had. */
  readonly complete = $derived.by(() => this.#nextBefore === null);

  /** The latest page again, as after a change. */
  reload(): Promise<void> {
    return this.#fetch(undefined);
  }
  older(): Promise<void> {
    return this.#nextBefore === null ? Promise.resolve() : this.#fetch(this.#nextBefore);
  }

  async #fetch(before: number | undefined): Promise<void> {
    const asked = ++this.#asked;
    this.loading = true;
    try {
      const page = await this.replica.history(this.collection, this.localId, before);
      if (asked !== this.#asked) return; // asked again meanwhile
      this.list = before === undefined ? page.versions : [...(this.list ?? []), ...page.versions];
      this.#nextBefore = page.nextBefore;
      this.trouble = null;
    } catch (error) {
      if (asked === this.#asked) this.trouble = troubleOf(error);
    } finally {
      if (asked === this.#asked) this.loading = false;
    }
  }
}

function troubleOf(error: unknown): Trouble {
  const code = error instanceof Error && "code" in error ? error.code : "UNAVAILABLE";
  if (code === "NOT_FOUND") return "unknown";
  return code === "UNAVAILABLE" || code === "SHUTTING_DOWN" ? "offline" : { error };
}
