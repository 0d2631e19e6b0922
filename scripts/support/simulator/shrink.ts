/** Leaves out of a plan what its violation does not need, as far as it can in the tries it has. */
import type { Plan, Step } from "./plan.ts";
import { runPlan, type Verdict } from "./run.ts";

export interface Shrunk {
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly tries: number;
}

/** @param maxTries runs that may be made */
export async function shrink(plan: Plan, verdict: Verdict, maxTries = 120): Promise<Shrunk> {
  const { invariant } = verdict.violation!;
  let best: Shrunk = { plan, verdict, tries: 0 };
  let tries = 0;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    tries += 1;
    const smaller = { ...best.plan, steps };
    const found = await runPlan(smaller);
    if (found.violation?.invariant !== invariant) return false;
    best = { plan: smaller, verdict: found, tries };
    return true;
  };
  // What comes after the violation can't have caused it, unless it is found at the end only.
  const { at } = verdict.violation!;
  await attempt(plan.steps.filter((step) => step.at <= at));
  for (let size = best.plan.steps.length >> 1; size >= 1 && tries < maxTries; size >>= 1) {
    for (let start = 0; start < best.plan.steps.length && tries < maxTries;) {
      const { steps } = best.plan;
      if (!(await attempt([...steps.slice(0, start), ...steps.slice(start + size)]))) start += size;
    }
  }
  const final = await runPlan(best.plan, { keepsTrace: true });
  return { plan: best.plan, verdict: final, tries };
}
