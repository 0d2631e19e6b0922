/** What each drawn trouble does to one machine. */
import { rowsOn } from "./checks.ts";
import type { Machine } from "./machine.ts";
import type { MachineFault, Step } from "./steps.ts";
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
      return powerCut(world, machine, forMs);
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
      return void schedule.after(30, () => void world.administration.revoke(machine));
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

function powerCut({ coverage, schedule }: World, machine: Machine, forMs: number): void {
  coverage.add("did power cut");
  machine.killAll();
  machine.disk.powerCut();
  schedule.after(forMs, () => machine.openTab());
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
  schedule.after(200, () => void world.administration.enrolAnew(machine, x < 0.5));
  schedule.after(1_000, () => (machine.network.isOff = false));
}

function clearStorage(world: World, machine: Machine): void {
  world.coverage.add("did clear storage");
  machine.killAll();
  machine.disk.clear();
  world.model.lostDisk(machine.name);
  excuseUnsent(world, machine);
  // The identity is gone with the rest: somebody enrols the machine anew.
  void world.administration.enrolAnew(machine, world.random.chance(0.5)).then(() => machine.openTab());
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
