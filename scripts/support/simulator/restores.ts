/** The database as it was earlier, and epochs: what happens then, and what nobody can promise until the next epoch has begun. */
import type { SyncRow } from "@tillwire/client/local-store";
import type { Database } from "@tillwire/server/store/database";
import { holdingOf, noteDiscarded, notePutBack } from "./holdings.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

interface Mismatches {
  /** How often a machine's digests have differed. */
  readonly all: number;
  /** How often while its epoch was doubtful. */
  readonly excused: number;
  /** The latest that it was in. */
  readonly epoch: string | null;
}

const NONE: Mismatches = { all: 0, excused: 0, epoch: null };

export class Restores {
  readonly #mismatches = new Map<Machine, Mismatches>();

  constructor(
    private readonly world: World,
    /** Who needs no node to turn to the database. */
    private readonly operator: Database,
  ) {}

  /** @param which copy, in [0, 1) @param isNoticed whether the database itself shows that it is another one */
  putBack(which: number, isNoticed: boolean): void {
    const { world } = this;
    const { model, database } = world;
    const present = world.machines.filter((machine) => !world.retired.has(machine));
    const holdings = present.map((machine) => holdingOf(machine, world.shopOf(machine)));
    if (!database.restore(which, isNoticed)) return;
    const shops = [...database.memory.shops.values()];
    for (const shop of shops) model.doubtful.add(`${shop.storeId}/${shop.epoch}`);
    notePutBack(model, holdings, shops);
    world.coverage.add(isNoticed ? "did restore" : "did restore unnoticed");
    world.trace.add("database", `is as it was, ${isNoticed ? "and shows it" : "and does not show it"}`);
    this.#revokeAgain();
  }

  /** @param reoffer false: what devices hold beyond it is discarded on purpose */
  async beginEpoch(shop: number, reoffer: boolean): Promise<void> {
    const { world } = this;
    const node = world.node?.node;
    const rows = world.database.memory.shops.get(`shop-${shop}`);
    if (!node || !rows || world.database.isDown) return;
    const { storeId } = rows;
    const epoch = await this.operator.store.beginEpoch(storeId, rows.epoch, node.newId(), reoffer, "ADMINISTRATOR");
    const ofShop = world.machines.filter(({ plan }) => plan.shop === shop);
    if (!reoffer) noteDiscarded(world.model, world.database.memory.shops.get(storeId)!, ofShop);
    node.onNewEpoch(storeId, epoch);
  }

  /** A machine has written to its disk. */
  noteWritten(machine: Machine): void {
    const sync = machine.disk.database.meta.get("sync") as SyncRow | undefined;
    const { all, excused, epoch } = this.#mismatches.get(machine) ?? NONE;
    const now = sync?.digestMismatches ?? 0;
    if (now === all && sync?.epoch === epoch) return;
    // A replica that heals names no epoch until it has read the first page: it differed in the one before.
    const lately = sync?.epoch ?? epoch;
    // Fewer than before: the replica was set up anew.
    const [more, kept] = now >= all ? [now - all, excused] : [now, 0];
    const isDoubtful = this.world.model.doubtful.has(`${this.world.shopOf(machine).storeId}/${String(lately)}`);
    this.#mismatches.set(machine, { all: now, excused: kept + (isDoubtful ? more : 0), epoch: lately });
  }

  /** S12: how often a machine's digests differed although each seq stood for one record. */
  unexplainedMismatches(machine: Machine): number {
    const { all, excused } = this.#mismatches.get(machine) ?? NONE;
    return all - excused;
  }

  /** A revocation that was lost is made again, before the shop opens. */
  #revokeAgain(): void {
    const { world, operator } = this;
    for (const machine of world.machines) {
      const { identity } = machine;
      const row = identity && world.shopOf(machine).devices.get(identity.deviceId);
      if (row && world.retired.has(machine)) void operator.devices.revoke(identity.storeId, row.deviceId);
    }
  }
}
