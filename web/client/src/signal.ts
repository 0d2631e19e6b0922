/** A value that others can listen to: what observe.ts turns into an Observable, and all that the rest of the client knows of one. */
export interface Signal<T> {
  get(): T;
  /** @returns stops listening */
  listen(run: () => void): () => void;
}

export interface WritableSignal<T> extends Signal<T> {
  set(value: T): void;
}

export function signal<T>(initial: T): WritableSignal<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const run of [...listeners]) run();
    },
    listen(run) {
      // a wrapper of its own, so that one function may listen twice
      const listener = () => run();
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A part of a signal: listeners are told whenever the whole changes, and look for themselves. */
export function part<T>(whole: Signal<unknown>, get: () => T): Signal<T> {
  return { get, listen: (run) => whole.listen(run) };
}

/** Made of several: listeners are told whenever one of them changes. */
export function derived<T>(sources: readonly Signal<unknown>[], get: () => T): Signal<T> {
  return {
    get,
    listen(run) {
      const stops = sources.map((source) => source.listen(run));
      return () => stops.forEach((stop) => stop());
    },
  };
}
