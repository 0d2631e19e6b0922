/** Many seeds, on as many processes as one likes, and what became of all of them. */
import { fork, type ChildProcess } from "node:child_process";
import { setPriority } from "node:os";
import { bundleWorker } from "./bundle.ts";
import { Coverage } from "./coverage.ts";
import type { Order, Told } from "./worker.ts";

/** Seeds make much that lives for a few virtual seconds: with more room for it, less of it is moved before it is dropped. */
const NODE_OPTIONS = ["--max-semi-space-size=32"];
/** Every so many seeds one is run twice. */
const TWICE_EVERY = 20;

export interface BatchOptions {
  readonly from: number;
  readonly count: number;
  /** Virtual, of a seed, on average. */
  readonly minutes: number;
  /** Processes. */
  readonly workers: number;
  /** How much the processes give way to others: 0 to 19. */
  readonly niceness?: number;
}

/** What is known so far. */
export class Totals {
  readonly coverage = new Coverage();
  readonly failed: Told[] = [];
  seeds = 0;
  /** Seeds that were run a second time and compared. */
  repeated = 0;
  virtualMs = 0;
  events = 0;
  commits = 0;
  acknowledged = 0;
  sales = 0;

  add(told: Told): void {
    this.seeds += 1;
    this.repeated += told.isRepeated ? 1 : 0;
    // A second run is virtual time as well, and none that proves anything: it counts once.
    for (const key of ["virtualMs", "events", "commits", "acknowledged", "sales"] as const) this[key] += told[key];
    this.coverage.merge(told.coverage);
    if (told.violation || !told.isRepeatable) this.failed.push(told);
  }
}

export interface Batch {
  readonly totals: Totals;
  /** @throws when a process ended by itself */
  readonly done: Promise<void>;
  /** Seeds that are not done are left undone. */
  stop(): void;
}

export function startBatch({ from, count, minutes, workers, niceness = 0 }: BatchOptions): Batch {
  const totals = new Totals();
  const children = new Set<ChildProcess>();
  let next = 0;
  let isStopped = false;
  const work = (child: ChildProcess): Promise<void> =>
    new Promise((resolve, reject) => {
      let seed = from;
      const give = (): void => {
        if (isStopped || next >= count) return void child.disconnect();
        seed = from + next;
        child.send({ seed, minutes, twice: next++ % TWICE_EVERY === 0 } satisfies Order);
      };
      child.on("message", (told: Told) => {
        totals.add(told);
        give();
      });
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        children.delete(child);
        if (code === 0 || isStopped) resolve();
        else reject(new Error(`the process that ran seed ${seed} ended with ${String(code ?? signal)}`));
      });
      give();
    });
  const stop = (): void => {
    isStopped = true;
    for (const child of children) child.kill();
  };
  const run = async (): Promise<void> => {
    const bundle = await bundleWorker();
    try {
      const all = Array.from({ length: isStopped ? 0 : Math.min(workers, count) }, () => {
        const child = fork(bundle.path, { execArgv: NODE_OPTIONS });
        children.add(child);
        if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness);
        return work(child);
      });
      await Promise.all(all);
    } finally {
      stop();
      bundle.dispose();
    }
  };
  return { totals, done: run(), stop };
}
