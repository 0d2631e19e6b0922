/** The simulator as a whole: a batch that must meet everything and violate nothing, and the command that runs as many as one likes. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { startBatch } from "./batch.ts";
import { missingCoverage } from "./report.ts";

const SEEDS = 500;
/** Short ones: many shops meet more than long days do. */
const SEED_MINUTES = 2.25;
const MINUTE_MS = 60_000;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param heard is told all that was printed so far */
function simulate(options: readonly string[], heard?: (out: string, interrupt: () => void) => void): Promise<Ended> {
  const script = fileURLToPath(new URL("../../simulate.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, ...options]);
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => (out += String(text)));
  child.stderr.on("data", (text) => {
    err += String(text);
    heard?.(err, () => child.kill("SIGINT"));
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

describe("a batch of seeds", () => {
  test(
    `S1 to S12 and L1 to L4 hold in ${SEEDS} shops, which meet every outcome, conflict, policy, code and fault, and can be repeated`,
    async () => {
      const workers = availableParallelism();
      // They give way to the tests beside them, which wait for real clocks.
      const batch = startBatch({ from: 1, count: SEEDS, minutes: SEED_MINUTES, workers, niceness: 10 });
      await batch.done;
      const { totals } = batch;
      const failures = totals.failed.map(({ seed, violation, isRepeatable }) => ({ seed, violation, isRepeatable }));
      expect(failures).toEqual([]);
      expect(totals.seeds).toBe(SEEDS);
      expect(totals.repeated).toBeGreaterThan(0);
      expect(missingCoverage(totals.coverage.counts)).toEqual([]);
    },
    10 * MINUTE_MS,
  );

  test(
    "a process that ends by itself fails the batch",
    async () => {
      const batch = startBatch({ from: 1, count: 2, minutes: 0, workers: 1 });
      await expect(batch.done).rejects.toThrow(/seed 1/);
      expect(batch.totals.seeds).toBe(0);
    },
    MINUTE_MS,
  );
});

describe("npm run simulate", () => {
  test(
    "options that are wrong are refused with what may be said instead",
    async () => {
      const { code, err } = await simulate(["--seeds", "none"]);
      expect(code).toBe(2);
      expect(err).toContain("npm run simulate -- [options]");
    },
    MINUTE_MS,
  );

  test(
    "Ctrl-C sums up what was done until then",
    async () => {
      const { code, out } = await simulate(["--seeds", "100000"], (_, interrupt) => interrupt());
      expect(code).toBe(130);
      expect(out).toMatch(/^stopped after \d+ of 100000 seeds$/m);
    },
    MINUTE_MS,
  );

  test(
    "a batch ends with a summary",
    async () => {
      const { code, out } = await simulate(["--seeds", "2", "--minutes", "2", "--workers", "1"]);
      expect(code).toBe(0);
      for (const part of [
        /^2 seeds in /m,
        /^operations: [1-9]/m,
        /^faults: [1-9]/m,
        /^conflicts: /m,
        /^0 violations$/m,
      ])
        expect(out).toMatch(part);
    },
    MINUTE_MS,
  );
});
