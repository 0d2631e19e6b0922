/** Lets the simulator look for one planted fault, in a process whose product has it. */
import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { PlantedFault } from "./planted-faults.ts";
import type { Plan } from "./plan.ts";
import type { Order, Told } from "./worker.ts";

const root = resolve(import.meta.dirname, "../../..");

export interface Finding {
  /** Seeds that it took; null: not found. */
  readonly seeds: number | null;
  /** S1 to S12, L1 to L4; empty: none of them, and `what` says why. */
  readonly invariant: string;
  readonly what: string;
}

/** @throws Error where the line that a fault changes is not there, or more than once */
export function checkPlantable(faults: readonly PlantedFault[]): void {
  for (const { what, file, find } of faults) {
    const times = readFileSync(resolve(root, file), "utf8").split(find).length - 1;
    if (times !== 1) throw new Error(`"${what}" can't be planted: its line occurs ${times} times in ${file}`);
  }
}

/**
 * Runs seeds until one violates something.
 * Seeds are of the usual length: it takes troubles to find a fault, and shorter ones have few.
 * @param plan run instead of what the seeds draw
 * @param heard after each seed that violated nothing
 */
export function lookFor(
  fault: PlantedFault,
  { from = 1, seeds, plan }: { readonly from?: number; readonly seeds: number; readonly plan?: Plan },
  heard: () => void = () => undefined,
): Promise<Finding> {
  const child = workerWith(fault);
  return new Promise((done) => {
    let tried = 0;
    const ask = (): void => {
      const order: Order = { seed: from + tried, plan, mix: fault.mix, twice: false };
      tried += 1;
      child.send(order);
    };
    const end = (finding: Finding): void => {
      child.removeAllListeners();
      child.kill();
      done(finding);
    };
    child.on("message", ({ violation }: Told) => {
      if (violation) return end({ seeds: tried, ...violation });
      heard();
      if (tried === seeds) return end({ seeds: null, invariant: "", what: "not found" });
      ask();
    });
    child.on("exit", (code) =>
      end({ seeds: null, invariant: "", what: `its process ended by itself with ${code ?? "a signal"}` }),
    );
    ask();
  });
}

/** The fault is put in by plant-fault.mjs, as the worker loads the product's source. */
function workerWith(fault: PlantedFault): ChildProcess {
  const plant = pathToFileURL(resolve(import.meta.dirname, "plant-fault.mjs")).href;
  const { PLANTED_FAULT: _, ...env } = process.env;
  return fork(resolve(import.meta.dirname, "worker.ts"), {
    execArgv: ["--import", plant, "--import", "tsx"],
    env: { ...env, PLANTED_FAULT: JSON.stringify(fault) },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}
