/**
 * The deterministic simulator: `npm run simulate -- --seeds 1000`, `npm run simulate -- --seed 42 --trace`.
 * Options: --seeds how many, --from the first one, --workers processes, --seed this one alone, shrunk if it fails in at most --shrink runs, --trace all
 * that happened in it.
 */
import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Coverage } from "./support/simulator/coverage.ts";
import { drawPlan } from "./support/simulator/plan.ts";
import { describeViolation, missingCoverage } from "./support/simulator/report.ts";
import { runPlan } from "./support/simulator/run.ts";
import { shrink } from "./support/simulator/shrink.ts";
import type { Order, Told } from "./support/simulator/worker.ts";

/** Every so many seeds one is run twice. */
const TWICE_EVERY = 20;
/** A batch of at least so many must have met everything. */
const COVERING_SEEDS = 1_000;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
    seed: { type: "string" },
    shrink: { type: "string", default: "60" },
    trace: { type: "boolean", default: false },
  },
});

process.exitCode = (await (values.seed === undefined ? runBatch() : runOne(Number(values.seed)))) ? 0 : 1;

async function runOne(seed: number): Promise<boolean> {
  const plan = drawPlan(seed);
  const verdict = await runPlan(plan, { keepsTrace: true });
  if (values.trace) for (const line of verdict.trace) console.log(line);
  const { events, commits, acknowledged, sales, digest } = verdict;
  console.log(
    `seed ${seed}: ${events} events, ${commits} commits, ${acknowledged} writes, ${sales} sales, trace ${digest}`,
  );
  if (!verdict.violation) return true;
  console.log("shrinking ...");
  const { plan: smaller, verdict: shrunk, tries } = await shrink(plan, verdict, Number(values.shrink));
  console.log(`from ${plan.steps.length} steps to ${smaller.steps.length} in ${tries} runs`);
  console.log(describeViolation(shrunk, smaller));
  return false;
}

async function runBatch(): Promise<boolean> {
  const [count, from] = [Number(values.seeds), Number(values.from)];
  const seeds = Array.from({ length: count }, (_, i) => from + i);
  const coverage = new Coverage();
  const failed: Told[] = [];
  const sums = { seeds: 0, virtualMs: 0, events: 0, commits: 0, acknowledged: 0, sales: 0 };
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;
  const speed = (): string => `${Math.round(sums.virtualMs / elapsedMs())} x real time`;
  // A terminal gets a line that changes, a log one now and then.
  const progress = setInterval(
    () => {
      const end = process.stderr.isTTY ? "\r" : "\n";
      process.stderr.write(`${sums.seeds} of ${count} seeds, ${failed.length} failed, ${speed()}  ${end}`);
    },
    process.stderr.isTTY ? 1_000 : 30_000,
  );
  await inWorkers(seeds, (told) => {
    coverage.merge(told.coverage);
    for (const key of ["virtualMs", "events", "commits", "acknowledged", "sales"] as const) sums[key] += told[key];
    sums.seeds += 1;
    if (told.violation || !told.isRepeatable) failed.push(told);
  });
  clearInterval(progress);
  process.stderr.write("\r");
  console.log(
    `${sums.seeds} seeds in ${(elapsedMs() / 1_000).toFixed(1)} s, ${speed()}: ${sums.events} events, ${sums.commits} commits, ` +
      `${sums.acknowledged} writes acknowledged, ${sums.sales} sales, ${failed.length} violations`,
  );
  for (const { seed, violation, isRepeatable } of failed)
    console.log(
      `seed ${seed}: ${violation ? `${violation.invariant} ${violation.what}` : ""}${isRepeatable ? "" : " NOT REPEATABLE"}`,
    );
  const first = failed.find(({ violation }) => violation);
  if (first && Number(values.shrink) > 0) await runOne(first.seed);
  return failed.length === 0 && sums.seeds === count && count > 0 && tellCoverage(coverage, count);
}

function tellCoverage(coverage: Coverage, count: number): boolean {
  for (const kind of [
    "outcome",
    "conflict",
    "policy",
    "refusal",
    "reset",
    "rejection",
    "error",
    "step",
    "refused",
    "settled",
    "disk",
  ]) {
    const met = [...coverage.counts].filter(([what]) => what.startsWith(`${kind} `)).sort();
    console.log(`${kind}: ${met.map(([what, times]) => `${what.slice(kind.length + 1)} ${times}`).join(", ")}`);
  }
  const missing = missingCoverage(coverage.counts);
  if (missing.length > 0) console.log(`never met: ${missing.join(", ")}`);
  return missing.length === 0 || count < COVERING_SEEDS;
}

/** As many processes as there are cores; each asks for the next seed when it has done one. */
async function inWorkers(seeds: readonly number[], heard: (told: Told) => void): Promise<void> {
  let next = 0;
  const work = (child: ChildProcess): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        const seed = seeds[next];
        if (seed === undefined) {
          child.disconnect();
          return resolve();
        }
        const order: Order = { seed, twice: next++ % TWICE_EVERY === 0 };
        child.send(order);
      };
      child.on("message", (told: Told) => {
        heard(told);
        give();
      });
      child.on("exit", (code) => (code ? reject(new Error(`a worker ended with ${code}`)) : resolve()));
      give();
    });
  const script = new URL("./support/simulator/worker.ts", import.meta.url);
  const count = Math.min(Number(values.workers), seeds.length);
  await Promise.all(Array.from({ length: count }, () => work(fork(script))));
}
