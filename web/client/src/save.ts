/** Saving on this device: checks and hashes first, then one strict tx for the writes and the numbers that they bear. */
import { checkData, type AnyCollection, type CollectionSet } from "@tillwire/protocol/collection";
import { WriteRejection } from "@tillwire/protocol/errors";
import { hashOf } from "@tillwire/protocol/hash";
import { idSchema, type Base } from "@tillwire/protocol/messages";
import type { Identity, NumberSource, ReplicaRecord, WriteIntent } from "./api.ts";
import { commit, NEW_LOCAL, type Committed } from "./commit.ts";
import type { BaseRecord, LocalStore, Overlay, SyncRow, WriteTx } from "./local-store.ts";
import { readLostSide } from "./lost-side.ts";
import { ownSidePosition } from "./open-conflicts.ts";
import { enqueue, frozenAs, recordKey, samePosition, type Draft, type OutboxRow } from "./outbox.ts";
import { EXPRESS_WRITES } from "./pusher.ts";
import { standingOf } from "./settle-conflict.ts";
import { enqueueSettling, isUnsentChoice } from "./settling-row.ts";
import type { View } from "./view.ts";
import { settledOf, settledPosition, visibleOf } from "./visible.ts";

export interface SaveHost {
  readonly store: LocalStore;
  readonly collections: CollectionSet;
  readonly identity: Identity;
  /** Collections that this device keeps; null: all. */
  readonly subscribed: ReadonlySet<string> | null;
  /** Spares the tx a search where it is up to date. */
  readonly view: Pick<View, "conflictsAbout">;
  now(): number;
  newId(): string;
  /** Null: the outbox waits its turn. */
  express(): Express | null;
  /** What this tab last knew of each counter: a guess, which the tx checks. */
  readonly counters: Map<string, number>;
}

/** The lead of a sync loop that has nothing to do: what is saved under it may leave at once. */
export interface Express {
  readonly fence: number;
  readonly epoch: string;
}

/** Rows that were frozen as they were saved, to be sent by whoever gave the `Express`. */
export interface Frozen {
  readonly rows: readonly OutboxRow[];
  readonly epoch: string;
}

export interface Saved {
  /** What people see of each record from now on; undefined for a deletion. */
  readonly records: (ReplicaRecord<unknown> | undefined)[];
  readonly frozen: Frozen | null;
}

interface CheckedDraft extends Draft {
  readonly declaration: AnyCollection;
}

/** A number was asked of a series whose counter has not been read, or that another tab has moved on since. */
class CounterUnknown extends Error {
  constructor(readonly series: string) {
    super(`the counter of ${series} is to be read`);
  }
}

/**
 * @throws WriteRejection; nothing is saved then
 */
export async function save(
  host: SaveHost,
  build: (numbers: NumberSource) => readonly WriteIntent[],
): Promise<Committed<Saved>> {
  for (;;) {
    try {
      return await saveWith(host, build);
    } catch (error) {
      if (!(error instanceof CounterUnknown)) throw error;
      const { series } = error;
      host.counters.set(series, (await host.store.read((tx) => tx.counter(series))) ?? 0);
    }
  }
}

