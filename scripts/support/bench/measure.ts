/** What every measure is given, and how it is told apart. */
import type { SystemName } from "./devices/device.ts";
import type { Databases } from "./databases.ts";
import { Program } from "./program.ts";
import type { RawRates } from "./raw-rates.ts";
import type { MeasureResult } from "./result.ts";
import { median } from "./statistics.ts";
import { startSystem, TITLES, type Round, type System } from "./systems.ts";
import type { OpenInput } from "./programs/devices.ts";

export interface Bench {
  readonly quick: boolean;
  readonly databases: Databases;
  /** Of each figure; medians are reported. */
  readonly rounds: number;
  /** What PostgreSQL does by itself; measured once a run, when first asked for. */
  raw(): Promise<RawRates>;
  /** What is being done just now. */
  progress(text: string): void;
}

export interface Measure {
  readonly name: string;
  readonly title: string;
  /** Given up after so long; default: what all are given. */
  readonly limitMs?: number;
  /** What takes long and is not measured, before the clock runs. */
  prepare?(): Promise<void>;
  run(bench: Bench): Promise<MeasureResult>;
}

/**
 * Runs every round of every system, the systems taking turns: what else the machine does meets all of them.
 * @param run `warmsUp`: its result is thrown away, so it may be short
 */
export async function compare<T>(
  bench: Bench,
  names: readonly SystemName[],
  run: (system: System, warmsUp: boolean) => Promise<T>,
): Promise<Map<SystemName, T[]>> {
  const systems: System[] = [];
  try {
    for (const name of names) systems.push(await startSystem(name, bench.databases));
    const results = new Map<SystemName, T[]>(names.map((name) => [name, []]));
    // The first one of each warms it up: compilers, caches, connections.
    for (let round = 0; round <= bench.rounds; round += 1) {
      for (const system of systems) {
        bench.progress(`${round === 0 ? "warming up" : `round ${round} of ${bench.rounds}`}: ${TITLES[system.name]}`);
        const result = await named(system, () => run(system, round === 0));
        if (round > 0) results.get(system.name)!.push(result);
      }
    }
    return results;
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}

async function named<T>(system: System, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new Error(`${TITLES[system.name]}: ${String((error as Error).stack ?? error)}`, { cause: error });
  }
}

/** @returns the median of all rounds */
export async function medianOf(bench: Bench, run: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < bench.rounds; round += 1) values.push(await run());
  return median(values);
}

const drivers = new Map<number, Program>();

export interface DevicesInput extends Omit<OpenInput, "system" | "url" | "keys"> {
  /** Of the round's keys: where this driver's begin. */
  readonly firstKey?: number;
}

/**
 * A load generator with devices that are not open yet.
 * @param driver which process: they live on from round to round, so that their compilers are warm
 */
export async function prepareDevices(
  driver: number,
  system: Pick<System, "name" | "url">,
  round: Pick<Round, "keys">,
  { firstKey = 0, ...input }: DevicesInput,
): Promise<Program> {
  let program = drivers.get(driver);
  if (!program?.isRunning) {
    program = await Program.start("devices");
    drivers.set(driver, program);
  }
  const keys = round.keys?.slice(firstKey, firstKey + input.count) ?? null;
  await program.ask("prepare", { system: system.name, url: system.url, keys, ...input });
  return program;
}
