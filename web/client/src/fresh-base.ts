/**
 * A fresh base: read from the beginning beside the old one, which people go on seeing, and swapped in by the tx that reaches the head.
 * That tx also queues, in front of everything, what this device holds and the server lost.
 *
 *   visible ──► generation 1 ─ ─ ─ ─ ─ ─ lies aside ─ ─ ─ ─ ─ ─ ┐ deleted
 *   base ─────► generation 1 ──reset──► generation 2 ──head──► visible, with re-offers in front of the outbox
 */
import { conflicts, type ConflictData } from "@tillwire/protocol/conflicts";
import type { Change } from "@tillwire/protocol/messages";
import { isBrought } from "./bridge.ts";
import { NEW_LOCAL } from "./commit.ts";
import type { Overlay, ReofferRule, SyncRow, WriteTx } from "./local-store.ts";
import { recordKey, type OutboxRow } from "./outbox.ts";
import { asDevice, ownDevices } from "./own-devices.ts";

/** Written by the server alone, so nobody offers them again. */
const SERVER_ONLY = conflicts.name;

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

/** Until the fresh base is complete the outbox waits: what is offered again goes before it, being what its writes were made on. */
export function mayOfferAgain({ visible, base, aside, epoch }: SyncRow): boolean {
  if (visible === base || !aside) return false;
  return aside.reoffer === "always" || (aside.reoffer === "epoch changed" && aside.epoch !== epoch);
}

/** Who offers, and when. */
export interface Offerer {
  readonly deviceId: string;
  /** Device clock, epoch ms. */
  readonly now: number;
}

/** The fresh base has reached the head. @returns the sync row, not yet written */
export async function adoptFreshBase(tx: WriteTx, sync: SyncRow, offerer: Offerer): Promise<SyncRow> {
  const overlays = await tx.overlays();
  const awaited = await Promise.all(overlays.map((overlay) => isAwaited(tx, sync, overlay)));
  const past = overlays.filter((_, i) => !awaited[i]);
  if (mayOfferAgain(sync))
    await offerAgain(tx, sync.visible, await lost(tx, asDevice(sync, offerer.deviceId), past), offerer.now);
  for (const overlay of past) tx.deleteOverlay(overlay.collection, overlay.localId);
  tx.deleteGeneration(sync.visible);
  return { ...sync, visible: sync.base, aside: null };
}

/** What was settled in this epoch beyond the head that was read is no loss: its frame is on the way. */
async function isAwaited(tx: WriteTx, sync: SyncRow, overlay: Overlay): Promise<boolean> {
  if (overlay.epoch !== sync.epoch) return false;
  if (overlay.collection !== SERVER_ONLY) return overlay.seq > sync.cursor;
  const read = await tx.record(sync.base, overlay.collection, overlay.localId);
  return !read || !isBrought(overlay, read);
}

/** What is held and the fresh base has not: an overlay, or in the generation that lies aside, from where it is read once more. */
interface Loss {
  readonly seq: number;
  readonly collection: string;
  readonly localId: string;
  readonly overlay: Overlay | null;
}

const PAGE = 500;

/** What is held and may be lost, by the seq at which it was held. Page by page: a shop may be large. */
async function lost(tx: WriteTx, sync: SyncRow, overlays: readonly Overlay[]): Promise<Loss[]> {
  const losses: Loss[] = [];
  const own = ownDevices(sync);
  const isOtherHistory = sync.aside?.epoch !== sync.epoch;
  const laid = new Map(overlays.map((overlay) => [recordKey(overlay.collection, overlay.localId), overlay]));
  const take = async (held: readonly Change[]): Promise<void> => {
    const read = await Promise.all(held.map((value) => tx.record(sync.base, value.collection, value.localId)));
    for (const [i, value] of held.entries()) {
      const { seq, collection, localId } = value;
      const overlay = laid.get(recordKey(collection, localId));
      const isOverlay = overlay === value;
      if (overlay && !isOverlay && tellsMore(overlay, value)) continue;
      // the record itself is held in a version that is no lower
      if (overlay && !isOverlay) laid.delete(recordKey(collection, localId));
      const isMissing =
        collection === SERVER_ONLY
          ? isLostSide(value, read[i], own)
          : isLost(value, read[i]) || (isOtherHistory && isOther(value, read[i]));
      if (!isMissing) continue;
      losses.push({ seq, collection, localId, overlay: isOverlay ? overlay : null });
    }
  };
  for (let seq = -1; ;) {
    const page = await tx.recordsAbove(sync.visible, seq, PAGE);
    await take(page);
    if (page.length < PAGE) break;
    seq = page.at(-1)!.seq;
  }
  await take([...laid.values()]);
  return losses.sort((a, b) => a.seq - b.seq);
}

