/**
 * The deterministic simulator: `npm run simulate -- --seeds 1000`, `npm run simulate -- --seed 42 --trace`.
 * Exit codes: 0 nothing was violated; 1 something was, or the batch did not meet what it must; 2 the options are wrong; 130 stopped by Ctrl-C.
 */
import { startBatch } from "./support/simulator/batch.ts";
import { readOptions, USAGE, UsageError, type Options } from "./support/simulator/options.ts";
import { drawPlan } from "./support/simulator/plan.ts";
import { showProgress } from "./support/simulator/progress.ts";
import { describeViolation, missingCoverage } from "./support/simulator/report.ts";
import { runPlan } from "./support/simulator/run.ts";
import { shrink } from "./support/simulator/shrink.ts";
import { summaryOf } from "./support/simulator/summary.ts";

/** A batch of at least so many must have met everything. */
const COVERING_SEEDS = 500;

try {
  const options = readOptions(process.argv.slice(2));
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
  const covers = isCovered(totals.coverage.counts, count);
  const first = totals.failed.find(({ violation }) => violation);
  if (first && options.shrink > 0) await runOne(first.seed, options);
  return covers && totals.failed.length === 0 && totals.seeds === count ? 0 : 1;
}

function isCovered(counts: ReadonlyMap<string, number>, count: number): boolean {
  const missing = missingCoverage(counts);
  if (missing.length > 0) console.log(`never met: ${missing.join(", ")}`);
  return missing.length === 0 || count < COVERING_SEEDS;
}
