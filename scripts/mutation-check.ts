/**
 * Whether the checks can fail: plants each fault of planted-faults.ts and lets the simulator look for it. `npm run mutation-check`; --seeds how many
 * it may take, --only a part of a fault's name. Prints the table, and fails if a fault was not found.
 */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { PLANTED_FAULTS, type PlantedFault } from "./support/simulator/planted-faults.ts";
import type { Order, Told } from "./support/simulator/worker.ts";

const root = resolve(import.meta.dirname, "..");
const { values } = parseArgs({
  options: { seeds: { type: "string", default: "100" }, only: { type: "string", default: "" } },
});

interface Found {
  /** Seeds that it took; null: not found. */
  readonly seeds: number | null;
  readonly by: string;
}

const faults = PLANTED_FAULTS.filter(({ what }) => what.includes(values.only));
for (const { what, file, find } of faults) {
  const times = readFileSync(resolve(root, file), "utf8").split(find).length - 1;
  if (times !== 1) throw new Error(`"${what}" can't be planted: its line occurs ${times} times in ${file}`);
}
const found = new Map<PlantedFault, Found>();
const waiting = [...faults];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      const result = await look(fault, Number(values.seeds));
      found.set(fault, result);
      console.log(`${(result.seeds === null ? "-" : String(result.seeds)).padStart(4)}  ${fault.what}: ${result.by}`);
    }
  }),
);
const missed = faults.filter((fault) => found.get(fault)?.seeds === null);
console.log(
  `${faults.length - missed.length} of ${faults.length} planted faults were found within ${values.seeds} seeds`,
);
process.exitCode = missed.length === 0 && faults.length > 0 ? 0 : 1;

/** Seeds from 1 on, until one finds something. */
function look(fault: PlantedFault, seeds: number): Promise<Found> {
  const plant = pathToFileURL(resolve(root, "scripts/support/simulator/plant-fault.mjs")).href;
  const { PLANTED_FAULT: _, ...env } = process.env;
  const child = fork(resolve(root, "scripts/support/simulator/worker.ts"), {
    execArgv: ["--import", plant, "--import", "tsx"],
    env: { ...env, PLANTED_FAULT: JSON.stringify(fault) },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  return new Promise((done) => {
    let seed = 1;
    const ask = (): void => void child.send({ seed, twice: false } satisfies Order);
    const end = (result: Found): void => {
      child.removeAllListeners();
      child.kill();
      done(result);
    };
    child.on("message", ({ violation }: Told) => {
      if (violation) return end({ seeds: seed, by: `${violation.invariant} ${violation.what}` });
      seed += 1;
      if (seed > seeds) return end({ seeds: null, by: "not found" });
      ask();
    });
    child.on("exit", (code) => end({ seeds: seed, by: `the process ended with ${code ?? "a signal"}` }));
    ask();
  });
}
