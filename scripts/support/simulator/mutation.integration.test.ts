/** The simulator has teeth: of faults that are planted into the product, a few that it finds soon. `npm run mutation-check` looks for all. */
import { expect, test } from "vitest";
import { checkPlantable, lookFor } from "./mutation.ts";
import { PLANTED_FAULTS } from "./planted-faults.ts";

const FOUND_SOON = [
  "a sequence with gaps instead of the locked counter",
  "a page of the feed misses the latest change",
  "the outbox is emptied as it is sent",
  "a push that failed blocks the session's next one",
];
const SEEDS = 6;

test("every planted fault changes one line that is there", () => {
  checkPlantable(PLANTED_FAULTS);
  expect(PLANTED_FAULTS.length).toBeGreaterThanOrEqual(20);
});

test.each(FOUND_SOON)(
  `found within ${SEEDS} seeds: %s`,
  async (name) => {
    const fault = PLANTED_FAULTS.find(({ what }) => what === name)!;
    const { seeds, invariant, what } = await lookFor(fault, { seeds: SEEDS });
    expect(seeds, what).not.toBeNull();
    expect(invariant).toMatch(/^[SL]\d+$/);
  },
  120_000,
);
