/**
 * Plans, shrunk to what it takes, that violate an invariant with one of the planted faults and none without it. They stay as they are, whatever
 * becomes of how plans are drawn.
 */
import { readFileSync } from "node:fs";
import type { Plan } from "./plan.ts";

export interface Regression {
  /** `what` of the planted fault that it finds. */
  readonly fault: string;
  /** What is violated then. */
  readonly invariant: string;
  readonly plan: Plan;
}

export const REGRESSIONS = JSON.parse(
  readFileSync(new URL("regressions.json", import.meta.url), "utf8"),
) as readonly Regression[];
