/** Plans that are kept, shrunk to what it takes. They stay as they are, whatever becomes of how plans are drawn. */
import { readFileSync } from "node:fs";
import type { Plan } from "./plan.ts";

/** It violates an invariant with one of the planted faults, and none without it. */
export interface Regression {
  /** `what` of the planted fault that it finds. */
  readonly fault: string;
  /** What is violated then. */
  readonly invariant: string;
  readonly plan: Plan;
}

/** It violated an invariant until the product, or what was asked of it, was put right. */
export interface Find {
  /** The situation that it leads to. */
  readonly what: string;
  readonly invariant: string;
  readonly plan: Plan;
}

export const REGRESSIONS = read("regressions.json") as readonly Regression[];
export const FINDS = read("finds.json") as readonly Find[];

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
}
