/**
 * A fresh base: read from the beginning beside the old one, which people go on seeing, and swapped in by the tx that reaches the head.
 * That tx also queues, in front of everything, what this device holds and the server lost.
 *
 *   visible ──► generation 1 ─ ─ ─ ─ ─ ─ lies aside ─ ─ ─ ─ ─ ─ ┐ deleted
 *   base ─────► generation 1 ──reset──► generation 2 ──head──► visible, with re-offers in front of the outbox
 */
import type { Change } from "@tillwire/protocol/messages";
import { NEW_LOCAL } from "./commit.ts";
import type { Overlay, ReofferRule, SyncRow, WriteTx } from "./local-store.ts";
import { recordKey, type OutboxRow } from "./outbox.ts";

/** Written by the server alone, so nobody offers them again. */
const SERVER_ONLY = "conflicts";

export function newSync(choice: string): SyncRow {
  return {
    ...{
      visible: 1,
      base: 1,
      nextGeneration: 2,
      aside: null,
      epoch: null,
      choice,
      cursor: 0,
      head: 0,
      syncToken: null,
    },
    ...{ sums: new Map(), digestsEqual: null, digestMismatches: 0, healedAt: null, lastSyncAt: null },
  };
}

/**
 * @param epoch of the feed that will be read; null where its first frame will tell
 * @returns the sync row as written: cursor 0, no sync token
 */
export function beginFreshBase(tx: WriteTx, sync: SyncRow, epoch: string | null, rule: ReofferRule): SyncRow {
  const asideAlready = sync.visible !== sync.base;
  if (asideAlready) tx.deleteGeneration(sync.base);
  const aside = asideAlready && sync.aside ? sync.aside : { epoch: sync.epoch, reoffer: rule };
  const begun: SyncRow = {
    ...sync,
    base: sync.nextGeneration,
    nextGeneration: sync.nextGeneration + 1,
    aside: { epoch: aside.epoch, reoffer: stricter(aside.reoffer, rule) },
    ...{ epoch, cursor: 0, syncToken: null, sums: new Map(), digestsEqual: null },
  };
  tx.setMeta("sync", begun);
  return begun;
}

// Whoever discarded on purpose what devices hold beyond the server wins over every later reset.
function stricter(a: ReofferRule, b: ReofferRule): ReofferRule {
  if (a === "never" || b === "never") return "never";
  return a === "always" || b === "always" ? "always" : "epoch changed";
}

/** The fresh base has reached the head. @param now device clock, epoch ms @returns the sync row, not yet written */
export async function adoptFreshBase(tx: WriteTx, sync: SyncRow, now: number): Promise<SyncRow> {
  const overlays = await tx.overlays();
  // A write that was settled in this epoch beyond the head that was read is no loss: its frame is on the way.
  const ahead = (overlay: Overlay) => overlay.epoch === sync.epoch && overlay.seq > sync.cursor;
  const rule = sync.aside?.reoffer ?? "never";
  if (rule === "always" || (rule === "epoch changed" && sync.aside?.epoch !== sync.epoch)) {
    const old = await tx.recordsAbove(sync.visible, -1);
    await offerAgain(tx, await lost(tx, sync.base, [...old, ...overlays.filter((overlay) => !ahead(overlay))]), now);
  }
  for (const overlay of overlays) if (!ahead(overlay)) tx.deleteOverlay(overlay.collection, overlay.localId);
  tx.deleteGeneration(sync.visible);
  return { ...sync, visible: sync.base, aside: null };
}

/** What is held and the fresh base lacks or has in a lower version, by the seq at which it was held. */
async function lost(tx: WriteTx, base: number, held: readonly Change[]): Promise<Change[]> {
  const highest = new Map<string, Change>();
  for (const value of held) {
    if (value.collection === SERVER_ONLY) continue;
    const key = recordKey(value.collection, value.localId);
    if (value.syncVersion > (highest.get(key)?.syncVersion ?? 0)) highest.set(key, value);
  }
  const versions = new Map<string, number>();
  for (const record of await tx.recordsAbove(base, -1))
    versions.set(recordKey(record.collection, record.localId), record.syncVersion);
  const missing = [...highest].filter(([key, value]) => (versions.get(key) ?? 0) < value.syncVersion);
  return missing.map(([, value]) => value).sort((a, b) => a.seq - b.seq);
}

async function offerAgain(tx: WriteTx, values: readonly Change[], now: number): Promise<void> {
  if (values.length === 0) return;
  const local = (await tx.meta("local")) ?? NEW_LOCAL;
  const frontKey = local.frontKey - values.length;
  tx.setMeta("local", { ...local, frontKey });
  const encoder = new TextEncoder();
  for (const [
    i,
    { collection, localId, deleted, syncVersion, hash, data, deviceId, createdBy, updatedAt },
  ] of values.entries()) {
    const row: OutboxRow = {
      ...{
        key: frontKey + i,
        collection,
        localId,
        op: deleted ? "delete" : "put",
        syncVersion,
        base: null,
        hash,
        data,
      },
      ...{ state: "queued", createdAt: now, editedAt: now, absorbed: [] },
      bytes: encoder.encode(JSON.stringify(data ?? null)).length,
      reoffer: { deviceId, createdBy, updatedAt },
    };
    tx.putOutbox(row);
  }
}
