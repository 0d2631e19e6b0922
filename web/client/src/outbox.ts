/**
 * The outbox: what becomes of a write between `put` and the server's word. Pure; carried out by save.ts and settle.ts.
 *
 *            edited (coalesces)
 *              ┌──┐
 *   put ──► queued ──pushed──► sent ──settled──► gone: its value stays as an overlay until the feed brings it
 *              ▲              │ ▲ │
 *              │       pushed └─┘ └─refused──► rejected ──discarded──► gone
 *              └──────────────retried─────────────┘ └────edited──────► gone: the edit replaces it
 *
 * `sent` means: may be known to the server. Such a row is frozen, however often it is sent again, until its result comes;
 * edits gather in one tail behind it. All rows of a record, in the order of their keys, form its chain.
 */
import { WriteRejection } from "@tillwire/protocol/errors";
import { LIMITS } from "@tillwire/protocol/limits";
import type { Base, Change, Write } from "@tillwire/protocol/messages";

export type RowState = "queued" | "sent" | "rejected";
export type RowEvent = "edited" | "pushed" | "settled" | "refused" | "retried" | "discarded";

/** What every event does to a row in every state. Where nothing changes, the event was not meant for it. */
export const ROW_TRANSITIONS: Readonly<Record<RowState, Readonly<Record<RowEvent, RowState | "gone">>>> = {
  queued: {
    edited: "queued",
    pushed: "sent",
    settled: "queued",
    refused: "queued",
    retried: "queued",
    discarded: "queued",
  },
  sent: { edited: "sent", pushed: "sent", settled: "gone", refused: "rejected", retried: "sent", discarded: "sent" },
  rejected: {
    edited: "gone",
    pushed: "rejected",
    settled: "rejected",
    refused: "rejected",
    retried: "queued",
    discarded: "gone",
  },
};

export interface OutboxRow {
  /** Order of the outbox. Re-offers stand in front of everything: theirs are negative. */
  readonly key: number;
  readonly collection: string;
  readonly localId: string;
  readonly op: "put" | "delete";
  readonly syncVersion: number;
  /** Null for re-offers only. */
  readonly base: Base | null;
  readonly hash: string;
  readonly data: unknown;
  readonly resolves?: string;
  /** Position of the choice that settles the conflict, as it was made: an edit that the row takes in leads away from it. */
  readonly chosen?: Base;
  readonly state: RowState;
  /** Device clock, epoch ms: first and latest edit in this row. */
  readonly createdAt: number;
  readonly editedAt: number;
  /** Size of the data on the wire, in bytes. */
  readonly bytes: number;
  /** Positions of edits that this row took in: a form that was opened on one of them belongs to this chain. */
  readonly absorbed: readonly Base[];
  readonly error?: { readonly code: string; readonly message: string };
  /** It waited when the app was started: a power cut may have taken back the mark `sent`, so it is not changed any more. */
  readonly mayBeKnown?: boolean;
  /** Id under which it was frozen, and so may be known: who is another device by now says so, see `writeOf`. */
  readonly sentAs?: string;
  /** Present on what this device offers again after a restore: whose version it was. */
  readonly reoffer?: { readonly deviceId: string; readonly createdBy: string; readonly updatedAt: number };
}

/** Rows to write and keys to remove, in one tx. */
export interface OutboxPlan {
  readonly put: readonly OutboxRow[];
  readonly remove: readonly number[];
}

export interface Draft {
  readonly collection: string;
  readonly localId: string;
  readonly op: "put" | "delete";
  readonly hash: string;
  readonly data: unknown;
  readonly bytes: number;
  readonly readAt?: Base | undefined;
  readonly resolves?: string | undefined;
  /** Version that this device's edits of the record have reached in an open conflict: its next one lies above, whatever it is made on. */
  readonly above?: number | undefined;
  /** Device clock, epoch ms. */
  readonly at: number;
  readonly appendOnly: boolean;
  /** Fields of it count: the server adds up what each write changed about the value that it was made on. */
  readonly counts?: boolean;
}

/** How many positions a row remembers; beyond it, a form opened that long ago meets a conflict instead of queueing behind. */
const ABSORBED_MAX = 100;

export function positionOf(row: Pick<OutboxRow, "syncVersion" | "hash">): Base {
  return { version: row.syncVersion, hash: row.hash };
}

export function samePosition(a: Base | null, b: Base | null): boolean {
  return a !== null && b !== null && a.version === b.version && a.hash === b.hash;
}

/**
 * Adds a write to a record's chain. Writes that settle a conflict are added by settling-row.ts.
 * @param rows the record's rows in the order of their keys
 * @param current position of the value beneath them; version 0 where there is none
 * @param key of a new row, if one is needed
 * @throws WriteRejection VERSION_EXHAUSTED
 */
export function enqueue(rows: readonly OutboxRow[], current: Base, draft: Draft, key: number): OutboxPlan {
  const last = rows.at(-1);
  if (!last) return { put: [newRow(draft, key, firstBase(draft.readAt, current), 0)], remove: [] };
  if (draft.readAt && !isBehind(rows, draft.readAt, draft)) {
    // Made on something that this chain never was, or is not any more: the server must see that, so it stays apart, on its own base.
    return { put: [newRow(draft, key, draft.readAt, last.syncVersion)], remove: [] };
  }
  switch (last.state) {
    case "queued":
      if (draft.appendOnly || last.reoffer || last.mayBeKnown) break;
      return { put: [coalesced(last, draft)], remove: [] };
    case "rejected": {
      const row = newRow(draft, key, last.base ?? current, last.syncVersion);
      return { put: [withResolves({ ...row, absorbed: absorb(last) }, last.resolves)], remove: [last.key] };
    }
    case "sent":
      break;
  }
  return { put: [newRow(draft, key, positionOf(last), last.syncVersion)], remove: [] };
}