async function saveWith(
  host: SaveHost,
  build: (numbers: NumberSource) => readonly WriteIntent[],
): Promise<Committed<Saved>> {
  const given = new Map<string, number>();
  // Two saves at once guess alike; the later one's tx finds out.
  const guessed = new Map(host.counters);
  const numbers = numberSource(host.identity.registerCode, guessed, given);
  // Everything that takes time or is no IndexedDB comes before the tx: a foreign await would end it.
  const drafts = build(numbers).map((intent) => checkedDraft(host, intent));
  const committed = await commit(host.store, "strict", async (tx) => {
    const asked = [...given].map(async ([series, value]) => ({ series, value, last: (await tx.counter(series)) ?? 0 }));
    const [sync, lease, ...counters] = await Promise.all([tx.meta("sync"), tx.meta("lease"), ...asked]);
    for (const { series, value, last } of counters) {
      if (last !== guessed.get(series)) throw new CounterUnknown(series);
      tx.setCounter(series, value);
    }
    if (!sync) throw new Error("the local database has not been set up");
    // Saves the sync loop a tx of its own, and the sale the wait for it: what is frozen here goes out when this tx is durable.
    const express = drafts.length <= EXPRESS_WRITES ? host.express() : null;
    const freeze = express !== null && lease?.fence === express.fence && sync.epoch === express.epoch;
    const records: (ReplicaRecord<unknown> | undefined)[] = [];
    const rows: OutboxRow[] = [];
    for (const draft of drafts) {
      const { record, frozen } = await saveOne(tx, sync, draft, host, freeze);
      records.push(record);
      if (frozen) rows.push(frozen);
    }
    return { records, frozen: express && rows.length > 0 ? { rows, epoch: express.epoch } : null };
  });
  for (const [series, value] of given) host.counters.set(series, value);
  return committed;
}

// A new register code starts its numbers anew: that of a register that was wiped is never given twice.
function numberSource(
  registerCode: string,
  counters: ReadonlyMap<string, number>,
  given: Map<string, number>,
): NumberSource {
  return {
    next(name) {
      const series = `${registerCode}:${name}`;
      const last = given.get(series) ?? counters.get(series);
      if (last === undefined) throw new CounterUnknown(series);
      given.set(series, last + 1);
      return `${registerCode}-${String(last + 1).padStart(6, "0")}`;
    },
  };
}

function checkedDraft(host: SaveHost, intent: WriteIntent): CheckedDraft {
  const name = typeof intent.collection === "string" ? intent.collection : intent.collection.name;
  const declaration = host.collections.get(name);
  if (!declaration) throw new WriteRejection("COLLECTION_UNKNOWN", `there is no collection ${name}`);
  if (!declaration.writableBy.includes(host.identity.role)) {
    throw new WriteRejection("ROLE", `a ${host.identity.role} may not write ${name}`);
  }
  const data = intent.op === "put" ? plainJson(intent.data) : null;
  const localId = intent.localId ?? idIn(data) ?? host.newId();
  if (!idSchema.safeParse(localId).success) throw new WriteRejection("WRITE_MALFORMED", "not a localId");
  const { hash } = checkData(declaration, intent.op === "put" ? data!.value : null);
  return {
    ...{
      declaration,
      collection: name,
      localId,
      op: intent.op,
      hash,
      data: data?.value ?? null,
      bytes: data?.bytes ?? 4,
    },
    ...{
      readAt: intent.readAt,
      resolves: intent.resolves,
      at: host.now(),
      appendOnly: declaration.appendOnly ?? false,
      counts: (declaration.sumFields?.length ?? 0) > 0,
    },
  };
}

/** A copy that nobody can change afterwards, exactly as it will travel. Proxies of a UI framework become plain objects. */
export function plainJson(data: object): { value: object; bytes: number } {
  const hash = hashOf(data);
  const text = JSON.stringify(data);
  const value = JSON.parse(text) as object;
  if (hashOf(value) !== hash) throw new WriteRejection("WRITE_MALFORMED", "the data holds what JSON can't say");
  return { value, bytes: new TextEncoder().encode(text).length };
}

function idIn(data: { value: object } | null): string | undefined {
  const id = (data?.value as { id?: unknown } | undefined)?.id;
  return typeof id === "string" ? id : undefined;
}

