/** The invariants of INVARIANTS.md that are held against rows: of the server, of every device, and of the model. */
import type { OutboxRow } from "@tillwire/client/outbox";
import type { BaseRecord, MetaRows, Overlay, SyncRow } from "@tillwire/client/local-store";
import type { MemoryDatabase } from "@tillwire/client/memory-store";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { MemoryShop } from "@tillwire/server/store/memory-database";
import type { Model, Violated } from "./model.ts";
import { versionsOf } from "./shop-checks.ts";

/** Of a device, simulated or real, what is looked at. */
export interface CheckedMachine {
  readonly name: string;
  readonly plan: { readonly shop: number };
  readonly identity: { readonly deviceId: string } | null;
  readonly disk: { readonly database: MemoryDatabase };
}

export interface DiskRows {
  readonly sync: SyncRow | undefined;
  readonly records: readonly BaseRecord[];
  /** What lies in any generation. */
  readonly all: readonly BaseRecord[];
  readonly overlays: readonly Overlay[];
  readonly outbox: readonly OutboxRow[];
}

export function rowsOn({ disk }: CheckedMachine): DiskRows {
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
export function checkAtHead(machine: CheckedMachine, shop: MemoryShop, violated: Violated): void {
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

/** S8: every edit that was saved is somewhere: taken, kept in a conflict or in a history, or waiting where people see it. */
export function checkEdits(
  shop: MemoryShop,
  machines: readonly CheckedMachine[],
  model: Model,
  violated: Violated,
): void {
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
  machines: readonly CheckedMachine[],
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
export function heldSales(machine: CheckedMachine): Set<string> {
  const { all, overlays, outbox } = rowsOn(machine);
  const sales = [...all, ...overlays, ...outbox].filter(({ collection }) => collection === "transactions");
  return new Set(sales.map(({ localId }) => localId));
}
