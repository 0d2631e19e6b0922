/** Frames: the only thing that moves base records, cursor and digests, all in one tx. */
import { conflicts } from "@tillwire/protocol/conflicts";
import { adjustDigest, formatDigest, parseDigest } from "@tillwire/protocol/digest";
import type { Change, Changes, Digests } from "@tillwire/protocol/messages";
import { parseSyncToken } from "@tillwire/protocol/sync-token";
import { isBrought } from "./bridge.ts";
import { adoptFreshBase, beginFreshBase, type Offerer } from "./fresh-base.ts";
import type { BaseRecord, CollectionSum, Overlay, SyncRow, WriteTx } from "./local-store.ts";
import { recordKey } from "./outbox.ts";

export type FrameStep =
  | "apply"
  /** Known already. */
  | "drop"
  /** It does not continue the cursor: read the feed from there. */
  | "pull";

/** The chain: a frame is applied only if it begins where the last one ended. */
export function frameStep(cursor: number, frame: Pick<Changes, "from" | "to">): FrameStep {
  if (frame.from === cursor) return "apply";
  return frame.to <= cursor ? "drop" : "pull";
}

export interface FrameOutcome {
  readonly step: FrameStep;
  readonly sync: SyncRow;
  /** A fresh base was begun: the server was restored or this replica differs; read the feed from the beginning. */
  readonly restarted: "restored" | "digests differ" | null;
}

const HEAL_INTERVAL_MS = 60 * 60_000;

/** @param device this one, for what it has to offer again */
export async function applyFrame(tx: WriteTx, sync: SyncRow, frame: Changes, device: Offerer): Promise<FrameOutcome> {
  const step = frameStep(sync.cursor, frame);
  if (step !== "apply") return { step, sync, restarted: null };
  const epoch = parseSyncToken(frame.syncToken)?.epoch ?? sync.epoch;
  if (sync.epoch !== null && epoch !== sync.epoch) return restart(tx, sync, "restored");

  const { changes } = frame;
  const [known, overlays] = await Promise.all([
    tx.recordsAt(sync.base, changes),
    // what lies over a base that is being read is looked at when it is complete
    sync.visible === sync.base ? tx.overlays() : [],
  ]);
  const atHead = frame.to >= frame.head;
  // Decided before anything is written: what proves a restore is not applied, and neither is the rest of its frame.
  if (changes.some((change, i) => change.syncVersion < (known[i]?.syncVersion ?? 0)))
    return restart(tx, sync, "restored");
  const brought = new Map(overlays.length === 0 ? [] : changes.map((change) => [keyOf(change), change]));
  if (
    overlays.some(
      (overlay) => overlay.epoch === epoch && isLost(overlay, brought.get(keyOf(overlay)), atHead, frame.to),
    )
  )
    return restart(tx, sync, "restored");

  const laid = new Map(overlays.map((overlay) => [keyOf(overlay), overlay]));
  for (const change of changes)
    tx.putRecord(baseRecord(sync.base, change, laid.size === 0 ? undefined : laid.get(keyOf(change))));
  // a settled write gives way once the feed has brought its record at its seq or above
  for (const overlay of overlays) {
    const change = brought.get(keyOf(overlay));
    if (change && isBrought(overlay, change)) tx.deleteOverlay(overlay.collection, overlay.localId);
  }
  const sums = adjustedSums(sync.sums, changes, known);
  const digestsEqual = atHead && frame.digests ? equalDigests(sums, frame.digests) : sync.digestsEqual;
  const moved: SyncRow = {
    ...sync,
    ...{ epoch, sums, digestsEqual, syncToken: frame.syncToken, cursor: frame.to, head: frame.head },
    lastSyncAt: atHead ? device.now : sync.lastSyncAt,
  };
  return atHead ? arrived(tx, moved, device) : stored(tx, moved);
}

function stored(tx: WriteTx, sync: SyncRow): FrameOutcome {
  tx.setMeta("sync", sync);
  return { step: "apply", sync, restarted: null };
}