async function saveOne(
  tx: WriteTx,
  sync: SyncRow,
  checked: CheckedDraft,
  host: SaveHost,
  freeze: boolean,
): Promise<{ record: ReplicaRecord<unknown> | undefined; frozen?: OutboxRow }> {
  const { collection, localId, declaration, resolves } = checked;
  const { deviceId } = host.identity;
  const [base, overlay, rows, storedLocal] = await Promise.all([
    tx.record(sync.visible, collection, localId),
    tx.overlay(collection, localId),
    tx.outboxOf(collection, localId),
    tx.meta("local"),
  ]);
  const local = storedLocal ?? NEW_LOCAL;
  const about = host.view.conflictsAbout(recordKey(collection, localId));
  const at = { revision: local.revision, visible: sync.visible };
  const lost = await readLostSide(tx, about, at, { collection, localId, deviceId });
  const conflict = lost?.isChosen ? undefined : lost?.conflict;
  // What was rejected is not in force: the write is guarded against what lies beneath it.
  const inForce = rows.filter((row) => row.state !== "rejected");
  const current =
    resolves === undefined
      ? visibleOf(base, overlay, inForce, deviceId, conflict)
      : standingOf(base, overlay, inForce, resolves);
  if (checked.op === "delete" && !current && rows.length === 0) {
    if (host.subscribed?.has(collection) ?? true) return { record: undefined };
    // Whether there is anything to delete only the server knows.
    if (!checked.readAt)
      throw new WriteRejection("WRITE_MALFORMED", `this replica keeps no ${collection}: readAt is needed`);
  }
  const refusal = declaration.guard?.(
    (current?.data ?? null) as Record<string, unknown> | null,
    checked.data as Record<string, unknown> | null,
  );
  if (refusal) throw new WriteRejection("GUARD", refusal);

  const { nextKey } = local;
  const server = settledPosition(base, overlay);
  const own = ownSidePosition(conflict);
  // A choice is made on the server's value, even in a form that was opened on the own side.
  const onOwnSide = resolves !== undefined && own !== null && samePosition(checked.readAt ?? null, own);
  const isOwn = onOwnSide || (!checked.counts && isOwnFormer(settledOf(base, overlay), checked.readAt));
  const draft: Draft = {
    ...checked,
    readAt: isOwn ? undefined : checked.readAt,
    above: lost?.conflict.client.syncVersion,
  };
  const queued =
    resolves === undefined
      ? enqueue(rows, own ?? server, draft, nextKey)
      : enqueueSettling(rows, server, draft, nextKey);
  // Only what has nothing of its record before it: a tail waits for that result.
  const plan =
    freeze && rows.length === 0 ? { ...queued, put: queued.put.map((row) => frozenAs(deviceId, row)) } : queued;
  for (const gone of plan.remove) tx.deleteOutbox(gone);
  for (const row of plan.put) tx.putOutbox(row);
  if (plan.put.some((row) => row.key === nextKey)) tx.setMeta("local", { ...local, nextKey: nextKey + 1 });
  if (resolves !== undefined) await withdrawOtherChoice(tx, draft, resolves);

  const left = rows.filter((row) => !plan.remove.includes(row.key) && !plan.put.some((put) => put.key === row.key));
  const shownOver = resolves === undefined ? conflict : undefined;
  const record = visibleOf(base, overlay, [...left, ...plan.put], deviceId, shownOver);
  return { record, frozen: plan.put.find((row) => row.state === "sent") };
}

/** Whether this device alone led from the value that a form was opened on to the present one: as if its writes waited still. */
function isOwnFormer(settled: BaseRecord | Overlay | undefined, readAt: Base | undefined): boolean {
  return readAt !== undefined && (settled?.madeOn?.some((position) => samePosition(position, readAt)) ?? false);
}

/** A person chose again, for another record than before ("both", or not any more): the choice that was not sent yet is none. */
async function withdrawOtherChoice(tx: WriteTx, draft: Draft, conflictId: string): Promise<void> {
  for (const { key, collection, localId, resolves, state } of await tx.outbox()) {
    if (resolves !== conflictId || state === "rejected") continue;
    if (collection === draft.collection && localId === draft.localId) continue;
    const last = (await tx.outboxOf(collection, localId)).at(-1);
    // an edit that went into it must not be lost with it: then the server takes the first choice
    if (last?.key === key && isUnsentChoice(last, conflictId)) tx.deleteOutbox(key);
  }
}
