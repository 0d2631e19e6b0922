/** The invariants of INVARIANTS.md that are held against rows: of the server, of every device, and of the model. */
import type { OutboxRow } from "@tillwire/client/outbox";
import type { BaseRecord, MetaRows, Overlay, SyncRow } from "@tillwire/client/local-store";
import type { MemoryDatabase } from "@tillwire/client/memory-store";
import { SERVER_DEVICE_ID, type ConflictData } from "@tillwire/protocol/conflicts";
import type { MemoryRow, MemoryShop } from "@tillwire/server/store/memory-database";
import { subscribesTo } from "./machine-plan.ts";
import type { Model, SavedEdit, Violated } from "./model.ts";
import { ownerOf, versionsOf } from "./shop-checks.ts";
import { movesIn, stock } from "./shop.ts";

/** Of a device, simulated or real, what is looked at. */
export interface CheckedMachine {
  readonly name: string;
  readonly plan: { readonly shop: number; readonly subscribe?: readonly string[] };
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
  const count = machine.plan.subscribe ? countOf(shop, machine.plan) : shop.records.size;
  if (records.size !== count)
    return violated("S5", `${machine.name} stands at the head with ${records.size} of ${count} records`);
  // Both sides have the same keys: none is put together anew for each of thousands of looks.
  for (const [key, record] of records) {
    const row = shop.records.get(key);
    if (!row || row.seq !== record.seq || row.hash !== record.hash || row.syncVersion !== record.syncVersion)
      return violated("S5", `${machine.name} stands at the head with another ${record.collection}/${record.localId}`, {
        here: { seq: record.seq, syncVersion: record.syncVersion, hash: record.hash },
        server: row && { seq: row.seq, syncVersion: row.syncVersion, hash: row.hash },
      });
  }
  for (const [name, { count, digest }] of shop.digests()) {
    const sum = sync.sums.get(name);
    if (!subscribesTo(machine.plan, name)) continue;
    if ((sum?.count ?? 0) !== count || (count > 0 && sum?.digest !== digest))
      return violated("S12", `${machine.name}'s digest of ${name} is not the server's`, { here: sum, count, digest });
  }
}

function countOf(shop: MemoryShop, plan: CheckedMachine["plan"]): number {
  return [...shop.records.values()].filter(({ collection }) => subscribesTo(plan, collection)).length;
}

/** What was found of people's edits, wherever it was looked for. */
export class Found {
  /** By record and machine, the latest. */
  readonly #edits = new Map<string, number>();
  readonly #deletions = new Set<string>();
  /** Records that are deleted now: who else wanted that has it, whoever was faster. */
  readonly #tombstones = new Set<string>();

