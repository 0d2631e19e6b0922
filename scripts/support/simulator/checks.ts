/** The invariants of INVARIANTS.md that are held against rows: of the server, of every device, and of the model. */
import type { OutboxRow } from "@tillwire/client/outbox";
import type { BaseRecord, MetaRows, Overlay, SyncRow } from "@tillwire/client/local-store";
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import { digestOf, formatDigest } from "@tillwire/protocol/digest";
import type { MemoryRow, MemoryShop } from "@tillwire/server/store/memory-database";
import { COLLECTIONS } from "./shop.ts";
import type { Machine } from "./machine.ts";
import type { Model } from "./model.ts";

export type Violated = (invariant: string, what: string, details?: unknown) => void;

export interface DiskRows {
  readonly sync: SyncRow | undefined;
  readonly records: readonly BaseRecord[];
  /** What lies in any generation. */
  readonly all: readonly BaseRecord[];
  readonly overlays: readonly Overlay[];
  readonly outbox: readonly OutboxRow[];
}

export function rowsOn({ disk }: Machine): DiskRows {
  const { database } = disk;
  const sync = database.meta.get("sync") as MetaRows["sync"] | undefined;
  const base = sync ? database.generations.get(sync.base) : undefined;
  return {
    sync,
    records: [...(base?.values() ?? [])],
    all: [...database.generations.values()].flatMap((records) => [...records.values()]),
    overlays: [...database.overlays.values()],
    outbox: [...database.outbox.values()].sort((a, b) => a.key - b.key),
  };
}

/** S5, S12: a device that stands at the head holds what the server holds. */
export function checkAtHead(machine: Machine, shop: MemoryShop, violated: Violated): void {
  const sync = machine.disk.database.meta.get("sync") as MetaRows["sync"] | undefined;
  if (!sync || sync.epoch !== shop.epoch || sync.cursor !== shop.head || sync.base !== sync.visible) return;
  const records = machine.disk.database.generations.get(sync.base) ?? new Map<string, BaseRecord>();
  if (records.size !== shop.records.size)
    return violated("S5", `${machine.name} stands at the head with ${records.size} of ${shop.records.size} records`);
  for (const record of records.values()) {
    const row = shop.record(record.collection, record.localId);
    if (!row || row.seq !== record.seq || row.hash !== record.hash || row.syncVersion !== record.syncVersion)
      return violated("S5", `${machine.name} stands at the head with another ${record.collection}/${record.localId}`, {
        here: { seq: record.seq, syncVersion: record.syncVersion, hash: record.hash },
        server: row && { seq: row.seq, syncVersion: row.syncVersion, hash: row.hash },
      });
  }
  for (const [name, { count, digest }] of shop.digests()) {
    const sum = sync.sums.get(name);
    if ((sum?.count ?? 0) !== count || (count > 0 && sum?.digest !== digest))
      return violated("S12", `${machine.name}'s digest of ${name} is not the server's`, { here: sum, count, digest });
  }
}