async function restart(tx: WriteTx, sync: SyncRow, why: "restored" | "digests differ"): Promise<FrameOutcome> {
  const begun = beginFreshBase(tx, sync, null, "always");
  return { step: "apply", sync: begun, restarted: why };
}

/** At the head: what lay aside is swapped out, and a replica that differs is healed, at most once an hour. */
async function arrived(tx: WriteTx, sync: SyncRow, device: Offerer): Promise<FrameOutcome> {
  const { now } = device;
  const complete = sync.visible === sync.base ? sync : await adoptFreshBase(tx, sync, device);
  if (complete.digestsEqual !== false) return stored(tx, complete);
  const counted = { ...complete, digestMismatches: complete.digestMismatches + 1 };
  if (!isHealingDue(counted.healedAt, now)) return stored(tx, counted);
  return restart(tx, { ...counted, healedAt: now }, "digests differ");
}

/** A replica that differs is read anew at most once an hour. */
export function isHealingDue(healedAt: number | null, now: number): boolean {
  // a time that lies ahead was read from a clock that has been set back since
  return healedAt === null || Math.abs(now - healedAt) >= HEAL_INTERVAL_MS;
}

function keyOf(change: Change): string {
  return recordKey(change.collection, change.localId);
}

function baseRecord(generation: number, change: Change, laid: Overlay | undefined): BaseRecord {
  const { seq, collection, localId, syncVersion, hash, deleted, deviceId, createdBy, updatedAt, data } = change;
  const record = {
    generation,
    seq,
    collection,
    localId,
    syncVersion,
    hash,
    deleted,
    deviceId,
    createdBy,
    updatedAt,
    data,
  };
  const isThis = laid?.madeOn && laid.syncVersion === syncVersion && laid.hash === hash;
  return isThis ? { ...record, madeOn: laid.madeOn } : record;
}

const EMPTY_SUM: CollectionSum = { count: 0, live: 0, digest: formatDigest(0n) };

/** @param known the record of each change, as it was before the frame */
function adjustedSums(
  sums: ReadonlyMap<string, CollectionSum>,
  changes: readonly Change[],
  known: readonly (Change | undefined)[],
): Map<string, CollectionSum> {
  const adjusted = new Map<string, { count: number; live: number; digest: bigint }>();
  const brought = new Map<string, Change>();
  for (const [i, change] of changes.entries()) {
    const key = keyOf(change);
    const before = brought.get(key) ?? known[i];
    brought.set(key, change);
    let sum = adjusted.get(change.collection);
    if (!sum) {
      const { count, live, digest } = sums.get(change.collection) ?? EMPTY_SUM;
      adjusted.set(change.collection, (sum = { count, live, digest: parseDigest(digest) }));
    }
    sum.count += before ? 0 : 1;
    sum.live += (change.deleted ? 0 : 1) - (before && !before.deleted ? 1 : 0);
    sum.digest = adjustDigest(sum.digest, before ?? null, change);
  }
  const all = new Map(sums);
  for (const [name, sum] of adjusted) all.set(name, { ...sum, digest: formatDigest(sum.digest) });
  return all;
}

/** Collections without records may be missing on either side. */
export function equalDigests(sums: ReadonlyMap<string, CollectionSum>, digests: Digests): boolean {
  const theirs = new Map(Object.entries(digests));
  const names = new Set([...sums.keys(), ...theirs.keys()]);
  return [...names].every((name) => {
    const ours = sums.get(name) ?? EMPTY_SUM;
    const { count, digest } = theirs.get(name) ?? EMPTY_SUM;
    return ours.count === count && ours.digest === digest;
  });
}

/** Whether the server no longer knows a write that it settled: below its version, or not at all though the feed was read beyond its seq. */
function isLost(overlay: Overlay, change: Change | undefined, atHead: boolean, to: number): boolean {
  if (overlay.collection === conflicts.name) return false;
  if (change && isBrought(overlay, change)) return change.syncVersion < overlay.syncVersion;
  // equal cursors may hold different contents before the head: later changes have left the page
  return atHead && overlay.seq <= to;
}
