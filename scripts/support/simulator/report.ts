/** What a batch of seeds was, and a violation so that somebody can find its cause. */
import { expectedCoverage } from "./coverage.ts";
import type { Plan } from "./plan.ts";
import type { Verdict } from "./run.ts";

/** Lines of the trace before a violation. */
const TAIL = 60;

export function describeViolation({ seed, violation, trace, state }: Verdict, plan: Plan): string {
  if (!violation) return "";
  const machines = plan.machines.map(
    ({ name, kind, role, tabs, shop, clockOffsetMs, subscribe }) =>
      `  ${name}: ${kind} ${role} of shop-${shop}, ${tabs} tabs, clock ${clockOffsetMs} ms, ${subscribe?.join(" ") ?? "all collections"}`,
  );
  const { nodes, nodeClocksMs = [], shops, policies = {} } = plan;
  const steps = plan.steps.map(({ at, type, who, x, forMs }) => `  ${at} ${type} ${who} ${x.toFixed(3)} ${forMs}`);
  return [
    `seed ${seed}: ${violation.invariant} after ${violation.at} ms: ${violation.what}`,
    inspect(violation.details),
    `${nodes} nodes, clocks ${nodeClocksMs.join(" ") || "0"} ms; ${shops} shops, policies ${JSON.stringify(policies)}`,
    ...machines,
    `what it takes (at, what, who, choice, how long):`,
    ...steps,
    `the last of ${trace.length} lines of its trace:`,
    ...trace.slice(-TAIL).map((line) => `  ${line.slice(0, 300)}`),
    state,
  ].join("\n");
}

function inspect(details: unknown): string {
  if (details instanceof Error) return details.stack ?? details.message;
  return JSON.stringify(details)?.slice(0, 2_000) ?? "";
}

/** What should have occurred and has not. */
export function missingCoverage(counts: ReadonlyMap<string, number>): string[] {
  return expectedCoverage().filter((what) => !counts.has(what));
}
