/** A process that runs seeds and tells their verdicts. */
import { drawPlan, type Mix, type Plan } from "./plan.ts";
import { runPlan, type Verdict } from "./run.ts";

export interface Order {
  readonly seed: number;
  /** What is run instead of what the seed draws. */
  readonly plan?: Plan;
  readonly mix?: Mix;
  /** Virtual, of a seed, on average; as usual, if it is not said. */
  readonly minutes?: number;
  /** Runs it once more and compares: a run is a pure function of its seed. */
  readonly twice: boolean;
}

export type Told = Omit<Verdict, "trace"> & { readonly isRepeated: boolean; readonly isRepeatable: boolean };

process.on("message", (order: Order) => {
  void work(order).then((told) => process.send?.(told));
});

async function work({ seed, plan: given, mix, minutes, twice }: Order): Promise<Told> {
  const plan = given ?? drawPlan(seed, minutes, mix);
  const { trace: _, ...verdict } = await runPlan(plan);
  const again = twice ? await runPlan(plan) : verdict;
  const { violation } = verdict;
  // Details may hold what can't be sent; whoever wants them runs the seed by itself.
  return {
    ...verdict,
    violation: violation && { ...violation, details: null },
    isRepeated: twice,
    isRepeatable: again.digest === verdict.digest,
  };
}
