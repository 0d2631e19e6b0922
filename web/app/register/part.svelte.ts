/** A part of the register that is not in the first load: fetched once, with its texts, and again after it could not be had. */
import type { MessagePart } from "../messages/languages.ts";
import { needTexts } from "../messages/messages.svelte.ts";

export class Part<T> {
  value = $state.raw<T | null>(null);
  failed = $state(false);
  #fetching: Promise<void> | null = null;

  readonly #texts: readonly MessagePart[];

  constructor(
    private readonly load: () => Promise<{ readonly default: T }>,
    ...texts: readonly MessagePart[]
  ) {
    this.#texts = texts;
  }

  /** Resolves whatever comes of it: `value`, or `failed`. */
  fetch(): Promise<void> {
    if (this.value !== null) return Promise.resolve();
    this.#fetching ??= Promise.all([this.load(), needTexts(...this.#texts)])
      .then(
        ([module]) => {
          this.value = module.default;
          this.failed = false;
        },
        () => void (this.failed = true),
      )
      .finally(() => (this.#fetching = null));
    return this.#fetching;
  }
}
