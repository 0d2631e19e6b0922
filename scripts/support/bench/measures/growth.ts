/** What a write and a frame cost while a shop grows. */
import type { Measure } from "../measure.ts";
import { Program } from "../program.ts";
import type { Grown } from "../programs/store.ts";
import { judged, type Figure } from "../result.ts";

const COSTS = [
  ["singleMs", "a single new order"],
  ["batchedMs", "an order in a commit of 100"],
  ["editMs", "an edit of an order"],
  ["pageMs", "a page of the last 100 changes"],
] as const;

export const growth: Measure = {
  name: "growth",
  title: "Growth: cost of a write and of a frame as the shop gets larger",
  async run(bench) {
    const sizes = bench.quick ? [1_000, 10_000, 50_000] : [1_000, 10_000, 100_000, 1_000_000];
    const program = await Program.start("store");
    try {
      const databaseUrl = await bench.databases.migrated();
      const grown = await program.ask<Grown[]>("grow", { databaseUrl, sizes });
      const first = grown[0]!;
      const last = grown.at(-1)!;
      const figures = COSTS.map(([key, what]): Figure => {
        const limit = { name: `at ${first.records} records`, value: first[key] * 1_000 };
        return judged(
          { what: `${what}, at ${last.records} records`, value: last[key] * 1_000, unit: "us", limit },
          { atMost: 1.15 },
        );
      });
      const series = COSTS.map(([key, name]) => ({
        name,
        points: grown.map((at): [number, number] => [Math.log10(at.records), at[key] * 1_000]),
      }));
      const plots = [{ title: "Cost by size of the shop", x: "records, power of ten", y: "us", logY: true, series }];
      return {
        figures,
        plots,
        notes: ["Medians of 15 to 150 at each size. The shop is filled by SQL, in the form in which accept leaves it."],
      };
    } finally {
      await program.stop();
    }
  },
};
