/** Which tickets a board holds in memory: all that are open, and the last that were served. The local database keeps the rest. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Ticket } from "@tillwire/protocol/pos/tickets";

/** As many as anybody calls back. */
export const SERVED_KEPT = 30;
/** And no longer than this. */
export const SERVED_KEPT_MS = 12 * 60 * 60_000;

/** @returns whether a ticket stays; asked for all of them, again and again */
export function servedWindow(now: () => number): (record: ReplicaRecord<unknown>) => boolean {
  const latest = new Map<string, number>();
  return ({ localId, data, updatedAt }) => {
    latest.delete(localId);
    if ((data as Ticket).state !== "served") return true;
    if (now() - updatedAt >= SERVED_KEPT_MS) return false;
    if (latest.size >= SERVED_KEPT) {
      const [oldest, at] = [...latest].reduce((a, b) => (b[1] < a[1] ? b : a));
      if (at > updatedAt) return false;
      latest.delete(oldest);
    }
    latest.set(localId, updatedAt);
    return true;
  };
}
