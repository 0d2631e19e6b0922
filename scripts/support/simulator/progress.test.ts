import { describe, expect, test } from "vitest";
import { Coverage } from "./coverage.ts";
import { progressLine, showProgress, spanOf } from "./progress.ts";
import type { Told } from "./worker.ts";

const totals = (seeds: number) => ({
  ...{ coverage: new Coverage(), failed: [], seeds, repeated: 0, virtualMs: seeds * 120_000 },
  ...{ events: 0, commits: 0, acknowledged: 0, sales: 0, add: () => undefined },
});

describe("progress", () => {
  test("tells how many are done, how fast, and how long it will take", () => {
    expect(progressLine(totals(25), 100, 3_000)).toBe(
      "[######------------------] 25 of 100 seeds, 1000 x real time, 0 violations, 9 s to go",
    );
    expect(progressLine(totals(0), 100, 0)).toBe(
      "[------------------------] 0 of 100 seeds, 0 x real time, 0 violations",
    );
  });

  test("a span is told in the unit that suits it", () => {
    expect([1, 119_000, 150_000, 3_600_000, 3_900_000].map(spanOf)).toEqual([
      "1 s",
      "119 s",
      "3 min",
      "1 h 0 min",
      "1 h 5 min",
    ]);
  });

  test("a seed that failed is told at once, and once", () => {
    const violation = { invariant: "S9", what: "a sale is lost", details: null, at: 0 };
    const told = { seed: 7, violation, isRepeatable: false } as unknown as Told;
    const written: string[] = [];
    showProgress({ ...totals(1), failed: [told] }, 2, { write: (text: string) => written.push(text) })();
    expect(written[0]).toBe("seed 7: S9 a sale is lost NOT REPEATABLE\n");
    expect(written.join("").split("seed 7").length).toBe(2);
  });

  test("on a terminal a line replaces the former one and fits, and none is left in the end", () => {
    const written: string[] = [];
    const out = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
    showProgress(totals(1), 2, out)();
    expect(written[0]).toBe("\r\u001b[K[############------------] 1 of 2 seeds,".slice(0, 3 + 1 + 39));
    expect(written.at(-1)).toBe("\r\u001b[K");
  });
});
