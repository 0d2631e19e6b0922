/** Whether what the board shows is how things are: a board that is only disconnected must never look like one without work. Pure. */
import type { LinkStatus } from "@tillwire/client/api";

/** The server is heard at least every 15 s; a little later, silence is news. */
export const SILENT_AFTER_MS = 18_000;
/** A link that is lost for a moment is no reason to dim. */
export const LOST_AFTER_MS = 1_500;
/** Without a live link, the board asks this often. */
export const POLL_MS = 5_000;

export interface Contact {
  /** Epoch ms of the server's last word while the board was at the head; null: it never was. */
  readonly upToDateAt: number | null;
  /** Epoch ms since which it no longer is; null: it is. */
  readonly lostAt: number | null;
}

export type Freshness =
  | { readonly kind: "live" }
  /** `percent`: how far on the way to the head; null: not known. */
  | { readonly kind: "catching up"; readonly percent: number | null; readonly upToDateAt: number | null }
  | { readonly kind: "stale"; readonly upToDateAt: number | null }
  | { readonly kind: "paused"; readonly why: "reauthenticate" | "upgrade"; readonly upToDateAt: number | null };

/** @param upToDateAt as remembered from before the start, which is trusted for no moment */
export function noContact(upToDateAt: number | null): Contact {
  return { upToDateAt, lostAt: 0 };
}

export function contactAfter(before: Contact, link: LinkStatus, now: number): Contact {
  const atHead = link.state === "live" || (link.state === "polling" && link.progress === null);
  if (atHead && link.lastContactAt !== null) return { upToDateAt: link.lastContactAt, lostAt: null };
  return before.lostAt === null ? { ...before, lostAt: now } : before;
}

export function freshnessOf({ upToDateAt, lostAt }: Contact, link: LinkStatus, now: number): Freshness {
  if (link.paused) return { kind: "paused", why: link.paused, upToDateAt };
  const silent = upToDateAt === null || isOver(upToDateAt, SILENT_AFTER_MS, now);
  const lost = lostAt !== null && isOver(lostAt, LOST_AFTER_MS, now);
  if (!silent && !lost) return { kind: "live" };
  return link.state === "catching up"
    ? { kind: "catching up", percent: percentOf(link), upToDateAt }
    : { kind: "stale", upToDateAt };
}

/** Also when the clock was set back: nothing that was counted from it is to be trusted. */
function isOver(since: number, limitMs: number, now: number): boolean {
  return now - since >= limitMs || now - since < -limitMs;
}

function percentOf({ progress }: LinkStatus): number | null {
  if (!progress || progress.head <= 0) return null;
  return Math.min(99, Math.floor((progress.cursor / progress.head) * 100));
}

/** 00:42, or 1:02:03. */
export function clockOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}
