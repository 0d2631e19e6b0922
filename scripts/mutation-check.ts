/**
 * Whether the checks can fail: plants each fault of planted-faults.ts and lets the simulator look for it. `npm run mutation-check`; --only a part
 * of a fault's name, --seeds how many each may take instead of its own bound, --workers processes at a time. Prints a table, and exits with 1 if a
 * fault was not found, or not by a plan that was kept because it finds it.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { checkPlantable, lookFor, type Finding } from "./support/simulator/mutation.ts";
import { boundOf, PLANTED_FAULTS, type PlantedFault } from "./support/simulator/planted-faults.ts";
import { REGRESSIONS, type Regression } from "./support/simulator/regressions.ts";

const PROGRESS_MS = 15_000;
const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seeds: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});

const faults = PLANTED_FAULTS.filter(({ what }) => what.includes(values.only));
checkPlantable(faults);
const findings = await lookForAll();
const blind = await blindRegressions();
for (const { fault, invariant } of blind) console.log(`its kept plan does not violate ${invariant} any more: ${fault}`);
process.exitCode = tell(findings) && blind.length === 0 ? 0 : 1;

function seedsFor(fault: PlantedFault): number {
  return values.seeds === undefined ? boundOf(fault) : Number(values.seeds);
}

async function lookForAll(): Promise<Map<PlantedFault, Finding>> {
  const found = new Map<PlantedFault, Finding>();
  const waiting = [...faults];
  let seeds = 0;
  const progress = setInterval(
    () => console.error(`${found.size} of ${faults.length} faults looked for, ${seeds} seeds`),
    PROGRESS_MS,
  );
  const work = async (): Promise<void> => {
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      const finding = await lookFor(fault, { seeds: seedsFor(fault) }, () => (seeds += 1));
      found.set(fault, finding);
      console.error(
        `${finding.seeds === null ? "missed" : "found"}: ${fault.what}: ${finding.invariant} ${finding.what}`,
      );
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, work));
  clearInterval(progress);
  return found;
}

/** Kept plans that find their fault no more. */
async function blindRegressions(): Promise<Regression[]> {
  const blind: Regression[] = [];
  for (const regression of REGRESSIONS) {
    const fault = faults.find(({ what }) => what === regression.fault);
    if (!fault) continue;
    const { invariant } = await lookFor(fault, { seeds: 1, plan: regression.plan });
    if (invariant !== regression.invariant) blind.push(regression);
  }
  return blind;
}

function tell(found: ReadonlyMap<PlantedFault, Finding>): boolean {
  console.log("seeds  at most  invariant  fault (*: plans are drawn so that what it takes is frequent)");
  for (const fault of faults) {
    const { seeds, invariant, what } = found.get(fault)!;
    const cells = [String(seeds ?? "-").padStart(5), String(seedsFor(fault)).padStart(7), invariant.padEnd(9)];
    console.log(`${cells.join("  ")}  ${fault.what}${fault.mix ? " *" : ""}${seeds === null ? `: ${what}` : ""}`);
  }
  const missed = faults.filter((fault) => found.get(fault)!.seeds === null);
  console.log(`${faults.length - missed.length} of ${faults.length} planted faults were found`);
  return missed.length === 0 && faults.length > 0;
}
