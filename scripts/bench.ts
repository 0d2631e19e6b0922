/**
 * `npm run bench`: what Tillwire costs, beside what PostgreSQL, sockets and a hand-rolled server cost in the same run. Ten minutes at
 * most; `-- --quick` two; `-- --only live-latency,fan-out` a part. Exit code 1: a measure failed or ran out of time; aims that are
 * missed are told, and are no failure.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startDatabases } from "./support/bench/databases.ts";
import { machineNow } from "./support/bench/machine.ts";
import { MEASURES } from "./support/bench/measures/catalogue.ts";
import type { Bench, Measure } from "./support/bench/measure.ts";
import { pageOf } from "./support/bench/page.ts";
import { stopPrograms } from "./support/bench/program.ts";
import { linesOf, type Entry, type Report } from "./support/bench/report.ts";

const folder = resolve(import.meta.dirname, "../test-output/bench");

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
  },
});
const limitMs = (values.quick ? 2 : 10) * 60_000;
const begin = performance.now();
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** One line that is written over, where somebody looks on. */
function progress(text: string): void {
  const seconds = ((performance.now() - begin) / 1_000).toFixed(0);
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K  ${seconds} s  ${text}\r`);
  else if (process.env["BENCH_PROGRESS"]) say(`  ${seconds} s  ${text}`);
}

function chosen(): readonly Measure[] {
  const names = values.only?.split(",");
  const unknown = names?.find((name) => !MEASURES.some((measure) => measure.name === name));
  if (unknown !== undefined) {
    say(`There is no measure ${unknown}. There are: ${MEASURES.map(({ name }) => name).join(", ")}`);
    process.exit(2);
  }
  return names ? MEASURES.filter(({ name }) => names.includes(name)) : MEASURES;
}

/** A measure that hangs must not take the others with it, nor the whole run longer than promised. */
async function runOne(measure: Measure, bench: Bench): Promise<Entry> {
  const { name, title } = measure;
  const leftMs = Math.min(limitMs - (performance.now() - begin), limitMs / 2);
  if (leftMs < 5_000) return { name, title, ms: 0, loadBefore: 0, error: "no time was left" };
  say(`\n${title}`);
  const startedAt = performance.now();
  const loadBefore = machineNow().load;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it took longer than it may")), leftMs);
  });
  const about = (): Pick<Entry, "name" | "title" | "ms" | "loadBefore"> => ({
    ...{ name, title, ms: performance.now() - startedAt, loadBefore },
  });
  try {
    const result = await Promise.race([measure.run(bench), late]);
    return { ...about(), ...result };
  } catch (error) {
    await stopPrograms();
    return { ...about(), error: String((error as Error).stack ?? error) };
  } finally {
    clearTimeout(timer);
  }
}

async function main(): Promise<boolean> {
  const measures = chosen();
  const databases = await startDatabases();
  const entries: Entry[] = [];
  try {
    const bench: Bench = { quick: values.quick, rounds: Number(values.rounds), databases, progress };
    for (const measure of measures) {
      const entry = await runOne(measure, bench);
      entries.push(entry);
      say(linesOf(entry).join("\n"));
    }
  } finally {
    await databases.stop();
  }
  const report: Report = {
    at: new Date().toISOString(),
    quick: values.quick,
    postgres: databases.version,
    machine: machineNow(),
    entries,
  };
  mkdirSync(folder, { recursive: true });
  const name = values.quick ? "quick" : "full";
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(report, null, 1));
  writeFileSync(join(folder, `${name}.html`), pageOf(report));
  say(`\n${join(folder, `${name}.html`)}, ${((performance.now() - begin) / 1_000).toFixed(0)} s in all`);
  return entries.every(({ error }) => error === undefined);
}

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    say(String((error as Error).stack ?? error));
    process.exit(1);
  },
);
