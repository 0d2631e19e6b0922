/**
 * `npm run load-test -- --url http://shop:8080 --token <admin token> --devices 200 --rate 50 --duration 60`: load on a server that
 * runs, by script devices of its own. At the end a table, an HTML report and the proof that every acknowledged sale is in the feed
 * once and arrived everywhere once: exit code 1 otherwise. Its sales stay in the shop: use a shop made for it (--store).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { enrolDevices } from "./support/bench/load/load-devices-file.ts";
import { TRANSPORTS, type LoadTransport } from "./support/bench/load/load-link.ts";
import { figuresOf, plotsOf } from "./support/bench/load/load-report.ts";
import { runLoad, SCENARIOS } from "./support/bench/load/load-run.ts";
import { createBars } from "./support/bench/load/progress-bars.ts";
import { machineNow } from "./support/bench/machine.ts";
import { pageOf } from "./support/bench/page.ts";
import { linesOf, type Entry, type Report } from "./support/bench/report.ts";

const folder = resolve(import.meta.dirname, "../test-output/load-test");
const USAGE = `npm run load-test -- --url <server> [--token <admin token> | --code <code>,<code>...]
  --devices 10     script devices; enrolled where there are too few, and kept in --file for the next run
  --rate 20        sales a second, over all devices
  --duration 30    seconds; Ctrl-C ends the selling, and what was sold is verified
  --transport ws   ${TRANSPORTS.join(", ")}, mixed
  --scenario rush  rush: all sell; opening: all come at once; outage: a third is away in the middle; reconnect-storm: all links
                   are lost at once; flood: one device sells as much as all others together
  --store <id>     shop; default: the oldest. The sales stay there
  --file <path>    default: test-output/load-test/devices.json; holds tokens
  --out <path>     of the HTML report; default: test-output/load-test/report.html; the JSON beside it`;
const WAIT_MS = 5_000;
/** A terminal's Ctrl-C reaches npm and this process, which npm tells as well: one press, two signals. */
const SAME_PRESS_MS = 1_000;

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  process.exit(2);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: "string", default: "http://localhost:8080" },
        token: { type: "string" },
        code: { type: "string" },
        devices: { type: "string", default: "10" },
        rate: { type: "string", default: "20" },
        duration: { type: "string", default: "30" },
        transport: { type: "string", default: "ws" },
        scenario: { type: "string", default: "rush" },
        store: { type: "string" },
        file: { type: "string", default: join(folder, "devices.json") },
        out: { type: "string", default: join(folder, "report.html") },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    fail((error as Error).message);
  }
}

const values = readOptions();

function numberOf(name: "devices" | "rate" | "duration", most: number): number {
  const number = Number(values[name]);
  if (!(number > 0 && number <= most))
    fail(`--${name} is a number above 0, at most ${most}; this is none: ${values[name]}`);
  return number;
}

function oneOf<T extends string>(name: "transport" | "scenario", all: readonly T[]): T {
  return (
    all.find((each) => each === values[name]) ??
    fail(`--${name} is one of ${all.join(", ")}; this is none: ${values[name]}`)
  );
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol))
    fail(`--url is an address like http://localhost:8080; this is none: ${text}`);
  return url.origin;
}

/** @throws when nobody answers there, or somebody else */
async function mustAnswer(url: string): Promise<void> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(WAIT_MS) }).catch(() => null);
  if (!response) throw new Error(`No server answers at ${url}.`);
  if (!response.ok) throw new Error(`The server at ${url} is not ready (status ${response.status}).`);
}

/** The first Ctrl-C ends the selling, a later one everything. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (controller.signal.aborted && performance.now() - firstAt > SAME_PRESS_MS) process.exit(130);
      if (!controller.signal.aborted) firstAt = performance.now();
      controller.abort();
    });
  return controller.signal;
}

async function main(): Promise<boolean> {
  const [perSecond, seconds, count] = [
    numberOf("rate", 10_000),
    numberOf("duration", 86_400),
    Math.ceil(numberOf("devices", 10_000)),
  ];
  const scenario = oneOf("scenario", SCENARIOS);
  const transport = oneOf("transport", [...TRANSPORTS, "mixed"]);
  const transports: readonly LoadTransport[] = transport === "mixed" ? TRANSPORTS : [transport];
  const url = urlOf(values.url);
  await mustAnswer(url);
  const signal = interruption();
  const bars = createBars(process.stdout, () => performance.now());
  const tokens = await enrolDevices({
    ...{ url, count, file: values.file, adminToken: values.token ?? null },
    ...{ codes: values.code?.split(",") ?? [], storeId: values.store ?? null },
    progress: (enrolled) => bars.show([{ label: "enrolled", value: enrolled, of: count }]),
  });
  bars.end();
  const machine = machineNow();
  const startedAt = performance.now();
  const outcome = await runLoad({ url, tokens, transports, perSecond, seconds, scenario, show: bars.show, signal });
  bars.end();
  const ended = signal.aborted ? ", ended early" : "";
  const { faults } = outcome;
  const entry: Entry = {
    ...{ name: "load-test", title: `Load test of ${url}: ${count} devices, ${scenario}, ${transport}${ended}` },
    ...{ loadBefore: machine.load, ms: performance.now() - startedAt },
    ...{ figures: figuresOf(outcome), plots: plotsOf(outcome) },
    ...(faults.length > 0 && { error: faults.join("\n") }),
  };
  process.stdout.write(`\n${entry.title}\n${linesOf(entry).join("\n")}\n`);
  write({
    at: new Date().toISOString(),
    quick: false,
    rounds: 1,
    postgres: "of the server",
    machine,
    entries: [entry],
  });
  return faults.length === 0;
}

function write(report: Report): void {
  const page = resolve(values.out);
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, pageOf(report));
  writeFileSync(page.replace(/(\.html)?$/, ".json"), JSON.stringify(report, null, 1));
  process.stdout.write(`${page}\n`);
}

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  },
);
