/**
 * `npm run crash-test -- --cycles 100`: two real server processes on a real PostgreSQL, real replicas over all three links, and in every cycle
 * something is killed, stopped or cut. After each one everything that any device was told, and everything that it saved, is looked for.
 * Exit code 1, and what is needed to look into it, unless all of it is there, once.
 *
 * It does not prove power loss: a killed process loses nothing that it handed to the operating system.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { FAULTS } from "./support/crash/faults.ts";
import { CrashRun, type CrashOptions } from "./support/crash/run.ts";
import { keepEvidence, summaryOf } from "./support/crash/summary.ts";

const USAGE = `npm run crash-test -- [--cycles 100] [--devices 6] [--seed N] [--fault <kind>]...
  --cycles   each brings one fault, at a random moment under load
  --devices  registers in two shops, over Socket.IO, WebSocket and HTTP
  --seed     draws faults, moments and deeds; processes take their own time, so a seed repeats the plan and not the run
  --fault    this kind alone (several times: these): ${Object.keys(FAULTS).join(", ")}`;

function optionsOf(): CrashOptions {
  const { values } = parseArgs({
    options: {
      cycles: { type: "string", default: "100" },
      devices: { type: "string", default: "6" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      fault: { type: "string", multiple: true },
    },
  });
  const numberOf = (name: "cycles" | "devices" | "seed", least: number, most: number): number => {
    const number = Number(values[name]);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new Error(`--${name} is a number from ${least} to ${most}`);
  };
  const unknown = values.fault?.find((fault) => !Object.hasOwn(FAULTS, fault));
  if (unknown !== undefined) throw new Error(`there is no fault "${unknown}"`);
  return {
    ...{ cycles: numberOf("cycles", 1, 100_000), devices: numberOf("devices", 1, 50) },
    seed: numberOf("seed", 0, 2 ** 31),
    ...(values.fault && { faults: values.fault }),
    progress: (line) => console.log(line),
  };
}

async function main(options: CrashOptions): Promise<boolean> {
  console.log(`seed ${options.seed}: ${options.cycles} cycles with ${options.devices} devices`);
  const run = new CrashRun(options);
  process.once("SIGINT", () => void run.site?.close().finally(() => process.exit(130)));
  let isSound = false;
  try {
    const { violations } = await run.run();
    isSound = violations.length === 0;
  } finally {
    if (!isSound) {
      const folder = resolve(import.meta.dirname, `../test-output/crash-test/seed-${options.seed}`);
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of keepEvidence(run)) writeFileSync(join(folder, name), text);
      console.log(`what is needed to look into it: ${folder}, and the database in ${run.site.dataDir}`);
    }
    await run.site.close(!isSound);
  }
  console.log(summaryOf(options, run.outcome).join("\n"));
  return isSound;
}

let options: CrashOptions;
try {
  options = optionsOf();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}
process.exitCode = (await main(options)) ? 0 : 1;
