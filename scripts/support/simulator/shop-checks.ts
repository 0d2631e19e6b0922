/** The invariants that are held against the server's rows alone. */
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import type { MemoryRow, MemoryShop } from "@tillwire/server/store/memory-database";
import type { Model, Violated } from "./model.ts";
import { COLLECTIONS, STOCK, stock, type Stock } from "./shop.ts";

/** Every version that the server ever kept, by record, in the order of their seqs. */
export function versionsOf(shop: MemoryShop): Map<string, MemoryRow[]> {
  const versions = new Map<string, MemoryRow[]>();
  for (const [key, row] of shop.records)
    versions.set(
      key,
      [...(shop.history.get(key) ?? []), row].sort((a, b) => a.seq - b.seq),
    );
  return versions;
}

/** Of what conflicts keep: the values that lost, and those that a person may have put back in place. */
interface KeptInConflicts {
  /** `collection/localId version hash` of what stood on the server's side. */
  readonly replaced: ReadonlySet<string>;
  /** `collection/localId hash` of any side of a conflict that a person settled: whoever settles one may well choose the older edit. */
  readonly chosen: ReadonlySet<string>;
}

/** S2, S3, S4, S6, S7, S9, S12: of the server's rows alone. */
export function checkShop(shop: MemoryShop, model: Model, seedDevices: ReadonlySet<string>, violated: Violated): void {
  const versions = versionsOf(shop);
  const kept = keptInConflicts(versions);
  checkSeqs(shop, [...versions.values()].flat(), model, violated);
  for (const [key, rows] of versions) {
    checkOnce(key, rows, violated);
    checkCount(key, rows, model, violated);
    if (!key.startsWith("conflicts/")) checkBases(shop, key, rows, seedDevices, kept, model, violated);
    checkOrder(key, rows, kept, model, violated);
  }
  checkNumbers(shop, violated);
  checkGuards(versions, violated);
  checkDigests(shop, violated);
}

function keptInConflicts(versions: ReadonlyMap<string, readonly MemoryRow[]>): KeptInConflicts {
  const replaced = new Set<string>();
  const chosen = new Set<string>();
  for (const [key, rows] of versions) {
    if (!key.startsWith("conflicts/")) continue;
    const all = rows.flatMap(({ dataJson }) => (dataJson === null ? [] : [JSON.parse(dataJson) as ConflictData]));
    const settledBy = all.at(-1)?.settledBy ?? null;
    const isByPerson = settledBy !== null && settledBy !== SERVER_DEVICE_ID;
    for (const { collection, recordId, client, server, settlement, attempts = [] } of all) {
      const record = `${collection}/${recordId}`;
      // Where the server's side won, or somebody is still asked, it was not replaced.
      if (settlement === "CLIENT" || settlement === "MERGED")
        replaced.add(`${record} ${server.syncVersion} ${server.hash}`);
      if (isByPerson) for (const { hash } of [client, server, ...attempts]) chosen.add(`${record} ${hash}`);
    }
  }
  return { replaced, chosen };
}

/** S3, and S4's clock: times of changes never fall, but for what was offered again with the time that it bore. */
function checkSeqs(shop: MemoryShop, rows: readonly MemoryRow[], model: Model, violated: Violated): void {
  const seqs = new Set(rows.map(({ seq }) => seq));
  if (seqs.size !== rows.length || rows.length !== shop.head || Math.max(0, ...seqs) !== shop.head)
    violated("S3", `the seqs are not 1..${shop.head}`, {
      rows: rows.length,
      distinct: seqs.size,
      restores: model.restores,
    });
  let latest = 0;
  for (const { seq, reoffered, updatedAt } of [...rows].sort((a, b) => a.seq - b.seq)) {
    if (reoffered) continue;
    if (updatedAt < latest) violated("S4", `seq ${seq} was changed at ${updatedAt}, before ${latest}`);
    latest = Math.max(latest, updatedAt);
  }
}

function checkOnce(key: string, rows: readonly MemoryRow[], violated: Violated): void {
  const sent = new Set<string>();
  for (const { sentHash, sentVersion, hash, syncVersion, deviceId, base, reoffered, seq } of rows) {
    if (reoffered) continue;
    const as = `${ownerOf(deviceId)}|${sentVersion ?? syncVersion}|${sentHash ?? hash}|${base?.version}:${base?.hash}`;
    if (base && deviceId !== SERVER_DEVICE_ID && sent.has(as))
      violated("S2", `one write of ${deviceId} to ${key} took effect twice, again with seq ${seq}`);
    sent.add(as);
  }
}

/**
 * S2: counts add up. Each movement of stock is in each version once, whatever was merged, settled or offered again to make it. Exempt is what
 * waited on a disk that was copied: it may have been counted for each of the two.
 */
function checkCount(key: string, rows: readonly MemoryRow[], { copiedMoves }: Model, violated: Violated): void {
  if (!key.startsWith(`${stock.name}/`)) return;
  for (const { dataJson, seq } of rows) {
    if (dataJson === null) continue;
    const { pieces, moves } = JSON.parse(dataJson) as Stock;
    const ids = new Set(moves.map(({ id }) => id));
    const counted = moves.reduce((sum, move) => sum + move.pieces, STOCK[0]!.pieces);
    const perhapsTwice = moves.filter(({ id }) => copiedMoves.has(id)).map((move) => move.pieces);
    if (!sumsOf(perhapsTwice).has(pieces - counted) || ids.size !== moves.length)
      violated("S2", `seq ${seq} of ${key} counts ${pieces} pieces, and its movements make ${counted}`, moves);
  }
}

