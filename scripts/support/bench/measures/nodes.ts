/** Two nodes on one PostgreSQL, behind a balancer. */
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import type { ServerProcess } from "../../../../web/e2e/support/server-process.ts";
import { startBalancer, type Balancer } from "../balancer.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import type { Arrivals } from "../programs/devices.ts";
import { judgedAt, judgedBy, type Figure, type MeasureResult } from "../result.ts";
import { mustHold, openShops } from "../shops.ts";
import { clockMs } from "../stamp.ts";
import { curveOf, latenciesOf, median } from "../statistics.ts";
import { startNode } from "../systems.ts";

const RECEIVERS = 20;
const PER_SECOND = 20;

interface Pair {
  readonly databaseUrl: string;
  readonly nodes: readonly [ServerProcess, ServerProcess];
}

async function withPair<T>(databaseUrl: string, run: (pair: Pair) => Promise<T>): Promise<T> {
  const nodes: [ServerProcess, ServerProcess] = [await startNode(databaseUrl), await startNode(databaseUrl)];
  try {
    return await run({ databaseUrl, nodes });
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}

interface Arrived {
  readonly same: number[];
  readonly other: number[];
}

/** One device sells at the first node; half of the receivers prefer that one, the other half the other. */
async function acrossNodes({ databaseUrl, nodes }: Pair, perSecond: number, seconds: number): Promise<Arrived> {
  const keys = (await openShops(databaseUrl, 1, 1 + 2 * RECEIVERS))[0]!;
  const ports = nodes.map(({ port }) => port);
  const [first, second] = [await startBalancer(ports, "first"), await startBalancer(ports.toReversed(), "first")];
  const seed = Math.floor(clockMs());
  const at = (balancer: Balancer) => ({ name: "thin" as const, url: balancer.url });
  const seller = await prepareDevices(0, at(first), { keys }, { count: 1, seed });
  const same = await prepareDevices(1, at(first), { keys }, { count: RECEIVERS, firstKey: 1, seed: seed + 1 });
  const beyond = { count: RECEIVERS, firstKey: 1 + RECEIVERS, seed: seed + 2 };
  const other = await prepareDevices(2, at(second), { keys }, beyond);
  const all = [seller, same, other];
  try {
    for (const devices of all) await devices.ask("open", null);
    const orders = perSecond * seconds;
    await seller.ask("sell", { perSecond, seconds });
    for (const devices of [same, other]) await devices.ask("arrived", orders);
    if (second.linksTo(nodes[1].port) !== RECEIVERS) throw new Error("the balancer sent devices to the wrong node");
    const [here, there] = [await same.ask<Arrivals>("arrivals", null), await other.ask<Arrivals>("arrivals", null)];
    for (const devices of [same, other]) await devices.ask("verify", orders);
    await mustHold(databaseUrl, keys[0]!.storeId, orders);
    return { same: here.latencies, other: there.latencies };
  } finally {
    await Promise.all(all.map((devices) => devices.ask("close", null)));
    await Promise.all([first.close(), second.close()]);
  }
}

export const nodesTogether: Measure = {
  name: "nodes-latency",
  title: "Two nodes: from a sale on one to the devices of the other",
  run: async (bench) =>
    withPair(await bench.databases.migrated(), async (pair): Promise<MeasureResult> => {
      const rounds: Arrived[] = [];
      for (let round = 0; round <= bench.rounds; round += 1) {
        bench.progress(`round ${round}`);
        const arrived = await acrossNodes(pair, PER_SECOND, bench.quick || round === 0 ? 2 : 5);
        if (round > 0) rounds.push(arrived);
      }
      const of = (which: keyof Arrived, key: "p50" | "p99"): number =>
        median(rounds.map((arrived) => latenciesOf(arrived[which])[key]));
      const limit = { name: "same node", value: of("same", "p50") };
      const figures: Figure[] = [
        judgedAt(
          { what: "devices of the other node, p50", value: of("other", "p50"), unit: "ms", id: "nodes.p50", limit },
          { atMost: 15 },
        ),
        { what: "devices of the other node, p99", value: of("other", "p99"), unit: "ms" },
        { what: "devices of the same node, p50", value: of("same", "p50"), unit: "ms" },
        { what: "devices of the same node, p99", value: of("same", "p99"), unit: "ms" },
      ];
      const series = (["same", "other"] as const).map((which) => ({
        name: `${which} node`,
        points: curveOf(rounds.flatMap((arrived) => arrived[which])),
      }));
      return { figures, plots: [{ title: "Across nodes", x: "share of arrivals", y: "ms", logY: true, series }] };
    }),
};

/** Every notice is lost: what is called pg_notify there does nothing. */
async function withoutNotices(bench: Bench): Promise<string> {
  const url = await bench.databases.migrated();
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql`create function public.pg_notify(text, text) returns void language sql as 'select null::void'`;
    const name = sql(new URL(url).pathname.slice(1));
    await sql`alter database ${name} set search_path = public, pg_catalog`;
  } finally {
    await sql.end();
  }
  return url;
}

