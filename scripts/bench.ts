/**
 * `npm run bench`: what Tillwire costs, beside what PostgreSQL, sockets and a hand-rolled server cost in the same run. Exit code 1: a
 * measure failed or ran out of time; aims that are missed are told, and are no failure.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { capacityText } from "./support/bench/capacity.ts";
import { startDatabases } from "./support/bench/databases.ts";
import { caveatsOf, machineNow } from "./support/bench/machine.ts";
import { MEASURES, NODES_MEASURES } from "./support/bench/measures/catalogue.ts";
import type { Bench, Measure } from "./support/bench/measure.ts";
import { pageOf } from "./support/bench/page.ts";
import { measureRaw, type RawRates } from "./support/bench/raw-rates.ts";
import { summaryOf, type Entry, type Report } from "./support/bench/report.ts";
import { runMeasures } from "./support/bench/run-measures.ts";

const FOLDER = resolve(import.meta.dirname, "../test-output/bench");
const USAGE = `npm run bench -- [options]
  --quick           each measure small and once, in about 2 minutes, to see that all works
  --only a,b        measures whose names contain one of these words: ${MEASURES.map(({ name }) => name).join(", ")}
  --nodes 2         two nodes behind a balancer instead: ${NODES_MEASURES.map(({ name }) => name).join(", ")}
  --rounds 3        rounds of each figure, of which the median is told; with --quick 1
  --minutes 10      limit of the whole run; with --quick 3
  --out <folder>    where the JSON and the page go; default: test-output/bench
  --capacity        measures nothing: what a node carries, from the last whole runs
Run it on a machine that does nothing else.`;

interface Options {
  readonly measures: readonly Measure[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly minutes: number;
  readonly folder: string;
  /** Of the files. */
  readonly name: string;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  process.exit(2);
}

function readOptions(): Options | { readonly capacityOf: string } {
  const { values } = parse();
  if (values.help) {
    say(USAGE);
    process.exit(0);
  }
  const folder = values.out ? resolve(values.out) : FOLDER;
  if (values.capacity) return { capacityOf: folder };
  if (values.nodes !== undefined && values.nodes !== "1" && values.nodes !== "2") fail("--nodes is 1 or 2");
  const { quick } = values;
  const several = values.nodes === "2";
  const measures = chosen(several ? NODES_MEASURES : MEASURES, values.only);
  const name = `${several ? "nodes" : "full"}${values.only === undefined ? "" : "-part"}${quick ? "-quick" : ""}`;
  const rounds = numberOf("rounds", values.rounds ?? (quick ? "1" : "3"), 20);
  return {
    measures,
    quick,
    rounds,
    minutes: numberOf("minutes", values.minutes ?? (quick ? "3" : "10"), 120),
    folder,
    name,
  };
}

function parse() {
  try {
    return parseArgs({
      options: {
        ...{ quick: { type: "boolean", default: false }, capacity: { type: "boolean", default: false } },
        ...{
          help: { type: "boolean", short: "h", default: false },
          only: { type: "string" },
          nodes: { type: "string" },
        },
        ...{ rounds: { type: "string" }, minutes: { type: "string" }, out: { type: "string" } },
      },
    });
  } catch (error) {
    fail((error as Error).message);
  }
}

function numberOf(name: string, text: string, most: number): number {
  const number = Number(text);
  return Number.isInteger(number) && number >= 1 && number <= most
    ? number
    : fail(`--${name} is a whole number from 1 to ${most}`);
}

function chosen(all: readonly Measure[], only: string | undefined): readonly Measure[] {
  if (only === undefined) return all;
  const words = only.split(",").map((word) => word.trim());
  const unknown = words.find((word) => word === "" || !all.some(({ name }) => name.includes(word)));
  if (unknown !== undefined)
    fail(`no measure is called ${unknown}: there are ${all.map(({ name }) => name).join(", ")}`);
  const exact = new Set(all.map(({ name }) => name));
  return all.filter(({ name }) => words.some((word) => (exact.has(word) ? name === word : name.includes(word))));
}

/** One line that is written over, where somebody looks on. */
function progressSince(begin: number): (text: string) => void {
  return (text) => {
    const seconds = ((performance.now() - begin) / 1_000).toFixed(0);
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K  ${seconds} s  ${text}\r`);
    else if (process.env["BENCH_PROGRESS"]) say(`  ${seconds} s  ${text}`);
  };
}

async function measureAll({ measures, quick, rounds, minutes, folder, name }: Options): Promise<boolean> {
  const begin = performance.now();
  const machine = machineNow();
  for (const caveat of caveatsOf(machine)) say(caveat);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());
  const databases = await startDatabases();
  const entries: Entry[] = [];
  let raw: Promise<RawRates> | undefined;
  const bench: Bench = {
    ...{ quick, rounds, databases, progress: progressSince(begin) },
    raw: () => (raw ??= measureRaw({ databases, quick, rounds })),
  };
  const report = (): Report => ({
    ...{ at: new Date().toISOString(), quick, rounds, postgres: databases.version, machine, entries },
  });
  try {
    await runMeasures(measures, {
      ...{ bench, say, signal: interrupted.signal },
      deadlineMs: begin + minutes * 60_000,
      measureMs: minutes * 20_000,
      onEntry(entry) {
        entries.push(entry);
        // whatever becomes of the rest
        write(folder, name, report());
      },
    });
  } finally {
    await databases.stop();
  }
  say(`\n${summaryOf(entries).join("\n")}`);
  say(`${join(folder, `${name}.html`)}; ${((performance.now() - begin) / 1_000).toFixed(0)} s in all`);
  if (!quick && name === "full") sayCapacity(folder);
  return !interrupted.signal.aborted && entries.every(({ error }) => error === undefined);
}

function write(folder: string, name: string, report: Report): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(report, null, 1));
  writeFileSync(join(folder, `${name}.html`), pageOf(report));
}

/** @returns false: the figures that it takes were not measured */
function sayCapacity(folder: string): boolean {
  const text = capacityText(readReport(join(folder, "full.json")), readReport(join(folder, "nodes.json")));
  say(
    text === null ? `There is no whole run in ${folder}: npm run bench, then npm run bench -- --nodes 2` : `\n${text}`,
  );
  return text !== null;
}

function readReport(path: string): Report | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return null;
  }
}

const options = readOptions();
const ends = "capacityOf" in options ? Promise.resolve(sayCapacity(options.capacityOf)) : measureAll(options);
ends.then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    say(String((error as Error).stack ?? error));
    process.exit(1);
  },
);
