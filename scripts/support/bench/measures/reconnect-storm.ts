/** A server dies; 2,000 devices that missed 100 changes each come back at once, while somebody goes on selling. */
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import type { Program } from "../program.ts";
import { judgedAt, type Figure } from "../result.ts";
import { openShops, type DeviceKey } from "../shops.ts";
import { curveOf, latenciesOf, median } from "../statistics.ts";
import { fillShops, startSystem, type System } from "../systems.ts";

const SHOP_DEVICES = 20;
const MISSED = 100;
const SALES_PER_SECOND = 10;
/** The seller goes on for so long; longer than the storm may last. */
const SELLING_S = 8;

interface Storm {
  readonly allLiveMs: number;
  /** Sales while not all were live. */
  readonly sales: number[];
}

async function storm(
  bench: Bench,
  system: System,
  devices: Program,
  shops: DeviceKey[][],
  round: number,
): Promise<Storm> {
  const count = shops.flat().length;
  const seed = Math.floor(clockMs());
  bench.progress(`round ${round}: ${count} devices are away, ${MISSED} changes are made`);
  await devices.ask("disconnect", null);
  const sellers = shops.map((keys) => keys[0]!);
  await fillShops(system.databaseUrl!, sellers, MISSED, seed);
  await system.restart();
  bench.progress(`round ${round}: they come back`);
  const shop = await system.newRound(1);
  const seller = await prepareDevices(0, system, shop, { count: 1, seed });
  await seller.ask("open", null);
  const begin = clockMs();
  const [acknowledged, allLiveMs] = await Promise.all([
    seller.ask<number[]>("sell", { perSecond: SALES_PER_SECOND, seconds: bench.quick ? 3 : SELLING_S }),
    devices.ask("open", count).then(() => clockMs() - begin),
  ]);
  await devices.ask("verify", MISSED * (round + 1));
  await shop.check(acknowledged.length);
  await seller.ask("close", null);
  const during = Math.max(1, Math.ceil((allLiveMs / 1_000) * SALES_PER_SECOND));
  return { allLiveMs, sales: acknowledged.slice(0, during) };
}

export const reconnectStorm: Measure = {
  name: "reconnect-storm",
  title: `Reconnect storm: devices come back at once after a crash, ${MISSED} changes behind`,
  async run(bench) {
    const count = bench.quick ? 200 : 2_000;
    const system = await startSystem("thin", bench.databases);
    try {
      const shops = await openShops(system.databaseUrl!, count / SHOP_DEVICES, SHOP_DEVICES);
      const seed = Math.floor(clockMs());
      const devices = await prepareDevices(
        1,
        system,
        { keys: shops.flat() },
        { count, seed, spread: true, readers: 0 },
      );
      bench.progress(`${count} devices go live for the first time`);
      await devices.ask("open", 50);
      const storms: Storm[] = [];
      for (let round = 0; round < bench.rounds; round += 1)
        storms.push(await storm(bench, system, devices, shops, round));
      await devices.ask("close", null);
      const allLive = median(storms.map(({ allLiveMs }) => allLiveMs)) / 1_000;
      const late = (key: "p50" | "p99"): number => median(storms.map(({ sales }) => latenciesOf(sales)[key]));
      const figures: Figure[] = [
        judgedAt(
          {
            what: `${count} devices: all live, none lacks anything, after`,
            value: allLive,
            unit: "s",
            id: "storm.seconds",
          },
          { atMost: 8 },
        ),
        { what: "a live sale meanwhile, acknowledged: p50", value: late("p50"), unit: "ms" },
        judgedAt({ what: "a live sale meanwhile, acknowledged: p99", value: late("p99"), unit: "ms" }, { atMost: 500 }),
      ];
      const series = storms.map(({ sales }, i) => ({ name: `round ${i + 1}`, points: curveOf(sales) }));
      return {
        figures,
        plots: [{ title: "Sales in the storm", x: "share of sales", y: "ms", logY: true, series }],
        notes: [
          `${SHOP_DEVICES} devices a shop, each from an address of its own; timed from the moment the server is ready again.`,
        ],
      };
    } finally {
      await system.stop();
    }
  },
};
