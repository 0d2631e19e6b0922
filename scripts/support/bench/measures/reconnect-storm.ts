/** A server dies; 2,000 devices that missed 100 changes each come back at once, while somebody goes on selling. */
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Measure } from "../measure.ts";
import { judgedBy, type Figure } from "../result.ts";
import { openShops } from "../shops.ts";
import { latenciesOf } from "../statistics.ts";
import { fillShops, startSystem } from "../systems.ts";

const SHOP_DEVICES = 20;
const MISSED = 100;
const SALES_PER_SECOND = 10;

export const reconnectStorm: Measure = {
  name: "reconnect-storm",
  title: `Reconnect storm: devices come back at once after a crash, ${MISSED} changes behind`,
  async run(bench) {
    const count = bench.quick ? 400 : 2_000;
    const system = await startSystem("thin", bench.databases);
    try {
      const databaseUrl = system.databaseUrl!;
      const shops = await openShops(databaseUrl, count / SHOP_DEVICES, SHOP_DEVICES);
      const round = { keys: shops.flat(), check: async () => undefined, fill: async () => undefined };
      const seed = Math.floor(clockMs());
      const devices = await prepareDevices(1, system, round, { count, seed, spread: true, readers: 0 });
      const sellerShop = await system.newRound(1);
      bench.progress(`${count} devices go live, and are lost`);
      await devices.ask("open", 50);
      await devices.ask("disconnect", null);
      await fillShops(
        databaseUrl,
        shops.map((keys) => keys[0]!),
        MISSED,
        seed,
      );
      await system.restart();
      bench.progress("they come back");
      const seller = await prepareDevices(0, system, sellerShop, { count: 1, seed: seed + 1 });
      await seller.ask("open", null);
      const begin = clockMs();
      const [acknowledged, allLiveMs] = await Promise.all([
        seller.ask<number[]>("sell", { perSecond: SALES_PER_SECOND, seconds: bench.quick ? 3 : 8 }),
        devices.ask("open", count).then(() => clockMs() - begin),
      ]);
      await devices.ask("verify", MISSED);
      await sellerShop.check(acknowledged.length);
      await Promise.all([devices.ask("close", null), seller.ask("close", null)]);
      const during = acknowledged.slice(0, Math.max(1, Math.ceil((allLiveMs / 1_000) * SALES_PER_SECOND)));
      const { p50, p99 } = latenciesOf(during);
      const figures: Figure[] = [
        judgedBy(
          { what: `${count} devices: all live, none lacks anything, after`, value: allLiveMs / 1_000, unit: "s" },
          "<= 8 s",
          allLiveMs <= 8_000,
        ),
        { what: "a live sale meanwhile, acknowledged: p50", value: p50, unit: "ms" },
        judgedBy({ what: "a live sale meanwhile, acknowledged: p99", value: p99, unit: "ms" }, "<= 500 ms", p99 <= 500),
      ];
      return {
        figures,
        notes: [
          `${SHOP_DEVICES} devices a shop, each from an address of its own; from a server that is ready. One round.`,
        ],
      };
    } finally {
      await system.stop();
    }
  },
};
