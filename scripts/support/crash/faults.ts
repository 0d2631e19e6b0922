/** What is done to the site: one fault per cycle, at a moment of its own, and bad weather on the cables all the time. */
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../simulator/random.ts";
import type { CrashDevice } from "./device.ts";
import { dieAt, NODE_POINTS } from "./points.ts";
import { signal, type Site } from "./site.ts";

/** The only one that cannot be arranged everywhere. */
export const DISK_FULL = "disk full";

/** @returns false if it did not come to that */
type Strike = (site: Site, random: Random) => Promise<boolean | void>;

const atNamedPoints = Object.fromEntries(
  NODE_POINTS.map((point): [string, Strike] => [
    `node killed ${point}`,
    async (site, random) => {
      const index = random.int(0, site.nodes.length - 1);
      const node = site.nodes[index]!;
      const isDead = await dieAt(site, index, point, node.pid);
      if (isDead) site.killed.add(node);
      return isDead;
    },
  ]),
);

/** Each does its harm and returns; `site.heal()` puts everything right. */
export const FAULTS: Readonly<Record<string, Strike>> = {
  "node killed": async (site, random) => {
    const node = random.pick(site.nodes);
    await kill(site, node);
    if (random.chance(0.5)) failOver(site, site.nodes.find((each) => each !== node)!.port);
  },
  "both nodes killed": async (site) => {
    await Promise.all(site.nodes.map((node) => kill(site, node)));
  },
  "node stopped": async (site, random) => {
    const node = random.pick(site.nodes);
    stop(site, node.pid);
    if (random.chance(0.5)) failOver(site, site.nodes.find((each) => each !== node)!.port);
  },
  "backends terminated": async (site, random) => {
    for (let times = random.int(1, 4); times > 0; times--) {
      await site.query(
        (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
          where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      await delay(random.int(0, 150));
    }
  },
  "backend killed": async (site, random) => {
    signal(random.pick(await backends(site)), "SIGKILL");
  },
  "backends stopped": async (site, random) => {
    for (const pid of await backends(site)) if (random.chance(0.5)) stop(site, pid);
  },
  "postmaster killed": async (site) => {
    const pid = site.postmasterPid;
    if (pid !== undefined) signal(pid, "SIGKILL");
  },
  "postmaster killed commit sent": async (site, random) => {
    const pid = site.postmasterPid;
    return pid !== undefined && dieAt(site, random.int(0, site.nodes.length - 1), "commit sent", pid);
  },
  "postmaster stopped": async (site) => {
    const pid = site.postmasterPid;
    if (pid !== undefined) stop(site, pid);
  },
  ...atNamedPoints,
  [DISK_FULL]: async (site, random) => {
    if (!site.fillDisk()) return false;
    if (random.chance(0.5)) await exhaustWal(site);
    await delay(random.int(500, 3_000));
    return true;
  },
  "everything killed": async (site) => {
    const pid = site.postmasterPid;
    if (pid !== undefined) signal(pid, "SIGKILL");
    await Promise.all(site.nodes.map((node) => kill(site, node)));
  },
  "network cut": async (site, random) => {
    for (const device of site.devices) await damage(device, random);
  },
};

/** Until there is no room for what commits write: PostgreSQL panics, recovers, and panics again. */
async function exhaustWal(site: Site): Promise<void> {
  try {
    await site.query(async (sql) => {
      for (let segments = 0; segments < 100; segments++) {
        await sql`select pg_logical_emit_message(true, 'crash test', 'full')`;
        await sql`select pg_switch_wal()`;
      }
    });
  } catch {
    // that is what was wanted
  }
}

/** Cables that are slow and now and then break off in the middle of something. */
export async function weather(site: Site, random: Random, abort: AbortSignal): Promise<void> {
  while (!abort.aborted) {
    const { cable } = random.pick(site.devices);
    const direction = random.pick(["up", "down"] as const);
    if (random.chance(0.5)) cable.delay(random.longTailed(30, 300));
    else void cable.cutAfter(direction, random.int(50, 8_000));
    await delay(random.int(50, 400));
  }
}

async function damage({ cable }: CrashDevice, random: Random): Promise<void> {
  switch (random.int(0, 3)) {
    case 0:
      return cable.cut();
    case 1:
      await cable.refuse();
      return cable.cut();
    case 2:
      return cable.stall();
    default:
      return cable.blockLive();
  }
}

async function kill(site: Site, node: Site["nodes"][number]): Promise<void> {
  site.killed.add(node);
  await node.kill("SIGKILL");
}

function stop(site: Site, pid: number): void {
  if (signal(pid, "SIGSTOP")) site.stopped.add(pid);
}

/** As a load balancer would: what devices sent to the one node they send again to the other. */
function failOver(site: Site, port: number): void {
  for (const { cable } of site.devices) {
    cable.retarget(port);
    cable.cut();
  }
}

async function backends(site: Site): Promise<number[]> {
  const rows = await site.query(
    (sql) => sql<{ pid: number }[]>`select pid from pg_stat_activity
      where backend_type = 'client backend' and application_name not in ('crash test', 'tillwire launcher')`,
  );
  return rows.map(({ pid }) => pid);
}
