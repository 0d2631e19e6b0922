/** 8 devices come back with 1,000 orders each: until all are acknowledged and a ninth device has them all. */
import { clockMs } from "../stamp.ts";
import { compare, prepareDevices, type Measure } from "../measure.ts";
import type { Arrivals } from "../programs/devices.ts";
import { judged, judgedAt, type Figure } from "../result.ts";
import { median, rateOverTime } from "../statistics.ts";
import { TITLES, type System } from "../systems.ts";

const SENDERS = 8;
/** Orders of each sender in the round that is for compilers and caches. */
const WARMING = 200;
const SYSTEMS = ["replica", "thin", "relay", "hand-rolled"] as const;

interface Drain {
  readonly perSecond: number;
  readonly serverCpuUs: number;
  readonly moments: number[];
}

async function round(system: System, each: number): Promise<Drain> {
  const orders = SENDERS * each;
  const shop = await system.newRound(SENDERS + 1);
  const seed = Math.floor(clockMs());
  const senders = await prepareDevices(0, system, shop, { count: SENDERS, queued: each, seed });
  const ninth = await prepareDevices(1, system, shop, { count: 1, firstKey: SENDERS, seed: seed + 1 });
  try {
    await ninth.ask("open", null);
    const cpuBefore = system.usage().cpuMs;
    const begin = clockMs();
    const drain = async (): Promise<void> => {
      for (const step of ["open", "start", "drained"]) await senders.ask(step, null);
      await senders.ask("arrived", orders);
    };
    const [, end] = await Promise.all([drain(), ninth.ask<number>("arrived", orders)]);
    const ms = Math.max(clockMs(), end) - begin;
    const serverCpuUs = ((system.usage().cpuMs - cpuBefore) * 1_000) / orders;
    const { moments } = await ninth.ask<Arrivals>("arrivals", null);
    await Promise.all([senders.ask("verify", orders), ninth.ask("verify", orders)]);
    await shop.check(orders);
    return { perSecond: (orders * 1_000) / ms, serverCpuUs, moments };
  } finally {
    await Promise.all([senders.ask("close", null), ninth.ask("close", null)]);
  }
}

export const outboxDrain: Measure = {
  name: "outbox-drain",
  title: "Outbox drain: 8 devices with 1,000 orders each, until all 9 devices have all",
  async run(bench) {
    const each = bench.quick ? 250 : 1_000;
    const rounds = await compare(bench, SYSTEMS, (system, warmsUp) => round(system, warmsUp ? WARMING : each));
    const rateOf = (name: (typeof SYSTEMS)[number]): number =>
      median(rounds.get(name)!.map(({ perSecond }) => perSecond));
    const figure = (name: (typeof SYSTEMS)[number], limit: "relay" | "hand-rolled"): Figure => ({
      ...{ what: TITLES[name], value: rateOf(name), unit: "orders/s" },
      limit: { name: limit, value: rateOf(limit) },
    });
    const figures: Figure[] = [
      judged({ ...figure("replica", "hand-rolled"), id: "drain.replica" }, { atLeast: 1.5 }),
      judged(figure("replica", "relay"), { atLeast: 0.6 }),
      judgedAt(figure("replica", "relay"), { atLeast: 9_000 }),
      figure("thin", "hand-rolled"),
      figure("thin", "relay"),
      figure("hand-rolled", "relay"),
      { what: TITLES.relay, value: rateOf("relay"), unit: "orders/s" },
      ...SYSTEMS.map((name): Figure => ({
        ...{ what: `${TITLES[name]}: server CPU an order`, unit: "us" },
        value: median(rounds.get(name)!.map(({ serverCpuUs }) => serverCpuUs)),
      })),
    ];
    const series = SYSTEMS.map((name) => ({
      name: TITLES[name],
      points: rateOverTime(rounds.get(name)!.at(-1)!.moments, 50),
    }));
    const notes = [
      "All 8 senders are one process: with full replicas it, not the server, may be what is measured; see the thin devices.",
    ];
    return { figures, notes, plots: [{ title: "Arrivals at the ninth device", x: "s", y: "orders/s", series }] };
  },
};
