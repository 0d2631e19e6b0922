// `npm test`: from a fresh clone to a verdict. Installs what is missing, then runs every check and every test, goes on after a
// failure so that all are seen, and ends with `N passed, N failed`: the tests, plus one for each check.
// The checks and the build of the web app take the time in which the unit and integration tests wait; browsers come after
// that, and what measures latencies comes last, alone. The simulator's batch fills what the others leave of the cores.
// `npm test -- --only types,unit` runs a part: types, lint, format, knip, unit, integration, simulator, e2e, latency.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ensureWebBuilt } from "./support/build-web.mjs";
import { ensureInstalled } from "./support/install.mjs";
import { requireNode, root, run, seconds, tool } from "./support/run.mjs";

// TypeScript 7 takes a quarter of the time; what asks TypeScript for types (lint, svelte-check) still needs 6.
const typescript = join(root, "node_modules/typescript-native/bin/tsc");
const checks = [
  // the longest first
  { group: "lint", name: "lint", command: tool("eslint"), args: ["."] },
  { group: "types", name: "types of web", command: tool("svelte-check"), args: ["--workspace", "web"] },
  { group: "format", name: "format", command: tool("prettier"), args: ["--check", "."] },
  ...["protocol", "server", "web/client", "."].map((project) => ({
    ...{ group: "types", name: `types of ${project === "." ? "scripts" : project}` },
    ...{ command: process.execPath, args: [typescript, "--noEmit", "--project", project] },
  })),
  { group: "knip", name: "nothing unused", command: tool("knip"), args: ["--no-config-hints"] },
];

const tally = { passed: 0, failed: 0, executed: 0 };
const failures = [];
const only = readOnly();

requireNode();
const begin = performance.now();
await ensureInstalled();
const building = runChecks().then(buildForBrowsers);
await runTests("unit");
const filling = runTests("simulator", { quiet: true });
await runTests("integration");
const isBuilt = await building;
if (isBuilt) await runTests("e2e");
await filling;
if (isBuilt) await runTests("latency");

for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`Everything took ${seconds(performance.now() - begin)}.`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.executed > 0 ? 0 : 1);

function readOnly() {
  const at = process.argv.indexOf("--only");
  return at < 0 ? undefined : process.argv[at + 1].split(",");
}

function isWanted(group) {
  return only === undefined || only.includes(group);
}

function record(name, ok) {
  tally.executed += 1;
  tally[ok ? "passed" : "failed"] += 1;
  if (!ok) failures.push(name);
}

/** As many at a time as there are cores, less one for the tests that run beside them. */
async function runChecks() {
  const waiting = checks.filter(({ group }) => isWanted(group));
  const lanes = availableParallelism() - (["unit", "integration"].some(isWanted) ? 1 : 0);
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const { ok, output, ms } = await run(check.command, check.args, { quiet: true });
      console.log(`${ok ? "ok    " : "FAILED"} ${check.name} (${seconds(ms)})`);
      if (!ok) console.log(output);
      record(check.name, ok);
    }
  };
  await Promise.all(Array.from({ length: Math.max(lanes, 1) }, worker));
}

/** @returns false also where no browser is wanted */
async function buildForBrowsers() {
  if (!["e2e", "latency"].some(isWanted)) return false;
  const isBuilt = await ensureWebBuilt();
  if (!isBuilt) record("build of the web app", false);
  return isBuilt;
}

/** `quiet`: what vitest says is shown when it has ended, for others run meanwhile; they may take all the time that there is. */
async function runTests(project, { quiet = false } = {}) {
  if (!isWanted(project)) return;
  const report = join(root, "test-output", `${project}.json`);
  mkdirSync(join(root, "test-output"), { recursive: true });
  rmSync(report, { force: true });
  console.log(`\nTests: ${project}`);
  const reporters = ["--reporter", "default", "--reporter", "json", `--outputFile.json=${report}`];
  const { ok, output } = await run(tool("vitest"), ["run", "--project", project, ...reporters], {
    ...(quiet && { quiet, limitMs: 20 * 60_000 }),
  });
  if (quiet) console.log(`\nTests: ${project}, which have ended\n${output}`);
  countTests(project, report, ok);
}

/** A file that does not load, or an error outside of any test, has failed too, though no test of it is listed. */
function countTests(project, report, ok) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return record(`${project}: vitest did not report`, false);
  }
  const failedBefore = tally.failed;
  for (const { name, status, message, assertionResults } of results.testResults) {
    for (const { status: outcome, fullName } of assertionResults) {
      if (outcome === "passed" || outcome === "failed") record(`${project}: ${fullName}`, outcome === "passed");
    }
    const listed = assertionResults.some(({ status: outcome }) => outcome === "failed");
    if (status === "failed" && !listed) record(`${project}: ${name}: ${message}`, false);
  }
  if (results.numTotalTests === 0) record(`${project}: no test was found`, false);
  if (!ok && tally.failed === failedBefore) record(`${project}: an error outside of the tests`, false);
}
