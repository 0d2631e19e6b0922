import { describe, expect, test } from "vitest";
import { readOptions, UsageError } from "./options.ts";
import { USUAL_MINUTES } from "./plan.ts";

describe("options of the simulator", () => {
  test("what is not said is as usual", () => {
    expect(readOptions([])).toMatchObject({ seeds: 500, from: 1, minutes: USUAL_MINUTES, seed: null, trace: false });
    expect(readOptions(["--seed", "0", "--trace", "--minutes", "2.5", "--shrink", "0"])).toMatchObject({
      ...{ seed: 0, trace: true, minutes: 2.5, shrink: 0 },
    });
  });

  test.each([
    "--seeds none",
    "--seeds 0",
    "--seeds -5",
    "--seeds 1e3",
    "--minutes 1",
    "--minutes Infinity",
    "--workers 1.5",
    "--from -1",
    "--seed",
    "--nothing 1",
    "500",
    "--trace",
  ])("%s is refused", (args) => {
    expect(() => readOptions(args.split(" "))).toThrow(UsageError);
  });
});
