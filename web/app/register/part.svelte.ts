/** A part of the register that is not in the first load: fetched once, and again after it could not be had. */
export class Part<T> {
  value = $state.raw<T | null>(null);
  failed = $state(false);
  #fetching: Promise<void> | null = null;

  constructor(private readonly load: () => Promise<{ readonly default: T }>) {}

  /** Resolves whatever comes of it: `value`, or `failed`. */
  fetch(): Promise<void> {
    if (this.value !== null) return Promise.resolve();
    this.#fetching ??= this.load()
      .then(
        (module) => {
          this.value = module.default;
          this.failed = false;
        },
        () => void (this.failed = true),
      )
      .finally(() => (this.#fetching = null));
    return this.#fetching;
  }
}