function isAbove(value: Change, other: Change | undefined): boolean {
  return value.syncVersion > (other?.syncVersion ?? 0);
}

/** Of one version there is one value, unless the server forgot this one and somebody was faster to make that version anew. */
function isLost(value: Change, read: Change | undefined): boolean {
  return isAbove(value, read) || (value.syncVersion === read?.syncVersion && value.hash !== read.hash);
}

/**
 * In another epoch the record may have reached a higher version without this value, by people who went on where the restored server stood.
 * Only the server's history tells that from a value that was superseded, which it answers as a duplicate.
 */
function isOther(value: Change, read: Change | undefined): boolean {
  return value.syncVersion !== read?.syncVersion || value.hash !== read.hash;
}

function tellsMore(overlay: Overlay, held: Change): boolean {
  return overlay.collection === SERVER_ONLY ? !isBrought(overlay, held) : isAbove(overlay, held);
}

/**
 * An own edit that waited in an open conflict, which the server has forgotten: it is sent again, as it was made. Also where an earlier side
 * of the same conflict has been settled since: nobody decided about this one.
 * @param own ids of the devices that this database was: who was enrolled after the backup comes back under another one
 */
function isLostSide(value: Change, read: Change | undefined, own: readonly string[]): boolean {
  const { status, client } = value.data as ConflictData;
  return status === "open" && own.includes(client.deviceId) && (!read || sideVersion(read) < client.syncVersion);
}

function sideVersion({ data }: Change): number {
  return (data as ConflictData).client.syncVersion;
}

async function offerAgain(tx: WriteTx, aside: number, losses: readonly Loss[], now: number): Promise<void> {
  if (losses.length === 0) return;
  const local = (await tx.meta("local")) ?? NEW_LOCAL;
  const frontKey = local.frontKey - losses.length;
  tx.setMeta("local", { ...local, frontKey });
  for (const [i, { collection, localId, overlay }] of losses.entries()) {
    const value = overlay ?? (await tx.record(aside, collection, localId));
    if (!value) continue;
    const key = frontKey + i;
    tx.putOutbox(
      collection === SERVER_ONLY ? sideAgain(value.data as ConflictData, key, now) : reoffered(value, key, now),
    );
  }
}

function reoffered(value: Change, key: number, now: number): OutboxRow {
  const { collection, localId, deleted, syncVersion, hash, data, deviceId, createdBy, updatedAt } = value;
  return {
    ...{ key, collection, localId, op: deleted ? "delete" : "put", syncVersion, base: null, hash, data },
    ...{ state: "queued", createdAt: now, editedAt: now, absorbed: [] },
    bytes: bytesOf(data),
    reoffer: { deviceId, createdBy, updatedAt },
  };
}

function sideAgain({ collection, recordId, client, base }: ConflictData, key: number, now: number): OutboxRow {
  const { deleted, syncVersion, hash, data } = client;
  return {
    ...{ key, collection, localId: recordId, op: deleted ? "delete" : "put", syncVersion, base, hash, data },
    // frozen: this very write may be known to the server
    ...{
      state: "sent",
      sentAs: client.deviceId,
      createdAt: client.at,
      editedAt: now,
      absorbed: [],
      bytes: bytesOf(data),
    },
  };
}

function bytesOf(data: unknown): number {
  return new TextEncoder().encode(JSON.stringify(data ?? null)).length;
}
