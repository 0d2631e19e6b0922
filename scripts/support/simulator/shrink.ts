/** Leaves out of a plan what its violation does not need, as far as it can in the tries it has: steps first, then devices and the rest. */
import type { Plan } from "./plan.ts";
import { runPlan, type Verdict } from "./run.ts";
import { DEEDS, MACHINE_FAULTS, type Step } from "./steps.ts";

export interface Shrunk {
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly tries: number;
}

const OF_MACHINES = new Set<string>([...DEEDS, ...MACHINE_FAULTS]);

/** @param maxTries runs that may be made */
export async function shrink(plan: Plan, verdict: Verdict, maxTries = 120): Promise<Shrunk> {
  const { invariant, at } = verdict.violation!;
  let best = plan;
  let tries = 0;
  const attempt = async (smaller: Plan): Promise<boolean> => {
    if (tries >= maxTries) return false;
    tries += 1;
    const found = await runPlan(smaller);
    if (found.violation?.invariant !== invariant) return false;
    best = smaller;
    return true;
  };
  // What comes after the violation can't have caused it, unless it is found at the end only.
  await attempt({ ...plan, steps: plan.steps.filter((step) => step.at <= at) });
  for (let size = best.steps.length >> 1; size >= 1 && tries < maxTries; size >>= 1) {
    for (let start = 0; start < best.steps.length && tries < maxTries;) {
      const { steps } = best;
      if (!(await attempt({ ...best, steps: [...steps.slice(0, start), ...steps.slice(start + size)] }))) start += size;
    }
  }
  for (let who = best.machines.length - 1; who >= 0 && best.machines.length > 1; who--)
    await attempt(withoutMachine(best, who));
  const { nodeClocksMs: _clocks, ...rightClocks } = best;
  await attempt(rightClocks);
  const { policies: _policies, ...ownPolicies } = best;
  await attempt(ownPolicies);
  if (best.nodes > 1) await attempt({ ...best, nodes: 1 });
  const lastAt = Math.max(0, ...best.steps.map((step) => step.at));
  if (lastAt < best.faultsEndMs) await attempt({ ...best, faultsEndMs: lastAt });
  return { plan: best, verdict: await runPlan(best, { keepsTrace: true }), tries };
}

function withoutMachine(plan: Plan, index: number): Plan {
  const isOf = ({ type, who }: Step): boolean => OF_MACHINES.has(type) && who === index;
  const renumbered = (step: Step): Step =>
    OF_MACHINES.has(step.type) && step.who > index ? { ...step, who: step.who - 1 } : step;
  return {
    ...plan,
    machines: plan.machines.filter((_, i) => i !== index),
    steps: plan.steps.filter((step) => !isOf(step)).map(renumbered),
  };
}
