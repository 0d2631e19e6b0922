/** What a write and a frame cost in shops of different sizes. */
import { KINDS, type Costs, type GrowthKind } from "../growth-store.ts";
import type { Measure } from "../measure.ts";
import { Program } from "../program.ts";
import { judged, type Figure, type Plot } from "../result.ts";
import { median } from "../statistics.ts";

const TITLES: Readonly<Record<GrowthKind, string>> = {
  single: "a single new order",
  batched: "an order in a commit of 100",
  edit: "an edit of an order",
  page: "a page of the last 100 changes",
};
const FLAT = 1.15;
/** A million records take a minute to make. */
const LIMIT_MS = 300_000;

export const growth: Measure = {
  name: "growth",
  title: "Growth: cost of a write and of a frame by the size of the shop",
  limitMs: LIMIT_MS,
  async run(bench) {
    const sizes = bench.quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000];
    const program = await Program.start("store");
    try {
      for (const records of sizes) {
        bench.progress(`making ${records} records`);
        await program.ask("grow", { databaseUrl: await bench.databases.migrated(), records });
      }
      const found = sizes.map((): Costs[] => []);
      // The sizes take turns: what else the machine does meets all of them. The first two rounds are for compilers and caches.
      for (let round = -1; round <= bench.rounds; round += 1)
        for (const place of sizes.keys()) {
          bench.progress(`${sizes[place]} records, round ${round}`);
          const costs = await program.ask<Costs>("costs", place);
          if (round > 0) found[place]!.push(costs);
        }
      const wall = found.map((rounds) => (kind: GrowthKind) => median(rounds.flatMap((costs) => costs[kind].wallUs)));
      const cpu = found.map((rounds) => (kind: GrowthKind) => median(rounds.map((costs) => costs[kind].cpuUs)));
      const figures = KINDS.flatMap((kind): Figure[] => {
        const about = `${TITLES[kind]}, at ${sizes.at(-1)!} records`;
        const limit = (first: number) => ({ name: `at ${sizes[0]!}`, value: first });
        return [
          judged(
            { what: about, value: wall.at(-1)!(kind), unit: "us", limit: limit(wall[0]!(kind)) },
            { atMost: FLAT },
          ),
          judged(
            { what: `${about}: CPU`, value: cpu.at(-1)!(kind), unit: "us", limit: limit(cpu[0]!(kind)) },
            { atMost: FLAT },
          ),
        ];
      });
      const plot = (title: string, of: readonly ((kind: GrowthKind) => number)[]): Plot => ({
        ...{ title, x: "records, power of ten", y: "us", logY: true },
        series: KINDS.map((kind) => ({
          name: TITLES[kind],
          points: sizes.map((size, place): [number, number] => [Math.log10(size), of[place]!(kind)]),
        })),
      });
      return {
        figures,
        plots: [plot("Time by size of the shop", wall), plot("CPU by size of the shop", cpu)],
        notes: [
          "Each size is a database of its own, filled by SQL in the form in which accept leaves it, and vacuumed; the sizes take turns.",
          "CPU: of the process that accepts and of PostgreSQL's backends together. What is measured adds some 360 orders a round.",
        ],
      };
    } finally {
      await program.stop();
    }
  },
};
