/** Which tickets a board holds in memory: all that are open, and the last that were served. The local database keeps the rest. Pure. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Ticket } from "@tillwire/protocol/pos/tickets";

/** As many as anybody calls back. */
export const SERVED_KEPT = 30;
/** And no longer than this. */
export const SERVED_KEPT_MS = 12 * 60 * 60_000;

export function ticketsInSight(records: readonly ReplicaRecord<unknown>[], now: number): ReplicaRecord<unknown>[] {
  const isServed = ({ data }: ReplicaRecord<unknown>) => (data as Ticket).state === "served";
  const served = records
    .filter((record) => isServed(record) && now - record.updatedAt < SERVED_KEPT_MS)
    .sort((a, b) => b.updatedAt - a.updatedAt);
  return [...records.filter((record) => !isServed(record)), ...served.slice(0, SERVED_KEPT)];
}
