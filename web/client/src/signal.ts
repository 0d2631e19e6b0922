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
