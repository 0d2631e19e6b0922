/** How every trouble is taken back. */
import type { World } from "./world.ts";

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
