/** Counts for people, derived from outbox and base. Pure. */
import type { CollectionStats, OutboxEntry, SyncState, SyncStats } from "./api.ts";
import type { DeviceStatus } from "@tillwire/protocol/messages";
import type { SyncRow } from "./local-store.ts";
import type { OutboxRow } from "./outbox.ts";

export function statsOf(
  names: readonly string[],
  sync: SyncRow,
  rows: readonly OutboxRow[],
  syncState: SyncState,
): SyncStats {
  const collections = new Map<string, { pending: number; synced: number; failed: number }>();
  for (const name of names) collections.set(name, { pending: 0, synced: sync.sums.get(name)?.live ?? 0, failed: 0 });
  let oldestPendingAt: number | null = null;
  for (const row of rows) {
    const stats = collections.get(row.collection) ?? { pending: 0, synced: 0, failed: 0 };
    collections.set(row.collection, stats);
    if (row.state === "rejected") stats.failed++;
    else {
      stats.pending++;
      oldestPendingAt = Math.min(oldestPendingAt ?? row.createdAt, row.createdAt);
    }
  }
  const all = [...collections.values()];
  const total = (member: keyof CollectionStats) => all.reduce((sum, stats) => sum + stats[member], 0);
  return {
    ...{ pending: total("pending"), synced: total("synced"), failed: total("failed"), collections, oldestPendingAt },
    lastSyncAt: syncState.type === "Success" ? syncState.at : sync.lastSyncAt,
    digestsEqual: sync.digestsEqual,
    digestMismatches: sync.digestMismatches,
  };
}

export function entryOf(row: OutboxRow): OutboxEntry {
  const { key, collection, localId, op, syncVersion, createdAt, state, error, resolves, data } = row;
  const settling = resolves === undefined ? {} : { resolves };
  return {
    key,
    collection,
    localId,
    op,
    syncVersion,
    createdAt,
    state,
    data,
    ...settling,
    ...(error ? { error } : {}),
  };
}

/** What this device tells the server of its outbox and position. */
export function deviceStatusOf(
  { cursor, digestsEqual, digestMismatches }: SyncRow,
  rows: readonly OutboxRow[],
): DeviceStatus {
  let pending = 0;
  let oldestPendingAt: number | null = null;
  for (const row of rows) {
    if (row.state === "rejected") continue;
    pending++;
    oldestPendingAt = Math.min(oldestPendingAt ?? row.createdAt, row.createdAt);
  }
  const equal = digestsEqual === null ? {} : { digestsEqual };
  return { cursor, pending, failed: rows.length - pending, oldestPendingAt, digestMismatches, ...equal };
}
