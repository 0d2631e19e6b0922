/**
 * The link as people are told of it: a link that is lost for a moment is looked for, and only after that it is offline. Without this
 * every start and every blip would flash a warning.
 */
import { concat, delay, of, pipe, scan, switchMap, type OperatorFunction } from "rxjs";
import type { LinkStatus } from "@tillwire/client/api";

export const OFFLINE_AFTER_MS = 1_500;

export function calmLink(now: () => number): OperatorFunction<LinkStatus, LinkStatus> {
  interface Seen {
    readonly link: LinkStatus;
    readonly offlineSince: number | null;
  }
  const nothing: Seen = { link: {} as LinkStatus, offlineSince: null };
  return pipe(
    scan(
      (seen: Seen, link: LinkStatus): Seen => ({
        link,
        offlineSince: link.state === "offline" ? (seen.offlineSince ?? now()) : null,
      }),
      nothing,
    ),
    switchMap(({ link, offlineSince }) => {
      const left = offlineSince === null || link.paused ? 0 : offlineSince + OFFLINE_AFTER_MS - now();
      if (left <= 0) return of(link);
      return concat(of<LinkStatus>({ ...link, state: "connecting" }), of(link).pipe(delay(left)));
    }),
  );
}
