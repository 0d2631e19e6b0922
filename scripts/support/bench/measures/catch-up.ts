/** A new device reads a shop that has been there for long. */
import { clockMs } from "../stamp.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import { judgedBy, type Figure } from "../result.ts";
import { median } from "../statistics.ts";
import { startSystem, TITLES, type Round, type System } from "../systems.ts";

const SYSTEMS = ["replica", "thin", "hand-rolled"] as const;

async function readAll(system: System, shop: Round, key: number, records: number): Promise<number> {
  const device = await prepareDevices(0, system, shop, { count: 1, firstKey: key, seed: 1 });
  try {
    const begin = clockMs();
    await device.ask("open", null);
    const end = await device.ask<number>("arrived", records);
    await device.ask("verify", records);
    return (records * 1_000) / (end - begin);
  } finally {
    await device.ask("close", null);
  }
}

async function rates(bench: Bench, name: (typeof SYSTEMS)[number], records: number): Promise<number[]> {
  const system = await startSystem(name, bench.databases);
  try {
    bench.progress(`filling: ${records} orders`);
    const shop = await system.newRound(bench.rounds + 2);
    await shop.fill(records, records);
    await shop.check(records);
    const found: number[] = [];
    for (let round = 0; round <= bench.rounds; round += 1) {
      bench.progress(`${TITLES[name]}, ${records} records, round ${round}`);
      const rate = await readAll(system, shop, round + 1, records);
      if (round > 0) found.push(rate);
    }
    return found;
  } finally {
    await system.stop();
  }
}

export const catchUp: Measure = {
  name: "catch-up",
  title: "Catch-up: a new device reads everything",
  async run(bench) {
    const figures: Figure[] = [];
    for (const records of bench.quick ? [10_000] : [10_000, 100_000]) {
      const found = new Map<string, number>();
      for (const name of SYSTEMS) found.set(name, median(await rates(bench, name, records)));
      const limit = { name: "hand-rolled", value: found.get("hand-rolled")! };
      for (const name of SYSTEMS) {
        const value = found.get(name)!;
        const figure: Figure = { what: `${TITLES[name]}, ${records} records`, value, unit: "records/s" };
        if (name === "hand-rolled") figures.push(figure);
        else if (name === "thin") figures.push({ ...figure, limit });
        else figures.push(judgedBy({ ...figure, limit }, ">= 40,000 records/s", value >= 40_000));
      }
    }
    return {
      figures,
      notes: ["From opening the link to the last record, digests compared; hand-rolled: `select *` in one message."],
    };
  },
};
