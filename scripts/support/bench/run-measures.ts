/** Measures, one after the other, none of which can take the others with it. */
import { cleanUp } from "./cleanup.ts";
import { machineNow } from "./machine.ts";
import type { Bench, Measure } from "./measure.ts";
import { linesOf, type Entry } from "./report.ts";

export interface RunOptions {
  readonly bench: Bench;
  /** Of the whole run; a measure that has less than five seconds left is not begun. */
  readonly deadlineMs: number;
  /** A measure that hangs is given up after so long, if it has no limit of its own. */
  readonly measureMs: number;
  readonly say: (text: string) => void;
  /** Aborted: the measure that runs is given up, and no other begins. */
  readonly signal: AbortSignal;
  /** Each entry as soon as there is one. */
  readonly onEntry: (entry: Entry) => void;
}

const LEAST_MS = 5_000;
/** What a measure takes on average, all of its rounds together. Where less is left for each, they are measured once. */
const MEASURE_MS = 40_000;

export async function runMeasures(measures: readonly Measure[], options: RunOptions): Promise<void> {
  for (const [i, measure] of measures.entries()) {
    if (options.signal.aborted) return;
    const leftMs = options.deadlineMs - performance.now();
    const isLate = leftMs < (measures.length - i) * MEASURE_MS && options.bench.rounds > 1;
    const entry = await (isLate ? runOnce(measure, options) : runOne(measure, options));
    options.onEntry(entry);
    options.say(linesOf(entry).join("\n"));
  }
}

async function runOnce(measure: Measure, options: RunOptions): Promise<Entry> {
  const entry = await runOne(measure, { ...options, bench: { ...options.bench, rounds: 1 } });
  return { ...entry, notes: [...(entry.notes ?? []), "One round only: the time of the whole run was short."] };
}

async function runOne(measure: Measure, options: RunOptions): Promise<Entry> {
  const { bench, deadlineMs, measureMs, say, signal } = options;
  const { name, title } = measure;
  const leftMs = Math.min(deadlineMs - performance.now(), measure.limitMs ?? measureMs);
  say(`\n${name}: ${title}`);
  if (leftMs < LEAST_MS) return { name, title, ms: 0, loadBefore: 0, error: "no time was left" };
  const unprepared = await measure.prepare?.().catch((error: unknown) => String(error));
  if (unprepared) return { name, title, ms: 0, loadBefore: 0, error: unprepared };
  const startedAt = performance.now();
  const loadBefore = machineNow().load;
  const about = (): Pick<Entry, "name" | "title" | "ms" | "loadBefore"> => ({
    ...{ name, title, ms: performance.now() - startedAt, loadBefore },
  });
  const limit = givingUp(leftMs, signal);
  const running = measure.run(bench);
  // given up, it fails once more when all that it asked is gone
  running.catch(() => undefined);
  try {
    const result = await Promise.race([running, limit.reached]);
    return { ...about(), ...result };
  } catch (error) {
    return { ...about(), error: String((error as Error).stack ?? error) };
  } finally {
    limit.cancel();
    await cleanUp();
  }
}

function givingUp(ms: number, signal: AbortSignal): { reached: Promise<never>; cancel: () => void } {
  let cancel = (): void => undefined;
  const reached = new Promise<never>((_, reject) => {
    const interrupted = (): void => reject(new Error("interrupted"));
    const timer = setTimeout(() => reject(new Error(`it took longer than ${Math.round(ms / 1_000)} s`)), ms);
    if (signal.aborted) interrupted();
    else signal.addEventListener("abort", interrupted);
    cancel = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", interrupted);
    };
  });
  return { reached, cancel };
}
