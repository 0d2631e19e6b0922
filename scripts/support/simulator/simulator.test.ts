/** A few seeds of the simulator, in this very process; batch.integration.test.ts runs many. */
import { describe, expect, test } from "vitest";
import { drawPlan } from "./plan.ts";
import { FINDS, REGRESSIONS } from "./regressions.ts";
import { describeViolation } from "./report.ts";
import { runPlan } from "./run.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 4);

async function play(seed: number): Promise<string> {
  const plan = drawPlan(seed);
  const verdict = await runPlan(plan);
  expect(describeViolation(verdict, plan)).toBe("");
  expect(verdict.commits, "a run in which nothing happens proves nothing").toBeGreaterThan(0);
  return verdict.digest;
}

describe("the simulator", () => {
  test("a run is a pure function of its seed", async () => {
    const [first, again, other] = [await play(1), await play(1), await play(2)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  }, 120_000);

  test(`S1 to S12, L1 to L4 hold in ${SEEDS} shops with troubles of their own`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await play(seed);
  }, 240_000);

  test.each(REGRESSIONS)("$invariant holds where it did not with a fault: $fault", async ({ plan }) => {
    const verdict = await runPlan(plan);
    expect(describeViolation(verdict, plan)).toBe("");
  });

  test.each(FINDS)("$invariant holds where it once did not: $what", async ({ plan }) => {
    const verdict = await runPlan(plan);
    expect(describeViolation(verdict, plan)).toBe("");
  });
});
