/** What each drawn trouble does to the world, and how all of it is taken back. */
import type { PlannedWrite } from "@tillwire/server/store/store";
import { Random } from "./random.ts";
import type { Machine } from "./machine.ts";
import { rowsOn } from "./checks.ts";
import { POLICIES, CHANGEABLE } from "./shop.ts";
import type { MachineFault, ShopFault, Step } from "./plan.ts";
import type { World } from "./world.ts";

export function machineFault(world: World, machine: Machine, { type, x, forMs }: Step): void {
  const { network, disk } = machine;
  const { schedule } = world;
  const tab = machine.tabs[Math.floor(x * machine.tabs.length)];
  switch (type as MachineFault) {
    case "offline":
      network.turnOff();
      return void schedule.after(forMs, () => (network.isOff = false));
    case "half open":
      return network.halfOpen();
    case "one way up":
    case "one way down": {
      const way = type === "one way up" ? "up" : "down";
      network.setOpen(way, false);
      return void schedule.after(forMs, () => network.setOpen(way, true));
    }
    case "cut":
      return network.cut("cut");
    case "lossy":
      network.lost = Math.floor(x * 200);
      return void schedule.after(forMs, () => (network.lost = 0));
    case "overtaken":
      // A tab that is opened anew is faster than what the former one has sent.
      network.hold(Math.min(forMs, 20_000));
      if (tab) void machine.close(tab).then(() => machine.openTab());
      return;
    case "duplicate":
      network.doubled = 60;
      return void schedule.after(forMs, () => (network.doubled = 0));
    case "slow reader":
      network.slowness = 4_000;
      return void schedule.after(forMs, () => (network.slowness = 1));
    case "kill tab":
      if (tab) machine.kill(tab);
      return void schedule.after(forMs, () => machine.openTab());
    case "reload":
      if (tab) void machine.close(tab).then(() => machine.openTab());
      return;
    case "open tab":
      return machine.openTab();
    case "close tab":
      if (machine.tabs.length > 1 && tab) void machine.close(tab);
      return;
    case "power cut":
      machine.killAll();
      disk.powerCut();
      return void schedule.after(forMs, () => machine.openTab());
    case "kill inside tx":
    case "kill after tx":
      return killInTx(world, machine, type, forMs);
    case "quota full":
      disk.isFull = true;
      return void schedule.after(forMs, () => (disk.isFull = false));
    case "clear storage":
      return clearStorage(world, machine);
    case "copy device":
      return world.copy(machine);
    case "clock jump":
      machine.clockOffsetMs += Math.floor((x - 0.5) * 14_400_000);
      return;
    case "sleep":
      machine.asleepUntil = schedule.now + forMs;
      return;
    case "revoke":
      // Somebody types on meanwhile: what is under way then is what a revocation must stop.
      for (let at = 0; at < 120; at += 12)
        schedule.after(at, () =>
          world.perform({ at: 0, type: "note", who: world.machines.indexOf(machine), x, forMs }),
        );
      return void schedule.after(30, () => void world.revoke(machine));
    case "enrol anew":
      return void enrolWhileTyping(world, machine, x);
    case "old protocol":
      network.isOld = true;
      network.cut("cut");
      return void schedule.after(forMs, () => {
        network.isOld = false;
        machine.killAll();
        machine.openTab();
      });
  }
}

function killInTx(world: World, machine: Machine, type: Step["type"], forMs: number): void {
  const { disk } = machine;
  disk.nextTx = type === "kill inside tx" ? "inside" : "after";
  world.schedule.after(forMs, () => {
    if (disk.nextTx === null) world.coverage.add(`did ${type}`);
    machine.openTab();
  });
}

/** What waits unsent goes out under the new identity: as a display's, if it is one, it is refused and must stay visible. */
function enrolWhileTyping(world: World, machine: Machine, x: number): void {
  const { schedule } = world;
  const who = world.machines.indexOf(machine);
  machine.network.turnOff();
  for (let at = 0; at < 60; at += 20)
    schedule.after(at, () => world.perform({ at: 0, type: "note", who, x, forMs: 0 }));
  schedule.after(200, () => void world.enrolAnew(machine, x < 0.5));
  schedule.after(1_000, () => (machine.network.isOff = false));
}

function clearStorage(world: World, machine: Machine): void {
  machine.killAll();
  machine.disk.clear();
  world.model.lostDisk(machine.name);
  excuseUnsent(world, machine);
  // The identity is gone with the rest: somebody enrols the machine anew.
  void world.enrolAnew(machine, world.random.chance(0.5)).then(() => machine.openTab());
}

/** What only this machine had is lost with it. */
function excuseUnsent(world: World, machine: Machine): void {
  const shop = world.shopOf(machine);
  const known = new Set<string>();
  for (const row of shop.records.values()) if (row.collection === "transactions") known.add(row.localId);
  for (const sale of world.model.sales.values()) {
    const onCopy = world.machines.some(
      (each) => each !== machine && rowsOn(each).outbox.some(({ localId }) => localId === sale.localId),
    );
    if (sale.machine === machine.name && !known.has(sale.localId) && !onCopy) sale.excuse = "its disk was cleared";
  }
}

export function shopFault(world: World, { type, who, x, forMs }: Step): void {
  const { schedule, database, nodes } = world;
  const node = nodes[who % nodes.length]!;
  switch (type as ShopFault) {
    case "node crash":
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
  }
}

/** Somebody tries out policies, one right after the other, while people work. */
function changePolicies(world: World, x: number): void {
  const random = new Random(Math.floor(x * 2 ** 31), "policy");
  const shop = random.chance(0.2) ? 1 : 0;
  for (let i = 0; i < 6; i++) {
    const policy = random.chance(0.2) ? null : random.pick(POLICIES);
    const collection = random.pick(CHANGEABLE);
    world.schedule.after(random.int(0, 2_000), () => void world.setPolicy(collection, policy, shop));
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
  await world.setPolicyAtOnce(storeId, collection, next);
}

/** Everything works again. */
export function heal(world: World): void {
  const { database, nodes, machines } = world;
  database.comeBack();
  database.lostNotices = 0;
  database.beforeCommit = null;
  for (const node of nodes) {
    node.nextCommit = null;
    node.start();
  }
  for (const machine of machines) {
    const { network, disk } = machine;
    Object.assign(network, { isOff: false, lost: 0, doubled: 0, slowness: 1 });
    for (const way of ["up", "down"] as const) network.setOpen(way, true);
    if (network.isOld) {
      network.isOld = false;
      machine.killAll();
    }
    disk.isFull = false;
    disk.nextTx = null;
    machine.asleepUntil = 0;
    if (machine.tabs.length === 0) machine.openTab();
  }
}
