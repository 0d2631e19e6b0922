/** What `npm run simulate` is told. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { SHORTEST_MINUTES, USUAL_MINUTES } from "./plan.ts";

export const USAGE = `npm run simulate -- [options]
  --seeds N    how many seeds (500)
  --from N     the first one (1)
  --minutes N  virtual minutes of a seed, on average (${USUAL_MINUTES})
  --workers N  processes (one per core)
  --seed N     this one alone; if it fails, shrunk to what it takes
  --trace      with --seed: all that happens in it
  --shrink N   runs that shrinking may take (60; 0: none)`;

const MOST = 1e9;

export interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly minutes: number;
  readonly workers: number;
  readonly seed: number | null;
  readonly shrink: number;
  readonly trace: boolean;
}

/** What was told can't be followed; the message says why. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options {
  const { values } = readValues(args);
  const number = (name: "seeds" | "from" | "minutes" | "workers" | "seed" | "shrink", least: number, usual: number) => {
    const text = values[name];
    if (text === undefined) return usual;
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= MOST) || (name !== "minutes" && !Number.isInteger(value)))
      throw new UsageError(`--${name} takes a number of at least ${least}, not "${text}"`);
    return value;
  };
  if (values.trace && values.seed === undefined) throw new UsageError("--trace needs --seed: which one");
  return {
    seeds: number("seeds", 1, 500),
    from: number("from", 0, 1),
    minutes: number("minutes", SHORTEST_MINUTES, USUAL_MINUTES),
    workers: number("workers", 1, availableParallelism()),
    seed: values.seed === undefined ? null : number("seed", 0, 0),
    shrink: number("shrink", 0, 60),
    trace: values.trace ?? false,
  };
}

function readValues(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ seeds: text, from: text, minutes: text, workers: text, seed: text, shrink: text },
        trace: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
