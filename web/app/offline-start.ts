/** The service worker's state as an observable. */
import { Observable } from "rxjs";
import type { OfflineStart, OfflineStartState } from "./environment.ts";

export function offlineStart$(offlineStart: OfflineStart): Observable<OfflineStartState> {
  return new Observable((subscriber) => {
    subscriber.next(offlineStart.current());
    return offlineStart.onChange(() => subscriber.next(offlineStart.current()));
  });
}
