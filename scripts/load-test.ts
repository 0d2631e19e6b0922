/**
 * `npm run load-test -- --url http://shop:8080 --token <admin token> --devices 200 --rate 50 --duration 60`: load on a server that
 * runs, by script devices of its own. At the end a table, an HTML report and the proof that every acknowledged sale is in the feed
 * once and arrived everywhere once: exit code 1 otherwise. Its sales stay in the shop: use a shop made for it (--store).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { enrolDevices } from "./support/bench/load/load-devices-file.ts";
import { TRANSPORTS, type LoadTransport } from "./support/bench/load/load-link.ts";
import { runLoad, SCENARIOS, type LoadOutcome, type Scenario } from "./support/bench/load/load-run.ts";
import { machineNow } from "./support/bench/machine.ts";
import { pageOf } from "./support/bench/page.ts";
import { linesOf, type Entry } from "./support/bench/report.ts";
import { judgedBy, type Figure } from "./support/bench/result.ts";
import { curveOf, latenciesOf, rateOverTime } from "./support/bench/statistics.ts";

const folder = resolve(import.meta.dirname, "../test-output/load-test");
const USAGE = `npm run load-test -- --url <server> [--token <admin token> | --code <code>,<code>...]
  --devices 10     script devices; enrolled where there are too few, and kept in --file for the next run
  --rate 20        sales a second, over all devices
  --duration 30    seconds
  --transport ws   ${TRANSPORTS.join(", ")}, mixed
  --scenario rush  ${SCENARIOS.join(", ")}
  --store <id>     shop; default: the oldest
  --file <path>    default: test-output/load-test/devices.json; holds tokens`;

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
    help: { type: "boolean", default: false },
  },
});

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}\n`);
  process.exit(2);
}

function numberOf(name: "devices" | "rate" | "duration", most: number): number {
  const number = Number(values[name]);
  return number > 0 && number <= most ? number : fail(`--${name} is a number from 1 to ${most}`);
}

function transports(): readonly LoadTransport[] {
  if (values.transport === "mixed") return TRANSPORTS;
  const found = TRANSPORTS.filter((name) => name === values.transport);
  return found.length > 0 ? found : fail(`--transport is one of ${TRANSPORTS.join(", ")}, mixed`);
}

function scenario(): Scenario {
  return SCENARIOS.find((name) => name === values.scenario) ?? fail(`--scenario is one of ${SCENARIOS.join(", ")}`);
}

let shown = "";
/** One line that is written over where somebody looks on. */
function progress(text: string): void {
  if (!process.stdout.isTTY || text === shown) return;
  shown = text;
  process.stdout.write(`\r\x1b[2K${text}`);
}

function figuresOf({ tally, sold, ms, openingMs, faults }: LoadOutcome, rate: number): Figure[] {
  const figures: Figure[] = [
    { what: "offered", value: rate, unit: "sales/s" },
    { what: "achieved", value: (tally.acknowledgedIds.size * 1_000) / ms, unit: "sales/s" },
    { what: "all devices live after", value: openingMs / 1_000, unit: "s" },
  ];
  for (const [what, latencies] of [
    ["acknowledged", latenciesOf(tally.acknowledged)],
    ["arrived at a device", latenciesOf(tally.arrived)],
  ] as const)
    for (const key of ["p50", "p95", "p99", "max"] as const)
      figures.push({ what: `${what}: ${key}`, value: latencies[key], unit: "ms" });
  for (const [code, count] of tally.errors) figures.push({ what: `told: ${code}`, value: count, unit: "times" });
  figures.push(
    { what: "conflicts", value: tally.conflicts, unit: "" },
    { what: "links lost", value: tally.reconnects, unit: "" },
    { what: "bytes both ways", value: tally.bytes / 2 ** 20, unit: "MiB" },
    judgedBy(
      { what: "acknowledged", value: tally.acknowledgedIds.size, unit: `of ${sold}` },
      "each in the feed and everywhere once",
      faults.length === 0,
    ),
  );
  return figures;
}

async function main(): Promise<boolean> {
  const rate = numberOf("rate", 10_000);
  const seconds = numberOf("duration", 86_400);
  const url = new URL(values.url).origin;
  const common = { url, progress };
  const tokens = await enrolDevices({
    ...common,
    ...{ count: numberOf("devices", 10_000), file: values.file, adminToken: values.token ?? null },
    ...{ codes: values.code?.split(",") ?? [], storeId: values.store ?? null },
  });
  const loadBefore = machineNow().load;
  const startedAt = performance.now();
  const outcome = await runLoad({
    ...common,
    tokens,
    transports: transports(),
    perSecond: rate,
    seconds,
    scenario: scenario(),
  });
  progress("");
  const { tally, faults } = outcome;
  const latency = [
    { name: "acknowledged", points: curveOf(tally.acknowledged) },
    { name: "arrived", points: curveOf(tally.arrived) },
  ];
  const throughput = [{ name: "acknowledged", points: rateOverTime(tally.moments, 1_000) }];
  const entry: Entry = {
    ...{ name: "load-test", title: `Load test of ${url}: ${tokens.length} devices, ${values.scenario}`, loadBefore },
    ms: performance.now() - startedAt,
    figures: figuresOf(outcome, rate),
    plots: [
      { title: "Latency", x: "share", y: "ms", logY: true, series: latency },
      { title: "Throughput", x: "s", y: "sales/s", series: throughput },
    ],
    ...(faults.length > 0 && { error: faults.join("\n") }),
  };
  process.stdout.write(`${entry.title}\n${linesOf(entry).join("\n")}\n`);
  mkdirSync(folder, { recursive: true });
  const report = {
    at: new Date().toISOString(),
    quick: false,
    postgres: "of the server",
    machine: machineNow(),
    entries: [entry],
  };
  writeFileSync(join(folder, "report.json"), JSON.stringify(report, null, 1));
  writeFileSync(join(folder, "report.html"), pageOf(report));
  process.stdout.write(`${join(folder, "report.html")}\n`);
  return faults.length === 0;
}

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${String((error as Error).message)}\n`);
    process.exit(1);
  },
);