/**
 * Where the rows lead that were made on `from` and on each other: what the record will be at on the server if nobody interferes.
 * Rows that were made on something else don't count: the server will find them in conflict.
 */
export function endOfLine(rows: readonly OutboxRow[], from: Base): Base {
  let end = from;
  for (const row of rows) {
    if (row.state === "rejected") continue;
    if (!samePosition(row.base, end)) return from;
    end = positionOf(row);
  }
  return end;
}

/** Whether an edit of a value read at `position` goes on where the chain ends. */
function isBehind(rows: readonly OutboxRow[], position: Base, { counts = false }: Draft): boolean {
  const last = rows.at(-1)!;
  // What counts would be lost with an edit that was not seen, in another tab: both are added up.
  return counts && last.state !== "rejected" ? samePosition(position, positionOf(last)) : inChain(rows, position);
}

/** Whether a value read at `position` is one that this chain was made of. */
export function inChain(rows: readonly OutboxRow[], position: Base): boolean {
  if (samePosition(rows[0]?.base ?? null, position)) return true;
  return rows.some(
    (row) => samePosition(positionOf(row), position) || row.absorbed.some((p) => samePosition(p, position)),
  );
}

// Content that equals the current one was read, so the write is made on the current position, under whatever number it was read.
function firstBase(readAt: Base | undefined, current: Base): Base {
  return readAt === undefined || readAt.hash === current.hash ? current : readAt;
}

export function newRow(draft: Draft, key: number, base: Base, above: number): OutboxRow {
  const { collection, localId, op, hash, data, bytes } = draft;
  const row: OutboxRow = {
    ...{ key, collection, localId, op, hash, data, bytes, base },
    syncVersion: versionAbove(Math.max(base.version, above, draft.above ?? 0)),
    state: "queued",
    createdAt: draft.at,
    editedAt: draft.at,
    absorbed: [],
  };
  return withResolves(row, draft.resolves);
}

function coalesced(tail: OutboxRow, draft: Draft): OutboxRow {
  const { op, hash, data, bytes } = draft;
  const syncVersion = versionAbove(tail.syncVersion);
  return { ...tail, op, hash, data, bytes, syncVersion, editedAt: draft.at, absorbed: absorb(tail) };
}

function withResolves(row: OutboxRow, resolves: string | undefined): OutboxRow {
  return resolves === undefined ? row : { ...row, resolves };
}

export function absorb(row: OutboxRow): readonly Base[] {
  return [...row.absorbed, positionOf(row)].slice(-ABSORBED_MAX);
}

/**
 * Positions that a row's value was made on; a form that was opened at one of them meets nobody's change but this device's own.
 * @param former the value beneath it
 */
export function madeOn(row: OutboxRow, former: (Change & { readonly madeOn?: readonly Base[] }) | undefined): Base[] {
  const onFormer = former && samePosition(row.base, { version: former.syncVersion, hash: former.hash });
  const before = onFormer ? (former.madeOn ?? []) : [];
  return [...before, ...(row.base ? [row.base] : []), ...row.absorbed].slice(-ABSORBED_MAX);
}

export function versionAbove(version: number): number {
  if (version >= LIMITS.syncVersion)
    throw new WriteRejection("VERSION_EXHAUSTED", "this record can't be changed any more");
  return version + 1;
}

/** A row that leaves: frozen from here on, and known as this device's. */
export function frozenAs(deviceId: string, row: OutboxRow): OutboxRow {
  const sent: OutboxRow = { ...row, state: "sent" };
  return row.reoffer || row.sentAs !== undefined ? sent : { ...sent, sentAs: deviceId };
}

/**
 * A row as it travels; the same for every try.
 * @param deviceId of this device now
 */
export function writeOf(row: OutboxRow, deviceId: string): Write {
  const { collection, localId, op, syncVersion, base, hash, data, sentAs = deviceId } = row;
  return {
    ...{ collection, localId, op, syncVersion, base, hash, data },
    ...(row.resolves === undefined ? {} : { resolves: row.resolves }),
    ...(sentAs === deviceId ? {} : { deviceId: sentAs }),
    ...(row.reoffer ? { reoffer: true, ...row.reoffer } : {}),
  };
}

export interface BatchLimits {
  readonly writes: number;
  readonly bytes: number;
}

// Envelope of a write: ids, hashes, member names.
const ENVELOPE_BYTES = 600;

/** What the next push carries: the oldest rows first, one of each record, since a tail needs its predecessor's result. */
export function takeBatch(rows: readonly OutboxRow[], limits: BatchLimits): OutboxRow[] {
  const batch: OutboxRow[] = [];
  const taken = new Set<string>();
  let bytes = 0;
  for (const row of rows) {
    const record = recordKey(row.collection, row.localId);
    if (row.state === "rejected" || taken.has(record)) continue;
    bytes += row.bytes + ENVELOPE_BYTES;
    if (batch.length > 0 && (batch.length >= limits.writes || bytes > limits.bytes)) break;
    taken.add(record);
    batch.push(row);
  }
  return batch;
}

/** Neither collection names nor ids hold a slash. */
export function recordKey(collection: string, localId: string): string {
  return `${collection}/${localId}`;
}
