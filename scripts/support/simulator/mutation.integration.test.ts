/** The simulator has teeth: of faults that are planted into the product, a few that kept plans find. `npm run mutation-check` looks for all. */
import { expect, test } from "vitest";
import { checkPlantable, lookFor } from "./mutation.ts";
import { PLANTED_FAULTS } from "./planted-faults.ts";
import { REGRESSIONS } from "./regressions.ts";

const TRIED = 4;

test("every planted fault changes one line that is there, and every kept plan names one", () => {
  checkPlantable(PLANTED_FAULTS);
  expect(PLANTED_FAULTS.length).toBeGreaterThanOrEqual(20);
  const known = PLANTED_FAULTS.map(({ what }) => what);
  for (const { fault } of REGRESSIONS) expect(known).toContain(fault);
});

test.each(REGRESSIONS.slice(0, TRIED))(
  "$invariant is found violated with a fault: $fault",
  async ({ fault: name, invariant, plan }) => {
    const fault = PLANTED_FAULTS.find(({ what }) => what === name)!;
    const finding = await lookFor(fault, { seeds: 1, plan });
    expect(finding.invariant, finding.what).toBe(invariant);
  },
  120_000,
);