/** Every version that the server ever kept, by record, in the order of their seqs. */
function versionsOf(shop: MemoryShop): Map<string, MemoryRow[]> {
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

/** S8: every edit that was saved is somewhere: taken, kept in a conflict or in a history, or waiting where people see it. */
export function checkEdits(shop: MemoryShop, machines: readonly Machine[], model: Model, violated: Violated): void {
  const found = new Map<string, number>();
  const deletions = new Set<string>();
  const take = (collection: string, localId: string, data: unknown): void => {
    const { edits } = (data ?? {}) as { edits?: Record<string, number> };
    for (const [machine, edit] of Object.entries(edits ?? {})) {
      const key = `${collection}/${localId}/${machine}`;
      if (edit > (found.get(key) ?? 0)) found.set(key, edit);
    }
  };
  for (const [key, rows] of versionsOf(shop))
    for (const row of rows) {
      const data: unknown = row.dataJson === null ? null : JSON.parse(row.dataJson);
      take(row.collection, row.localId, data);
      if (row.deleted) deletions.add(`${key}/${ownerOf(row.deviceId)}`);
      if (row.collection !== "conflicts") continue;
      const conflict = data as ConflictData;
      for (const side of [conflict.client, conflict.server, ...(conflict.attempts ?? [])]) {
        take(conflict.collection, conflict.recordId, side.data);
        if (side.deleted) deletions.add(`${conflict.collection}/${conflict.recordId}/${ownerOf(side.deviceId)}`);
      }
    }
  for (const [key, decided] of shop.decided)
    for (const [asSent, { dataJson }] of decided) {
      const slash = key.indexOf("/");
      if (dataJson !== null) take(key.slice(0, slash), key.slice(slash + 1), JSON.parse(dataJson));
      else deletions.add(`${key}/${ownerOf(asSent.slice(0, asSent.indexOf("|")))}`);
    }
  for (const machine of machines)
    for (const row of rowsOn(machine).outbox) {
      take(row.collection, row.localId, row.data);
      if (row.op === "delete")
        deletions.add(`${row.collection}/${row.localId}/${ownerOf(machine.identity?.deviceId ?? "")}`);
    }
  for (const [key, { machine, deviceId, collection, localId, edit, deleted, restores }] of model.saved) {
    // What was known to all was lost with the database, and older values may have gone with it: sales are looked at one by one.
    if (restores < model.restores) continue;
    const owner = machines.find(({ name }) => name === machine);
    if (!owner || owner.plan.shop !== shopIndexOf(shop)) continue;
    const isFound = deleted
      ? deletions.has(`${collection}/${localId}/${ownerOf(deviceId)}`) || (found.get(key) ?? 0) > edit
      : (found.get(key) ?? 0) >= edit;
    if (!isFound)
      violated("S8", `edit ${edit} of ${machine} to ${collection}/${localId} was saved and is nowhere`, {
        deleted,
        found: found.get(key),
      });
  }
}

/** The machine that a device was first: one that is enrolled as another device goes on as the former until its link ends. */
function ownerOf(deviceId: string): string {
  return deviceId.split("-")[1] ?? deviceId;
}

export function shopIndexOf(shop: MemoryShop): number {
  return Number(shop.name.split(" ")[1]);
}

/**
 * S9: what was sold is on the server or in an outbox, each sale once and at its price.
 * @param waiting data of transactions in the outboxes of existing devices
 */
export function checkMoney(
  shop: MemoryShop,
  machines: readonly Machine[],
  waiting: readonly object[],
  model: Model,
  violated: Violated,
): void {
  const kept = new Map<string, number[]>();
  const take = (machineSale: string, data: unknown): void => {
    const { amount } = data as { amount: number };
    kept.set(machineSale, [...(kept.get(machineSale) ?? []), Math.round(amount * 100)]);
  };
  for (const row of shop.records.values())
    if (row.collection === "transactions" && row.dataJson !== null) {
      const data = JSON.parse(row.dataJson) as { sale: string };
      take(data.sale, data);
    }
  const onServer = new Set(kept.keys());
  const unsent = machines.flatMap((machine) => rowsOn(machine).outbox);
  const unsentData = unsent.flatMap(({ collection, data }) => (collection === "transactions" && data ? [data] : []));
  for (const data of [...waiting, ...unsentData]) {
    const { sale } = data as { sale: string };
    if (!onServer.has(sale) && !kept.has(sale)) take(sale, data);
  }
  const shopIndex = shopIndexOf(shop);
  for (const sale of model.sales.values()) {
    const owner = machines.find(({ name }) => name === sale.machine);
    if (owner?.plan.shop !== shopIndex) continue;
    const amounts = kept.get(sale.localId) ?? [];
    const isExcused = sale.excuse !== null || (sale.holders !== null && sale.holders.size === 0);
    if (amounts.length === 0 && !isExcused) violated("S9", `the sale ${sale.localId} is lost`, sale);
    if (amounts.length > 1) violated("S9", `the sale ${sale.localId} is there ${amounts.length} times`, sale);
    if (amounts.some((cents) => cents !== sale.amountCents))
      violated("S9", `the sale ${sale.localId} was changed`, { sale, amounts });
  }
}

/** Sales that a machine could bring back. */
export function heldSales(machine: Machine): Set<string> {
  const { all, overlays, outbox } = rowsOn(machine);
  const sales = [...all, ...overlays, ...outbox].filter(({ collection }) => collection === "transactions");
  return new Set(sales.map(({ localId }) => localId));
}
