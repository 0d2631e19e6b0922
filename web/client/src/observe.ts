/** Turns the client's signals into RxJS: the only file that knows it. */
import { Observable } from "rxjs";
import type { Signal } from "./signal.ts";

export type { Observable } from "rxjs";

/** Emits the current value at once, then every new one. A subscriber that throws harms nobody: RxJS reports it apart. */
export function observe<T>(source: Signal<T>): Observable<T> {
  return observeLoaded(source);
}

/** The same, for a source that may have to be loaded first. */
export function observeLoaded<T>(source: Signal<T> | (() => Promise<Signal<T>>)): Observable<T> {
  return new Observable((subscriber) => {
    let stop: (() => void) | undefined;
    function follow(loaded: Signal<T>): void {
      if (subscriber.closed) return;
      let last = loaded.get();
      subscriber.next(last);
      stop = loaded.listen(() => {
        const next = loaded.get();
        if (Object.is(next, last)) return;
        last = next;
        subscriber.next(next);
      });
    }
    if (typeof source === "function") source().then(follow, (error: unknown) => subscriber.error(error));
    else follow(source);
    return () => stop?.();
  });
}