export const nodesApart: Measure = {
  name: "nodes-without-notices",
  title: "Two nodes whose notices are all lost: the sweep finds what the other took",
  run: async (bench) =>
    withPair(await withoutNotices(bench), async (pair): Promise<MeasureResult> => {
      bench.progress("selling");
      // not in step with the sweep
      const { other } = await acrossNodes(pair, 7, bench.quick ? 4 : 12);
      const { p50, max } = latenciesOf(other);
      // in step with it, a sale would arrive at once: then the notices were not lost
      if (p50 < 200) throw new Error(`notices are not suppressed: p50 is ${p50} ms`);
      return {
        figures: [
          judgedAt({ what: "devices of the other node, the latest", value: max / 1_000, unit: "s" }, { atMost: 2.5 }),
          { what: "devices of the other node, p50", value: p50 / 1_000, unit: "s" },
        ],
      };
    }),
};

interface Killed {
  readonly moved: number;
  readonly latestS: number;
}

/** Twenty full replicas, half of which sell; the node of every second one dies in the middle of it. */
async function killOne(bench: Bench, { databaseUrl, nodes }: Pair, half: number): Promise<Killed> {
  const keys = (await openShops(databaseUrl, 1, 2 * half))[0]!;
  const balancer = await startBalancer(
    nodes.map(({ port }) => port),
    "rotate",
  );
  const system = { name: "replica" as const, url: balancer.url };
  const seed = Math.floor(clockMs());
  const sellers = await prepareDevices(0, system, { keys }, { count: half, seed });
  const listeners = await prepareDevices(1, system, { keys }, { count: half, firstKey: half, seed: seed + 1 });
  const seconds = bench.quick ? 4 : 8;
  const orders = PER_SECOND * seconds;
  const [doomed, survivor] = nodes;
  try {
    for (const devices of [sellers, listeners]) await devices.ask("open", null);
    const moved = balancer.linksTo(doomed.port);
    if (moved === 0) throw new Error("no device is linked to the node that dies");
    const selling = sellers.ask("sell", { perSecond: PER_SECOND, seconds, all: true });
    await delay((seconds * 1_000) / 3);
    await doomed.kill("SIGKILL");
    await selling;
    await sellers.ask("drained", null);
    for (const devices of [sellers, listeners]) await devices.ask("arrived", orders);
    const { latencies } = await listeners.ask<Arrivals>("arrivals", null);
    await delay(1_000);
    for (const devices of [sellers, listeners]) await devices.ask("verify", orders);
    await mustHold(databaseUrl, keys[0]!.storeId, orders);
    if (balancer.linksTo(survivor.port) < 2 * half)
      throw new Error("not all devices are live at the node that survived");
    return { moved, latestS: latenciesOf(latencies).max / 1_000 };
  } finally {
    await Promise.all([sellers, listeners].map((devices) => devices.ask("close", null)));
    await balancer.close();
    await doomed.start();
  }
}

export const nodesKilled: Measure = {
  name: "nodes-killed",
  title: "Two nodes, one of which is killed while everybody sells",
  run: async (bench) =>
    withPair(await bench.databases.migrated(), async (pair): Promise<MeasureResult> => {
      const rounds: Killed[] = [];
      const half = 10;
      for (let round = 1; round <= bench.rounds; round += 1) {
        bench.progress(`round ${round}`);
        rounds.push(await killOne(bench, pair, half));
      }
      const moved = median(rounds.map((round) => round.moved));
      return {
        figures: [
          judgedBy(
            { what: `devices that moved, of ${2 * half}`, value: moved, unit: "devices" },
            "none loses a sale",
            true,
          ),
          {
            what: "the latest sale, at the latest device",
            value: median(rounds.map(({ latestS }) => latestS)),
            unit: "s",
          },
        ],
        notes: [
          "Full replicas; every sale is in the database once, and at every device, with equal digests: the measure fails otherwise.",
        ],
      };
    }),
};
