/**
 * The deterministic simulator: `npm run simulate -- --seeds 1000`, `npm run simulate -- --seed 42 --trace`.
 * Exit codes: 0 nothing was violated; 1 something was, or the batch did not meet what it must; 2 the options are wrong; 130 stopped by Ctrl-C.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { startBatch } from "./support/simulator/batch.ts";
import { drawPlan, SHORTEST_MINUTES, USUAL_MINUTES } from "./support/simulator/plan.ts";
import { showProgress } from "./support/simulator/progress.ts";
import { describeViolation, missingCoverage } from "./support/simulator/report.ts";
import { runPlan } from "./support/simulator/run.ts";
import { shrink } from "./support/simulator/shrink.ts";
import { summaryOf } from "./support/simulator/summary.ts";

const USAGE = `npm run simulate -- [options]
  --seeds N    how many seeds (500)
  --from N     the first one (1)
  --minutes N  virtual minutes of a seed, on average (${USUAL_MINUTES})
  --workers N  processes (one per core)
  --seed N     this one alone; if it fails, shrunk to what it takes
  --trace      with --seed: all that happens in it
  --shrink N   runs that shrinking may take (60; 0: none)`;

/** A batch of at least so many must have met everything. */
const COVERING_SEEDS = 500;
const MOST = 1e9;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly minutes: number;
  readonly workers: number;
  readonly seed: number | null;
  readonly shrink: number;
  readonly trace: boolean;
}

class UsageError extends Error {}

try {
  const options = readOptions();
  process.exitCode = await (options.seed === null ? runBatch(options) : runOne(options.seed, options));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 2;
}

async function runOne(seed: number, { minutes, trace, shrink: maxTries }: Options): Promise<number> {
  const plan = drawPlan(seed, minutes);
  const verdict = await runPlan(plan, { keepsTrace: true });
  if (trace) for (const line of verdict.trace) console.log(line);
  const { events, commits, acknowledged, sales, digest } = verdict;
  console.log(
    `seed ${seed}: ${events} events, ${commits} commits, ${acknowledged} writes, ${sales} sales, trace ${digest}`,
  );
  if (!verdict.violation) return 0;
  if (maxTries === 0) console.log(describeViolation(verdict, plan));
  else {
    console.log("shrinking ...");
    const { plan: smaller, verdict: shrunk, tries } = await shrink(plan, verdict, maxTries);
    console.log(`from ${plan.steps.length} steps to ${smaller.steps.length} in ${tries} runs`);
    console.log(describeViolation(shrunk, smaller));
  }
  return 1;
}

async function runBatch(options: Options): Promise<number> {
  const { seeds: count, from, minutes, workers } = options;
  const startedAt = performance.now();
  const batch = startBatch({ from, count, minutes, workers });
  const { totals } = batch;
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    batch.stop();
  };
  process.once("SIGINT", interrupt);
  const endProgress = showProgress(totals, count, process.stderr);
  const failure = await batch.done.then(
    () => null,
    (error: unknown) => error as Error,
  );
  endProgress();
  process.off("SIGINT", interrupt);
  for (const line of summaryOf(totals, performance.now() - startedAt)) console.log(line);
  if (isInterrupted) {
    console.log(`stopped after ${totals.seeds} of ${count} seeds`);
    return 130;
  }
  if (failure) throw failure;
  const first = totals.failed.find(({ violation }) => violation);
  if (first && options.shrink > 0) await runOne(first.seed, options);
  return totals.failed.length === 0 && totals.seeds === count && isCovered(totals.coverage.counts, count) ? 0 : 1;
}

function isCovered(counts: ReadonlyMap<string, number>, count: number): boolean {
  const missing = missingCoverage(counts);
  if (missing.length > 0) console.log(`never met: ${missing.join(", ")}`);
  return missing.length === 0 || count < COVERING_SEEDS;
}

function readOptions(): Options {
  const { values } = readValues();
  const number = (name: "seeds" | "from" | "minutes" | "workers" | "seed" | "shrink", least: number, usual: number) => {
    const text = values[name];
    if (text === undefined) return usual;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= MOST) || (name !== "minutes" && !Number.isInteger(value)))
      throw new UsageError(`--${name} takes a number of at least ${least}, not "${text}"`);
    return value;
  };
  if (values.trace && values.seed === undefined) throw new UsageError("--trace needs --seed: which one");
  return {
    seeds: number("seeds", 1, 500),
    from: number("from", 0, 1),
    minutes: number("minutes", SHORTEST_MINUTES, USUAL_MINUTES),
    workers: number("workers", 1, availableParallelism()),
    seed: values.seed === undefined ? null : number("seed", 0, 0),
    shrink: number("shrink", 0, 60),
    trace: values.trace ?? false,
  };
}

function readValues() {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      options: {
        ...{ seeds: text, from: text, minutes: text, workers: text, seed: text, shrink: text },
        trace: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
