/** Many shops on one node: together as fast as one, and none slows another. */
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import { judged, type Figure } from "../result.ts";
import { openShops } from "../shops.ts";
import { latenciesOf, median } from "../statistics.ts";
import { startSystem, type Round, type System } from "../systems.ts";

const UNDER_WAY = 32;
const ONE_SHOP_DEVICES = 320;

function roundOf(keys: Round["keys"]): Round {
  return { keys, check: async () => undefined, fill: async () => undefined };
}

async function throughput(system: System, keys: NonNullable<Round["keys"]>, seconds: number): Promise<number> {
  const seed = Math.floor(clockMs());
  const input = { count: keys.length, seed, spread: true, readers: 0, sellsOnly: true };
  const devices = await prepareDevices(0, system, roundOf(keys), input);
  try {
    await devices.ask("open", 50);
    const begin = clockMs();
    const moments = await devices.ask<number[]>("sellOn", { underWay: UNDER_WAY, seconds });
    return (moments.length * 1_000) / (clockMs() - begin);
  } finally {
    await devices.ask("close", null);
  }
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
    const devices = await prepareDevices(1, system, loud, {
      count: 8,
      queued: flood,
      seed: seed + 1,
      readers: 0,
      sellsOnly: true,
    });
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

async function medianOf(bench: Bench, run: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < bench.rounds; round += 1) values.push(await run());
  return median(values);
}

export const manyShops: Measure = {
  name: "many-shops",
  title: "Many shops on one node",
  async run(bench) {
    const shops = bench.quick ? 200 : 1_000;
    const seconds = bench.quick ? 1 : 3;
    const system = await startSystem("thin", bench.databases);
    try {
      const one = (await openShops(system.databaseUrl!, 1, ONE_SHOP_DEVICES))[0]!;
      const many = (await openShops(system.databaseUrl!, shops, 1)).flat();
      await throughput(system, one, 1);
      bench.progress("one shop");
      const single = await medianOf(bench, () => throughput(system, one, seconds));
      bench.progress(`${shops} shops`);
      const spread = await medianOf(bench, () => throughput(system, many, seconds));
      bench.progress("a quiet shop beside a loud one");
      const calm = await medianOf(bench, () => quietSales(system, seconds, 0));
      const beside = await medianOf(bench, () => quietSales(system, seconds, bench.quick ? 500 : 1_500));
      const limit = { name: "one shop", value: single };
      const figures: Figure[] = [
        judged({ what: `${shops} shops together`, value: spread, unit: "orders/s", limit }, { atLeast: 0.8 }),
        { what: "one shop", value: single, unit: "orders/s" },
        judged(
          {
            what: "a quiet shop beside one that floods: p50 of a sale",
            value: beside,
            unit: "ms",
            limit: { name: "alone", value: calm },
          },
          { atMost: 2 },
        ),
        { what: "a quiet shop alone: p50 of a sale", value: calm, unit: "ms" },
      ];
      const notes = [
        `${UNDER_WAY} orders under way at any time, one a push; a device of each of ${shops} shops sells.`,
      ];
      return { figures, notes };
    } finally {
      await system.stop();
    }
  },
};
