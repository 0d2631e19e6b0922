/** The invariants that are held against the server's rows alone. */
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import type { MemoryRow, MemoryShop } from "@tillwire/server/store/memory-database";
import type { Model, Violated } from "./model.ts";
import { COLLECTIONS } from "./shop.ts";

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

/** S2, S3, S6, S7, S12: of the server's rows alone. */
export function checkShop(shop: MemoryShop, model: Model, seedDevices: ReadonlySet<string>, violated: Violated): void {
  const versions = versionsOf(shop);
  const settled = settledByPeople(versions);
  checkSeqs(shop, [...versions.values()].flat(), model, violated);
  for (const [key, rows] of versions) {
    checkOnce(key, rows, violated);
    if (!key.startsWith("conflicts/")) checkBases(key, rows, seedDevices, model, violated);
    // Whoever settles a conflict may well choose the older edit.
    if (!settled.has(key)) checkOrder(key, rows, model, violated);
  }
  checkNumbers(shop, violated);
  checkGuards(versions, violated);
  checkDigests(shop, violated);
}

function settledByPeople(versions: ReadonlyMap<string, readonly MemoryRow[]>): Set<string> {
  const records = new Set<string>();
  for (const [key, rows] of versions) {
    const { dataJson } = rows.at(-1)!;
    if (!key.startsWith("conflicts/") || dataJson === null) continue;
    const { collection, recordId, settledBy } = JSON.parse(dataJson) as ConflictData;
    if (settledBy !== null && settledBy !== SERVER_DEVICE_ID) records.add(`${collection}/${recordId}`);
  }
  return records;
}

function checkSeqs(shop: MemoryShop, rows: readonly MemoryRow[], model: Model, violated: Violated): void {
  const seqs = new Set(rows.map(({ seq }) => seq));
  if (seqs.size !== rows.length || rows.length !== shop.head || Math.max(0, ...seqs) !== shop.head)
    violated("S3", `the seqs are not 1..${shop.head}`, {
      rows: rows.length,
      distinct: seqs.size,
      restores: model.restores,
    });
}

function checkOnce(key: string, rows: readonly MemoryRow[], violated: Violated): void {
  const sent = new Set<string>();
  for (const { sentHash, sentVersion, hash, syncVersion, deviceId, base, reoffered, seq } of rows) {
    if (reoffered) continue;
    const as = `${deviceId}|${sentVersion ?? syncVersion}|${sentHash ?? hash}|${base?.version}:${base?.hash}`;
    if (base && deviceId !== "server" && sent.has(as))
      violated("S2", `one write of ${deviceId} to ${key} took effect twice, again with seq ${seq}`);
    sent.add(as);
  }
}

/** S6: what was taken was made on the value that it replaced, or a policy made it of both, or it says so in `conflicts`. */
function checkBases(
  key: string,
  rows: readonly MemoryRow[],
  seedDevices: ReadonlySet<string>,
  model: Model,
  violated: Violated,
): void {
  let before: MemoryRow | null = null;
  for (const row of rows) {
    const { base, seq } = row;
    if (before && row.syncVersion <= before.syncVersion)
      violated("S6", `version ${row.syncVersion} of ${key} follows version ${before.syncVersion}`);
    const isMerged = row.sentHash !== null;
    const isFree = row.reoffered || isMerged || seedDevices.has(row.deviceId) || model.restores > 0;
    if (before && !isFree) {
      const replaces =
        base?.version === before.syncVersion && (base.hash === before.hash || base.hash === before.sentHash);
      const asSent = base?.version === before.sentVersion && base?.hash === before.sentHash;
      if (!replaces && !asSent)
        violated("S6", `seq ${seq} of ${key} was made on another value than the one it replaced`, {
          base,
          before,
          row,
        });
    }
    before = row;
  }
}

/** S7: the edits of one machine to a record take effect in the order in which they were made. */
function checkOrder(key: string, rows: readonly MemoryRow[], model: Model, violated: Violated): void {
  const latest = new Map<string, number>();
  for (const row of rows) {
    if (row.reoffered || row.dataJson === null) continue;
    const { edits } = JSON.parse(row.dataJson) as { edits?: Record<string, number> };
    const own = Object.entries(edits ?? {}).filter(([machine]) => `device-${machine}` === row.deviceId);
    for (const [machine, edit] of own) {
      if (model.copied.has(machine) || model.restores > 0) continue;
      if (edit < (latest.get(machine) ?? 0))
        violated("S7", `edit ${edit} of ${machine} to ${key} took effect after its edit ${latest.get(machine)}`);
      latest.set(machine, edit);
    }
  }
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
