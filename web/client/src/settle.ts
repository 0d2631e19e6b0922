/** The outbox's txs on the way to the server and back: what goes out is frozen first, what comes back settles it. */
import type { Result } from "@tillwire/protocol/messages";
import { bridge } from "./bridge.ts";
import type { Overlay, SyncRow, WriteTx } from "./local-store.ts";
import { frozenAs, madeOn, recordKey, ROW_TRANSITIONS, takeBatch, type BatchLimits, type OutboxRow } from "./outbox.ts";
import { settle, type SentWrite, type SettledValue } from "./settlement.ts";

/**
 * Takes the next batch; from here on its rows are frozen.
 * @param deviceId of this device, as which it sends them
 */
export async function takeOut(tx: WriteTx, limits: BatchLimits, deviceId: string): Promise<OutboxRow[]> {
  const front = 4 * limits.writes;
  const first = await tx.outbox(front);
  let batch = takeBatch(first, limits);
  // Rejected rows in front never keep the others waiting (L2).
  if (batch.length === 0 && first.length === front) batch = takeBatch(await tx.outbox(), limits);
  return batch.map((row) => {
    const state = ROW_TRANSITIONS[row.state].pushed;
    if (state === row.state || state === "gone") return row;
    const frozen = frozenAs(deviceId, row);
    tx.putOutbox(frozen);
    return frozen;
  });
}

export interface Answer {
  readonly sent: readonly SentWrite[];
  readonly results: readonly Result[];
  /** Epoch in which it was sent: seqs of another one mean nothing here. */
  readonly epoch: string | null;
  /** Of this device; its writes bear it. */
  readonly deviceId: string;
  /** Device clock, epoch ms. */
  readonly now: number;
  /** Collections that the feed brings; null: all. */
  readonly subscribed: ReadonlySet<string> | null;
}

/** @returns how many writes were settled or rejected, and whether a result proves that the server was restored */
export async function settleAnswer(
  tx: WriteTx,
  sync: SyncRow,
  answer: Answer,
): Promise<{ settled: number; restored: boolean }> {
  let settled = 0;
  let restored = false;
  // A push takes a record once, so record and result find each other whatever the order.
  const results = new Map(answer.results.map((result) => [recordKey(result.collection, result.localId), result]));
  for (const sent of answer.sent) {
    const result = results.get(recordKey(sent.collection, sent.localId));
    if (!result) continue;
    const { put, remove, row, value } = settle(await tx.outboxOf(sent.collection, sent.localId), sent, result);
    if (!row) continue;
    settled++;
    for (const key of remove) tx.deleteOutbox(key);
    for (const changed of put) tx.putOutbox(changed);
    await bridge(tx, sync, row, result, answer);
    if (value && (await lay(tx, sync, row, value, answer)) === "restored") restored = true;
  }
  return { settled, restored };
}

/** Lays a settled value over the base, unless the feed has brought it already or never will. */
async function lay(
  tx: WriteTx,
  sync: SyncRow,
  row: OutboxRow,
  value: SettledValue,
  answer: Answer,
): Promise<"laid" | "covered" | "restored"> {
  const { collection, localId } = row;
  if (answer.epoch === null || (answer.subscribed && !answer.subscribed.has(collection))) return "covered";
  const [base, before] = await Promise.all([
    tx.record(sync.visible, collection, localId),
    tx.overlay(collection, localId),
  ]);
  // seqs compare within one epoch; what lies aside may be of another
  const fresh = sync.visible === sync.base ? base : undefined;
  if (fresh && fresh.seq >= value.seq) {
    const isThis = value.asSent && fresh.syncVersion === value.syncVersion && fresh.hash === value.hash;
    if (isThis && !fresh.madeOn) tx.putRecord({ ...fresh, madeOn: madeOn(row, before) });
    return "covered";
  }
  if (before && before.epoch === answer.epoch && before.seq >= value.seq) return "covered";
  if (fresh && value.syncVersion < fresh.syncVersion) return "restored";
  const known = before ?? base;
  const { seq, syncVersion, hash, deleted, data } = value;
  const author = row.reoffer?.deviceId ?? answer.deviceId;
  const overlay: Overlay = {
    ...{ epoch: answer.epoch, seq, collection, localId, syncVersion, hash, deleted, data },
    // the result does not tell whose value won; the feed will
    deviceId: value.asSent ? author : (known?.deviceId ?? author),
    createdBy: known?.createdBy ?? row.reoffer?.createdBy ?? answer.deviceId,
    updatedAt: value.updatedAt ?? answer.now,
    ...(value.asSent ? { madeOn: madeOn(row, known) } : {}),
  };
  tx.putOverlay(overlay);
  // The feed was read to its head beyond this seq and did not bring it: the server has lost it since.
  const complete = sync.visible === sync.base && sync.cursor >= sync.head && sync.epoch === answer.epoch;
  return complete && seq <= sync.cursor ? "restored" : "laid";
}
