/** 8 sales under way at any time, each a push of its own: group commit at work. */
import { clockMs } from "../stamp.ts";
import { compare, prepareDevices, type Measure } from "../measure.ts";
import type { SoldOn } from "../programs/devices.ts";
import { judged, type Figure } from "../result.ts";
import { median, rateOverTime } from "../statistics.ts";
import type { System } from "../systems.ts";

const UNDER_WAY = 8;
/** A device may push 50 times a second, and 100 times more in a burst: so many that none meets that limit in three seconds. */
const DEVICES = 96;

async function round(
  system: System,
  seconds: number,
): Promise<{ perSecond: number; moments: number[]; cpuShare: number }> {
  const shop = await system.newRound(DEVICES);
  const seed = Math.floor(clockMs());
  const count = system.name === "thin" ? DEVICES : UNDER_WAY;
  // arrivals at so many devices would be another measure: these know nothing of the orders of others
  const devices = await prepareDevices(0, system, shop, { count, seed, readers: 0, sellsOnly: true });
  try {
    await devices.ask("open", null);
    const cpuBefore = system.usage().cpuMs;
    const begin = clockMs();
    const { moments } = await devices.ask<SoldOn>("sellOn", { underWay: UNDER_WAY, seconds });
    const ms = clockMs() - begin;
    const cpuShare = (system.usage().cpuMs - cpuBefore) / ms;
    await shop.check(moments.length);
    return { perSecond: (moments.length * 1_000) / ms, moments, cpuShare };
  } finally {
    await devices.ask("close", null);
  }
}

export const singleWrites: Measure = {
  name: "single-writes",
  title: "Single writes: 8 orders under way at any time, one a push",
  async run(bench) {
    bench.progress("PostgreSQL by itself");
    const raw = await bench.raw();
    const rounds = await compare(bench, ["thin", "hand-rolled"], (system, warmsUp) =>
      round(system, bench.quick || warmsUp ? 1 : 3),
    );
    const rate = (name: "thin" | "hand-rolled"): number => median(rounds.get(name)!.map(({ perSecond }) => perSecond));
    const limit = { name: "raw commits on 8 connections", value: raw.eight };
    const figures: Figure[] = [
      judged({ what: "Tillwire", value: rate("thin"), unit: "orders/s", id: "single", limit }, { atLeast: 0.6 }),
      {
        what: "hand-rolled, whose 8 devices each receive all",
        value: rate("hand-rolled"),
        unit: "orders/s",
        limit,
      },
      { what: "raw commits on 8 connections", value: raw.eight, unit: "rows/s" },
      {
        what: "Tillwire: server CPU, of a core",
        value: median(rounds.get("thin")!.map(({ cpuShare }) => cpuShare)) * 100,
        unit: "%",
      },
    ];
    const series = (["thin", "hand-rolled"] as const).map((name) => ({
      name: name === "thin" ? "Tillwire" : name,
      points: rateOverTime(rounds.get(name)!.at(-1)!.moments),
    }));
    const notes = [
      `Tillwire's 8 orders leave from ${DEVICES} links in turn, since one device may push 50 times a second only; these links chose ` +
        "the collection `staff`, so that what is measured are writes and not 96 deliveries of each.",
    ];
    return { figures, notes, plots: [{ title: "Single writes", x: "s", y: "orders/s", series }] };
  },
};
