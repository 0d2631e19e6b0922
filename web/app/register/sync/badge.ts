/** What the sync badge says: a pure function of the durable outbox and of the link, so that it can't be forgotten to be updated. */
import type { LinkStatus, SyncStats } from "@tillwire/client/api";

export type BadgeState = "live" | "syncing" | "offline" | "attention" | "catching-up" | "polling" | "connecting";
export interface Badge {
  readonly state: BadgeState;
  /** Writes that wait; for `attention` those that were rejected, and the open conflicts. */
  readonly count: number;
  /** Only while catching up, 0 to 100. */
  readonly percent: number | null;
}

/**
 * What a person must know first wins: what waits for a decision, then a missing link, then work on its way.
 * @param openConflicts of the whole shop: any register may settle them
 */
export function badgeOf(stats: Pick<SyncStats, "pending" | "failed">, link: LinkStatus, openConflicts: number): Badge {
  const badge = (state: BadgeState, count = stats.pending, percent: number | null = null): Badge => ({
    state,
    count,
    percent,
  });
  const attention = stats.failed + openConflicts;
  if (attention > 0 || link.paused) return badge("attention", attention);
  switch (link.state) {
    case "offline":
      return badge("offline");
    case "connecting":
      return badge("connecting");
    case "catching up":
      return badge("catching-up", stats.pending, percentOf(link));
    case "polling":
      return badge("polling");
    case "live":
      return badge(stats.pending > 0 ? "syncing" : "live");
  }
}

/** Never 100 while something is missing. */
function percentOf({ progress }: LinkStatus): number | null {
  if (!progress || progress.head <= 0) return null;
  return Math.min(99, Math.floor((progress.cursor / progress.head) * 100));
}
