/**
 * What devices hold when the database loses it, and so could bring back. Of what only the server had when it was put back nothing can be promised,
 * nor of what is discarded on purpose: this is where the checks learn which those are, one by one.
 */
import type { BaseRecord, Overlay } from "@tillwire/client/local-store";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { MemoryShop } from "@tillwire/server/store/memory-database";
import { Found, foundIn, rowsOn, takeOutbox, type CheckedMachine } from "./checks.ts";
import type { Model } from "./model.ts";
import { ownerOf } from "./shop-checks.ts";
import { movesIn, stock } from "./shop.ts";

const PAYMENTS = "transactions";

/** Of one machine: what it would offer again, and what waits. */
interface Holding {
  readonly name: string;
  readonly edits: Found;
  readonly moves: ReadonlySet<string>;
  readonly sales: ReadonlySet<string>;
}

/**
 * What a machine has not been told of yet is superseded on the server: the version that it still holds is history there, which nobody offers again.
 * @param shop as it is before it is put back
 */
export function holdingOf(machine: CheckedMachine, shop: MemoryShop): Holding {
  const { all, overlays, outbox } = rowsOn(machine);
  const isCurrent = ({ collection, localId, syncVersion }: BaseRecord | Overlay): boolean =>
    syncVersion >= (shop.record(collection, localId)?.syncVersion ?? 0);
  const current = [...all, ...overlays].filter(isCurrent);
  const held = [...current, ...outbox];
  const edits = new Found();
  for (const record of current) {
    const { collection, localId, deviceId, data } = record;
    edits.take(collection, localId, deviceId, record);
    if (collection !== "conflicts") continue;
    const { status, client, collection: about, recordId } = data as ConflictData;
    const isOwn = client.deviceId === machine.identity?.deviceId || ownerOf(client.deviceId) === machine.name;
    if (status === "open" && isOwn) edits.take(about, recordId, client.deviceId, client);
  }
  takeOutbox(edits, machine);
  return {
    ...{ name: machine.name, edits },
    moves: new Set(held.filter(isOfStock).flatMap(({ data }) => movesIn(data).map(({ id }) => id))),
    sales: new Set(held.filter(({ collection }) => collection === PAYMENTS).map(({ localId }) => localId)),
  };
}

function isOfStock({ collection }: { readonly collection: string }): boolean {
  return collection === stock.name;
}

/**
 * The database was put back.
 * @param holdings of the machines that were not revoked, from just before
 * @param shops as they are now
 */
export function notePutBack(model: Model, holdings: readonly Holding[], shops: readonly MemoryShop[]): void {
  const kept = shops.map((shop) => foundIn(shop, model));
  const namesOf = (isHeld: (holding: Holding) => boolean): Set<string> =>
    new Set(holdings.filter(isHeld).map(({ name }) => name));
  for (const [key, edit] of model.saved)
    edit.holders = kept.some((found) => found.has(key, edit)) ? null : namesOf(({ edits }) => edits.has(key, edit));
  for (const move of model.moves.values())
    move.holders = shops.some((shop) => isCounted(shop, move)) ? null : namesOf(({ moves }) => moves.has(move.id));
  for (const sale of model.sales.values()) {
    const isKept = shops.some((shop) => shop.record(PAYMENTS, sale.localId));
    sale.holders = isKept ? null : namesOf(({ sales }) => sales.has(sale.localId));
  }
}

function isCounted(shop: MemoryShop, { localId, id }: { readonly localId: string; readonly id: string }): boolean {
  const { dataJson = null } = shop.record(stock.name, localId) ?? {};
  return dataJson !== null && movesIn(JSON.parse(dataJson)).some((move) => move.id === id);
}

/** A new epoch wants nothing of what devices hold beyond it: what waits to be sent for the first time is all that they may still bring. */
export function noteDiscarded(model: Model, shop: MemoryShop, machines: readonly CheckedMachine[]): void {
  const found = foundIn(shop, model);
  const waiting = machines.map((machine) => {
    const edits = new Found();
    takeOutbox(edits, machine, ({ reoffer }) => reoffer === undefined);
    const rows = rowsOn(machine).outbox.filter(({ reoffer }) => reoffer === undefined);
    const moves = new Set(rows.flatMap(({ data }) => movesIn(data).map(({ id }) => id)));
    return { name: machine.name, edits, moves, sales: new Set(rows.map(({ localId }) => localId)) };
  });
  const here = new Set(machines.map(({ name }) => name));
  const namesOf = (isHeld: (holding: Holding) => boolean): Set<string> =>
    new Set(waiting.filter(isHeld).map(({ name }) => name));
  for (const [key, edit] of model.saved)
    if (here.has(edit.machine) && !found.has(key, edit)) edit.holders = namesOf(({ edits }) => edits.has(key, edit));
  for (const move of model.moves.values())
    if (here.has(move.machine) && !isCounted(shop, move)) move.holders = namesOf(({ moves }) => moves.has(move.id));
  for (const sale of model.sales.values())
    if (here.has(sale.machine) && !shop.record(PAYMENTS, sale.localId))
      sale.holders = namesOf(({ sales }) => sales.has(sale.localId));
}
