/** The bridge from RxJS to Svelte: observables in, reactive values out. */
import { onDestroy } from "svelte";
import { Subscription, type Observable } from "rxjs";

export interface Live<T> {
  /** The latest value; reading it in a component follows it. */
  readonly current: T;
}

/** Follows observables until `close`; for state that outlives single components. */
export class LiveValues {
  readonly #subscriptions = new Subscription();

  of<T>(source: Observable<T>, initial: T): Live<T> {
    // raw: records are replaced, never changed in place, and there may be 20,000 of them
    let value = $state.raw(initial);
    this.#subscriptions.add(source.subscribe((next) => (value = next)));
    return {
      get current() {
        return value;
      },
    };
  }

  run<T>(source: Observable<T>, effect: (value: T) => void): void {
    this.#subscriptions.add(source.subscribe(effect));
  }

  close(): void {
    this.#subscriptions.unsubscribe();
  }
}

/** Follows one observable for as long as the component that calls this lives. */
export function live<T>(source: Observable<T>, initial: T): Live<T> {
  const values = new LiveValues();
  onDestroy(() => values.close());
  return values.of(source, initial);
}
