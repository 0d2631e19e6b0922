/** What each drawn trouble does to the shop: its nodes, its database, its policies. */
import type { PlannedWrite } from "@tillwire/server/store/store";
import { Random } from "./random.ts";
import { POLICIES, CHANGEABLE } from "./shop.ts";
import type { ShopFault, Step } from "./steps.ts";
import type { World } from "./world.ts";

export function shopFault(world: World, { type, who, x, forMs }: Step): void {
  const { schedule, database, nodes } = world;
  const node = nodes[who % nodes.length]!;
  switch (type as ShopFault) {
    case "node crash":
      if (node.isUp && nodes.length > 1) world.coverage.add("did node crash with two nodes");
      node.crash();
      return void schedule.after(forMs, () => node.start());
    case "crash before commit":
    case "crash after commit":
      node.nextCommit = type as "crash before commit";
      return void schedule.after(forMs, () => {
        if (node.nextCommit === null) world.coverage.add(`did ${type}`);
        node.start();
      });
    case "answer lost":
      node.nextCommit = "answer lost";
      return;
    case "drain":
      void node.drain();
      return void schedule.after(forMs, () => node.start());
    case "database down":
      return database.goDown(forMs);
    case "notices lost":
      database.lostNotices = 70;
      return void schedule.after(forMs, () => (database.lostNotices = 0));
    case "restore":
      return world.restores.putBack(x, true);
    case "restore unnoticed":
      world.restores.putBack(x, false);
      // Now and then nobody is connected meanwhile: then the first device that comes back is what tells.
      if (Math.floor(x * 100) % 2 === 0) for (const { network } of world.machines) network.cut("cut");
      return;
    case "new epoch":
      return void world.restores.beginEpoch(Math.floor(x * 10) % 2, true);
    case "new epoch that wants nothing":
      return void world.restores.beginEpoch(Math.floor(x * 10) % 2, false);
    case "policy":
      return changePolicies(world, x);
    case "policy before a commit":
      database.beforeCommit = (storeId, writes) => changeBeforeCommit(world, storeId, writes);
      return;
    case "stranger":
      return world.stranger.visit(node, world.machines[who % world.machines.length]!, nodes);
    case "node clock jump":
      node.clockOffsetMs += jumpMs(x);
      return;
  }
}

/** Mostly as a clock is set right, by seconds; now and then as one that somebody set wrong, by up to two hours. */
function jumpMs(x: number): number {
  return Math.round((2 * x - 1) ** 5 * 7_200_000);
}

/** Somebody tries out policies, one right after the other, while people work. */
function changePolicies(world: World, x: number): void {
  const random = new Random(Math.floor(x * 2 ** 31), "policy");
  const shop = random.chance(0.2) ? 1 : 0;
  for (let i = 0; i < 6; i++) {
    const policy = random.chance(0.2) ? null : random.pick(POLICIES);
    const collection = random.pick(CHANGEABLE);
    world.schedule.after(random.int(0, 2_000), () => void world.administration.setPolicy(collection, policy, shop));
  }
}

/** The next write that a policy decided about meets another policy when it is committed. Counts stay under theirs: no other one adds them up. */
async function changeBeforeCommit(world: World, storeId: string, writes: readonly PlannedWrite[]): Promise<void> {
  const write = writes.find(
    ({ policyVersion, asSent }) => policyVersion !== null && CHANGEABLE.includes(asSent.collection),
  );
  if (!write) return;
  world.database.beforeCommit = null;
  const { collection } = write.asSent;
  const policy = world.database.memory.shops.get(storeId)?.collections.get(collection)?.policy ?? null;
  const next = POLICIES[(policy === null ? 0 : POLICIES.indexOf(policy) + 1) % POLICIES.length]!;
  await world.administration.setPolicyAtOnce(storeId, collection, next);
}