/** What some of these make, or none. */
function sumsOf(parts: readonly number[]): Set<number> {
  return parts.reduce((sums, part) => new Set([...sums, ...[...sums].map((sum) => sum + part)]), new Set([0]));
}

/** S6: what was taken was made on the value that it replaced, or what it replaced is kept in `conflicts`. */
function checkBases(
  { storeId }: MemoryShop,
  key: string,
  rows: readonly MemoryRow[],
  seedDevices: ReadonlySet<string>,
  { replaced }: KeptInConflicts,
  model: Model,
  violated: Violated,
): void {
  let before: MemoryRow | null = null;
  for (const row of rows) {
    const { base, seq } = row;
    if (before && row.syncVersion <= before.syncVersion)
      violated("S6", `version ${row.syncVersion} of ${key} follows version ${before.syncVersion}`);
    // What is offered again may stand on whatever the epoch began with; existing devices don't chain their own writes,
    // nor does one that speaks for itself alone, since nothing was wanted of it.
    const isOld = before !== null && (before.reoffered || before.seq <= model.epochSeqBefore(storeId, seq));
    const isFree =
      (row.reoffered && isOld) ||
      (seedDevices.has(row.deviceId) && before !== null && seedDevices.has(before.deviceId));
    const isKept = before !== null && replaced.has(`${key} ${before.syncVersion} ${before.hash}`);
    if (before && !isFree && !isKept && !isMadeOn(base, before))
      violated("S6", `seq ${seq} of ${key} was made on another value than the one it replaced`, { base, before, row });
    before = row;
  }
}

function isMadeOn(base: MemoryRow["base"], before: MemoryRow): boolean {
  if (base === null) return false;
  const isStored = base.version === before.syncVersion && base.hash === before.hash;
  // Where a number was amended, its device goes on from what it sent.
  return isStored || (base.version === before.sentVersion && base.hash === before.sentHash);
}

/**
 * S7: the edits of one machine to a record take effect in the order in which they were made. Exempt are what is offered again (whoever comes
 * first), machines that share an identity with a copy, and the value that a person chose in a conflict.
 */
function checkOrder(
  key: string,
  rows: readonly MemoryRow[],
  { chosen }: KeptInConflicts,
  model: Model,
  violated: Violated,
): void {
  const latest = new Map<string, number>();
  for (const row of rows) {
    if (row.dataJson === null) continue;
    const { edits } = JSON.parse(row.dataJson) as { edits?: Record<string, number> };
    const machine = ownerOf(row.deviceId);
    const edit = edits?.[machine];
    if (edit === undefined || model.copied.has(machine)) continue;
    const isChosen = [row.hash, row.sentHash].some(
      (hash) => chosen.has(`${key} ${hash}`) || model.chosen.has(`${key} ${hash}`),
    );
    if (edit < (latest.get(machine) ?? 0) && !row.reoffered && !isChosen)
      violated("S7", `edit ${edit} of ${machine} to ${key} took effect after its edit ${latest.get(machine)}`);
    latest.set(machine, edit);
  }
}

/** The machine that a device was first: one that is enrolled as another device goes on as the former until its link ends. */
export function ownerOf(deviceId: string): string {
  return deviceId.split("-")[1] ?? deviceId;
}

/** A number is one record's alone, also a deleted one's. */
function checkNumbers(shop: MemoryShop, violated: Violated): void {
  const bearers = new Map<string, string>();
  for (const { collection, localId, uniqueKey } of shop.records.values()) {
    if (uniqueKey === null) continue;
    const key = `${collection} ${uniqueKey}`;
    const other = bearers.get(key);
    if (other !== undefined) violated("S9", `${localId} and ${other} both bear ${key}`);
    bearers.set(key, localId);
  }
}

/** Guards hold on every path: what was paid, completed or final stays so, across deletions too. */
function checkGuards(versions: ReadonlyMap<string, readonly MemoryRow[]>, violated: Violated): void {
  for (const [key, rows] of versions) {
    const { guard } = COLLECTIONS.get(rows[0]!.collection) ?? {};
    let last: Record<string, unknown> | null = null;
    for (const { dataJson, seq } of rows) {
      const next = dataJson === null ? null : (JSON.parse(dataJson) as Record<string, unknown>);
      const refused = guard?.(last, next) ?? null;
      if (refused !== null)
        violated("S6", `seq ${seq} of ${key} is what its guard forbids: ${refused}`, { last, next });
      last = next ?? last;
    }
  }
}

function checkDigests(shop: MemoryShop, violated: Violated): void {
  const sums = new Map<string, { count: number; sum: bigint }>();
  for (const row of shop.records.values()) {
    const { count, sum } = sums.get(row.collection) ?? { count: 0, sum: 0n };
    sums.set(row.collection, { count: count + 1, sum: sum + digestOf(row) });
  }
  for (const [name, { count, digest }] of shop.digests()) {
    const real = sums.get(name) ?? { count: 0, sum: 0n };
    if (real.count !== count || formatDigest(real.sum) !== digest)
      violated("S12", `the server's digest of ${name} is not that of its records`, { count, digest, real: real.count });
  }
}
