/** The store's accept with batches, no network, beside rows that PostgreSQL takes by itself. */
import { mustHold } from "../shops.ts";
import type { Measure } from "../measure.ts";
import { Program } from "../program.ts";
import type { Timed } from "../programs/store.ts";
import type { RawRates } from "../raw-rates.ts";
import { judged, type Figure } from "../result.ts";
import { median } from "../statistics.ts";

const BATCHES = [1, 20, 100, 500] as const;
/** Of a round, on a machine that is slow. */
const LIMIT_MS = 2_500;
const WARMING_MS = 800;

const rateOf = ({ orders, ms }: Timed): number => (orders * 1_000) / ms;

export const commitAlone: Measure = {
  name: "commit-alone",
  title: "Commit alone: accept (checked, hashed, deduplicated, digested, durable) with batches, no network",
  async run(bench) {
    bench.progress("PostgreSQL by itself");
    const raw = await bench.raw();
    const program = await Program.start("store");
    try {
      const databaseUrl = await bench.databases.migrated();
      const figures: Figure[] = [
        { what: "raw: one-row commits, 1 connection", value: raw.one, unit: "rows/s" },
        { what: "raw: one-row commits, 8 connections", value: raw.eight, unit: "rows/s" },
        { what: "raw: batches of 100 jsonb rows", value: raw.hundred, unit: "rows/s" },
      ];
      let seed = 100;
      for (const batch of BATCHES) {
        const rates: number[] = [];
        const batches = Math.ceil((batch === 1 ? 1_500 : Math.max(40, 12_000 / batch)) * (bench.quick ? 0.1 : 1));
        for (let round = 0; round <= bench.rounds; round += 1) {
          bench.progress(`batches of ${batch}, round ${round}`);
          const limitMs = round > 0 ? LIMIT_MS : WARMING_MS;
          const input = { databaseUrl, batch, batches, seed: (seed += 1), limitMs };
          const timed = await program.ask<Timed & { storeId: string }>("accept", input);
          await mustHold(databaseUrl, timed.storeId, timed.orders);
          if (round > 0) rates.push(rateOf(timed));
        }
        figures.push(figureOf(batch, median(rates), raw));
      }
      const points = figures.slice(3).map(({ value }, i): [number, number] => [BATCHES[i]!, value]);
      const limit = BATCHES.map((batch): [number, number] => [batch, raw.hundred]);
      const series = [
        { name: "accept", points },
        { name: "raw, batches of 100", points: limit },
      ];
      return { figures, plots: [{ title: "Commit alone", x: "orders a batch", y: "orders/s", series }] };
    } finally {
      await program.stop();
    }
  },
};

function figureOf(batch: number, value: number, raw: RawRates): Figure {
  const what = `accept, batches of ${batch}`;
  const beside = {
    what,
    value,
    unit: "orders/s",
    id: `commit.${batch}`,
    limit: { name: "raw batches", value: raw.hundred },
  };
  if (batch === 1)
    return judged({ ...beside, limit: { name: "raw single commits", value: raw.one } }, { atLeast: 0.6 });
  return batch === 100 ? judged(beside, { atLeast: 0.5 }) : beside;
}
