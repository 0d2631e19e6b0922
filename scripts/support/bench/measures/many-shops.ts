/** Many shops on one node: together as fast as one, and none slows another. */
import { clockMs } from "../stamp.ts";
import { medianOf, prepareDevices, type Bench, type Measure } from "../measure.ts";
import type { SoldOn } from "../programs/devices.ts";
import { judged, type Figure, type MeasureResult } from "../result.ts";
import { mustHoldTogether, openShops, type DeviceKey } from "../shops.ts";
import { latenciesOf, median, rateOverTime } from "../statistics.ts";
import { startSystem, type System } from "../systems.ts";

const UNDER_WAY = 32;
/** Of each shop: they all receive what is written there. */
const SHOP_DEVICES = 10;
/** Of the one shop besides, which only write: a device may push 50 times a second. */
const WRITERS = 96;

interface Contest {
  readonly rates: number[];
  moments: number[];
  writes: number;
  orders: number;
}

const newContest = (): Contest => ({ rates: [], moments: [], writes: 0, orders: 0 });

/** The same load, now on one shop, now on all: every write is delivered to ten devices in either case. */
async function contest(
  bench: Bench,
  system: System,
  one: DeviceKey[],
  many: DeviceKey[][],
  seconds: number,
): Promise<[Contest, Contest]> {
  const seed = Math.floor(clockMs());
  const quiet = { readers: 0, spread: true };
  const writing = { ...quiet, count: WRITERS, firstKey: SHOP_DEVICES, sellsOnly: true };
  const writers = await prepareDevices(0, system, { keys: one }, { ...writing, seed });
  const hearing = await prepareDevices(1, system, { keys: one }, { ...quiet, count: SHOP_DEVICES, seed: seed + 1 });
  const keys = many.flat();
  const all = await prepareDevices(2, system, { keys }, { ...quiet, count: keys.length, seed: seed + 2 });
  bench.progress(`${keys.length} links are opened`);
  for (const devices of [writers, hearing, all]) await devices.ask("open", 50);
  const results: [Contest, Contest] = [newContest(), newContest()];
  for (let round = 0; round <= bench.rounds; round += 1)
    for (const [i, devices] of [writers, all].entries()) {
      bench.progress(`round ${round}: ${i === 0 ? "one shop" : `${many.length} shops`}`);
      const result = results[i]!;
      const begin = clockMs();
      const input = { underWay: UNDER_WAY, seconds: round < 1 ? 1 : seconds, mixed: true };
      const { moments, edits } = await devices.ask<SoldOn>("sellOn", input);
      if (round > 0) result.rates.push((moments.length * 1_000) / (clockMs() - begin));
      result.moments = moments;
      result.writes += moments.length;
      result.orders += moments.length - edits;
      await (i === 0 ? hearing : all).ask("arrivedTogether", result.writes * SHOP_DEVICES);
    }
  await Promise.all([writers, hearing, all].map((devices) => devices.ask("close", null)));
  const url = system.databaseUrl!;
  await mustHoldTogether(url, [one[0]!.storeId], results[0].orders);
  await mustHoldTogether(
    url,
    many.map((shop) => shop[0]!.storeId),
    results[1].orders,
  );
  return results;
}

/** A quiet shop's sales, alone and while another shop empties full outboxes. @returns p50 in ms */
async function quietSales(system: System, seconds: number, flood: number): Promise<number> {
  const seed = Math.floor(clockMs());
  const quiet = await system.newRound(1);
  const seller = await prepareDevices(0, system, quiet, { count: 1, seed });
  await seller.ask("open", null);
  let flooding: Promise<unknown> = Promise.resolve();
  if (flood > 0) {
    const loud = await system.newRound(8);
    const input = { count: 8, queued: flood, seed: seed + 1, readers: 0, sellsOnly: true };
    const devices = await prepareDevices(1, system, loud, input);
    await devices.ask("open", null);
    await devices.ask("start", null);
    flooding = devices
      .ask("drained", null)
      .then(() => loud.check(8 * flood))
      .then(() => devices.ask("close", null));
  }
  const acknowledged = await seller.ask<number[]>("sell", { perSecond: 20, seconds });
  await flooding;
  await quiet.check(acknowledged.length);
  await seller.ask("close", null);
  return latenciesOf(acknowledged).p50;
}

async function measure(bench: Bench, system: System): Promise<MeasureResult> {
  const shops = bench.quick ? 100 : 1_000;
  const seconds = bench.quick ? 1 : 3;
  const one = (await openShops(system.databaseUrl!, 1, SHOP_DEVICES + WRITERS))[0]!;
  const many = await openShops(system.databaseUrl!, shops, SHOP_DEVICES);
  const [alone, together] = await contest(bench, system, one, many, seconds);
  bench.progress("a quiet shop beside a loud one");
  await quietSales(system, 1, 0);
  const calm = await medianOf(bench, () => quietSales(system, bench.quick ? 1 : 2, 0));
  const beside = await medianOf(bench, () => quietSales(system, bench.quick ? 1 : 2, bench.quick ? 500 : 1_500));
  const limit = { name: "one shop", value: median(alone.rates) };
  const quiet = { name: "alone", value: calm };
  const figures: Figure[] = [
    judged(
      { what: `${shops} shops together`, value: median(together.rates), unit: "writes/s", id: "many.together", limit },
      { atLeast: 0.8 },
    ),
    { what: "one shop", value: limit.value, unit: "writes/s" },
    judged(
      { what: "a quiet shop beside one that floods: p50 of a sale", value: beside, unit: "ms", limit: quiet },
      { atMost: 2 },
    ),
    { what: "a quiet shop alone: p50 of a sale", value: calm, unit: "ms" },
  ];
  const series = [
    { name: `${shops} shops`, points: rateOverTime(together.moments) },
    { name: "one shop", points: rateOverTime(alone.moments) },
  ];
  const notes = [
    `${UNDER_WAY} writes under way at any time, one a push, one of four an edit; every write is delivered to ${SHOP_DEVICES} devices of its shop.`,
    `The one shop's writes come from ${WRITERS} further devices, which hear no data, since a device may push 50 times a second only.`,
    "The flood: 8 devices of another shop with full outboxes.",
  ];
  return { figures, notes, plots: [{ title: "Throughput", x: "s", y: "writes/s", series }] };
}

export const manyShops: Measure = {
  name: "many-shops",
  title: "Many shops on one node",
  async run(bench) {
    const system = await startSystem("thin", bench.databases);
    try {
      return await measure(bench, system);
    } finally {
      await system.stop();
    }
  },
};
