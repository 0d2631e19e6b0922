/** One seed of the simulator, run on the twins and then replayed on PostgreSQL. */
import { inspect } from "node:util";
import { drawPlan } from "../plan.ts";
import { describeViolation } from "../report.ts";
import { runPlan } from "../run.ts";
import { Recording } from "./recording.ts";
import type { ReplayDatabase } from "./replay-database.ts";
import { replay, type Replayed } from "./replay.ts";

/** @throws if the run itself violates something */
export async function replaySeed(seed: number, database: ReplayDatabase): Promise<Replayed> {
  const recording = new Recording();
  const plan = drawPlan(seed);
  const verdict = await runPlan(plan, { recording });
  if (verdict.violation) throw new Error(describeViolation(verdict, plan));
  await database.empty();
  return replay(recording.entries, recording.memory!, database);
}

/** Empty where nothing differs. */
export function describeDifference({ difference }: Replayed): string {
  return difference ? inspect(difference, { depth: 12, breakLength: 140 }) : "";
}