  take(collection: string, localId: string, deviceId: string, value: { deleted: boolean; data: unknown }): void {
    const record = `${collection}/${localId}`;
    if (value.deleted) this.#deletions.add(`${record}/${ownerOf(deviceId)}`);
    const { edits } = (value.data ?? {}) as { edits?: Record<string, number> };
    for (const [machine, edit] of Object.entries(edits ?? {})) {
      const key = `${record}/${machine}`;
      if (edit > (this.#edits.get(key) ?? 0)) this.#edits.set(key, edit);
    }
  }

  takeTombstone(collection: string, localId: string): void {
    this.#tombstones.add(`${collection}/${localId}`);
  }

  has(key: string, { collection, localId, deviceId, edit, deleted, mayBeDeleted }: SavedEdit): boolean {
    const latest = this.#edits.get(key) ?? 0;
    if (!deleted && !mayBeDeleted) return latest >= edit;
    const record = `${collection}/${localId}`;
    if (deleted && this.#tombstones.has(record)) return true;
    return latest > edit || (!deleted && latest === edit) || this.#deletions.has(`${record}/${ownerOf(deviceId)}`);
  }
}

/**
 * S8: every edit that was saved is somewhere: taken, kept in a conflict or in a history, or waiting where people see it. What was known to
 * the server when the database was put back is exempt if no device could bring it back: history lives on the server alone.
 */
export function checkEdits(
  shop: MemoryShop,
  machines: readonly CheckedMachine[],
  model: Model,
  violated: Violated,
): void {
  const found = foundIn(shop, model);
  for (const row of shop.records.values()) if (row.deleted) found.takeTombstone(row.collection, row.localId);
  for (const machine of machines) takeOutbox(found, machine);
  for (const [key, saved] of model.saved) {
    const owner = machines.find(({ name }) => name === saved.machine);
    if (saved.holders?.size === 0 || owner?.plan.shop !== shopIndexOf(shop) || found.has(key, saved)) continue;
    const { machine, collection, localId, edit } = saved;
    violated("S8", `edit ${edit} of ${machine} to ${collection}/${localId} was saved and is nowhere`, {
      ...{ saved, holders: saved.holders && [...saved.holders] },
    });
  }
}

/** Every edit that the server has kept: in any version, on any side of a conflict, or as it was sent. */
export function foundIn(shop: MemoryShop, model: Model): Found {
  const found = new Found();
  const take = (row: MemoryRow): void => {
    const data: unknown = row.dataJson === null ? null : JSON.parse(row.dataJson);
    found.take(row.collection, row.localId, row.deviceId, { deleted: row.deleted, data });
    if (row.collection === "conflicts") takeSides(found, data as ConflictData);
  };
  for (const rows of versionsOf(shop).values()) rows.forEach(take);
  for (const [key, decided] of shop.decided)
    for (const [asSent, { dataJson }] of decided) {
      const slash = key.indexOf("/");
      const value = { deleted: dataJson === null, data: dataJson === null ? null : (JSON.parse(dataJson) as unknown) };
      const [collection, localId] = [key.slice(0, slash), key.slice(slash + 1)];
      const [sender, version] = asSent.split("|") as [string, string];
      // A re-offer is remembered as nobody's: a deletion that was made in that version is its makers'.
      const makers = sender === "" && value.deleted ? model.deletersOf(shop, key, Number(version)) : [sender];
      for (const maker of makers) found.take(collection, localId, maker, value);
    }
  return found;
}

function takeSides(found: Found, { collection, recordId, client, server, attempts = [] }: ConflictData): void {
  for (const side of [client, server, ...attempts]) found.take(collection, recordId, side.deviceId, side);
}

export function takeOutbox(
  found: Found,
  machine: CheckedMachine,
  counts: (row: OutboxRow) => boolean = () => true,
): void {
  const deviceId = machine.identity?.deviceId ?? "";
  for (const { collection, localId, op, data, reoffer } of rowsOn(machine).outbox.filter(counts))
    found.take(collection, localId, reoffer?.deviceId ?? deviceId, { deleted: op === "delete", data });
}

/** S2, S8: each movement of stock is counted, or waits where people see it; that none is counted twice, checkShop looks at. */
export function checkMoves(
  shop: MemoryShop,
  machines: readonly CheckedMachine[],
  model: Model,
  violated: Violated,
): void {
  const found = new Set(machines.flatMap((machine) => rowsOn(machine).outbox).flatMap(({ data }) => idsOf(data)));
  const rows = [...versionsOf(shop).values()].flat().filter(({ dataJson }) => dataJson !== null);
  for (const row of rows) {
    const data: unknown = JSON.parse(row.dataJson!);
    if (row.collection === stock.name && shop.record(stock.name, row.localId) === row)
      for (const id of idsOf(data)) found.add(id);
    if (row.collection !== "conflicts") continue;
    const { collection, client, server, settlement, settledBy, attempts = [] } = data as ConflictData;
    // A person who chose otherwise saw what stood until then, and the conflict keeps it.
    const isByPerson = settledBy !== null && settledBy !== SERVER_DEVICE_ID;
    const isReplaced = isByPerson && (settlement === "CLIENT" || settlement === "MERGED");
    if (collection === stock.name)
      for (const side of [client, ...(isReplaced ? [server] : []), ...attempts])
        for (const id of idsOf(side.data)) found.add(id);
  }
  const superseded = offeredInVain(shop);
  const replaced = replacedByOffers(shop, model);
  for (const { machine, localId, id, holders, isExcused } of model.moves.values()) {
    const owner = machines.find(({ name }) => name === machine);
    if (replaced.has(id) || (holders !== null && superseded.has(id))) continue;
    if (isExcused || holders?.size === 0 || owner?.plan.shop !== shopIndexOf(shop) || found.has(id)) continue;
    violated("S2", `${id} of ${localId} was saved and is not counted`, { holders: holders && [...holders] });
  }
}

/**
 * Where the database was put back more than once, devices may hold values of two histories. Of those the highest version stands, and what is
 * offered beneath it is remembered as it was sent, but not added up: nobody knows what one of them has of the other.
 */
function offeredInVain({ decided }: MemoryShop): Set<string> {
  const ofStock = [...decided].flatMap(([key, writes]) => (key.startsWith(`${stock.name}/`) ? [...writes] : []));
  // A re-offer is remembered as nobody's.
  const offered = ofStock.filter(([asSent]) => asSent.startsWith("|")).map(([, { dataJson }]) => dataJson);
  return new Set(offered.flatMap((dataJson) => (dataJson === null ? [] : idsOf(JSON.parse(dataJson)))));
}

/**
 * The same with the value that the server itself had when it was put back the second time: a higher version of the other history, offered
 * again, stands in its place (rule of re-offers), and it is kept in the history. What was newly written in the epoch is not among it.
 */
function replacedByOffers(shop: MemoryShop, model: Model): Set<string> {
  const replaced = new Set<string>();
  if (model.restores < 2) return replaced;
  for (const [key, rows] of versionsOf(shop)) {
    if (!key.startsWith(`${stock.name}/`)) continue;
    for (const [i, row] of rows.entries()) {
      const before = rows[i - 1];
      const isOld = before && (before.reoffered || before.seq <= model.epochSeqBefore(shop.storeId, row.seq));
      if (!row.reoffered || !isOld) continue;
      const standing = new Set(idsOfRow(row));
      for (const id of idsOfRow(before)) if (!standing.has(id)) replaced.add(id);
    }
  }
  return replaced;
}

function idsOfRow({ dataJson }: MemoryRow): string[] {
  return dataJson === null ? [] : idsOf(JSON.parse(dataJson));
}

function idsOf(data: unknown): string[] {
  return movesIn(data).map(({ id }) => id);
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
