/** 20 devices, one sells 20 orders a second: from there to the application on the 19 others. */
import { clockMs } from "../stamp.ts";
import { compare, prepareDevices, type Measure } from "../measure.ts";
import type { Arrivals } from "../programs/devices.ts";
import { judged, type Figure } from "../result.ts";
import { curveOf, latenciesOf, median } from "../statistics.ts";
import { TITLES, type System } from "../systems.ts";

const RECEIVERS = 19;
const PER_SECOND = 20;
const SYSTEMS = ["replica", "thin", "relay", "hand-rolled"] as const;

async function round(system: System, seconds: number): Promise<number[]> {
  const shop = await system.newRound(RECEIVERS + 1);
  const seed = Math.floor(clockMs());
  const seller = await prepareDevices(0, system, shop, { count: 1, seed });
  const receivers = await prepareDevices(1, system, shop, { count: RECEIVERS, firstKey: 1, seed: seed + 1 });
  try {
    await receivers.ask("open", null);
    await seller.ask("open", null);
    await seller.ask("sell", { perSecond: PER_SECOND, seconds });
    const orders = PER_SECOND * seconds;
    await receivers.ask("arrived", orders);
    const { latencies } = await receivers.ask<Arrivals>("arrivals", null);
    if (latencies.length !== orders * RECEIVERS)
      throw new Error(`${latencies.length} arrivals of ${orders * RECEIVERS}`);
    if (system.name !== "relay") await seller.ask("drained", null);
    await receivers.ask("verify", orders);
    await shop.check(orders);
    // the first second is for compilers
    return latencies.slice(PER_SECOND * RECEIVERS);
  } finally {
    await Promise.all([seller.ask("close", null), receivers.ask("close", null)]);
  }
}

export const liveLatency: Measure = {
  name: "live-latency",
  title: "Live latency: put() to the change on 19 other devices, 20 orders/s",
  async run(bench) {
    const seconds = bench.quick ? 2 : 4;
    const systems = SYSTEMS.filter((name) => !bench.quick || name !== "thin");
    const rounds = await compare(bench, systems, (system, warmsUp) => round(system, warmsUp ? 2 : seconds));
    const of = (name: (typeof SYSTEMS)[number], key: "p50" | "p95" | "p99"): number =>
      median(rounds.get(name)!.map((values) => latenciesOf(values)[key]));
    const figures = systems.flatMap((name) =>
      (["p50", "p95", "p99"] as const).map((key): Figure => {
        const limit = name === "hand-rolled" ? "relay" : "hand-rolled";
        const id = `live.${name}.${key}`;
        const figure = { what: `${TITLES[name]}, ${key}`, value: of(name, key), unit: "ms", id };
        const beside = { ...figure, limit: { name: limit, value: of(limit, key) } };
        if (name === "relay") return figure;
        return name === "replica" && key !== "p95" ? judged(beside, { atMost: 1 }) : beside;
      }),
    );
    const series = systems.map((name) => ({ name: TITLES[name], points: curveOf(rounds.get(name)!.flat()) }));
    return { figures, plots: [{ title: "Live latency", x: "share of arrivals", y: "ms", logY: true, series }] };
  },
};
