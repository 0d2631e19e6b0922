/** What a crash test says at its end. */
import { fromCents } from "@tillwire/protocol/money";
import type { CrashOptions, CrashOutcome, CrashRun, Violation } from "./run.ts";

/** Invariants whose violation means that something is lost or not what it was, or that something is there twice. */
const LOST = new Set(["S1", "S5", "S8", "S9"]);
const DOUBLED = new Set(["S2", "S3"]);

export function summaryOf(options: CrashOptions, outcome: CrashOutcome): string[] {
  const { cycles, faults, violations, coverage, acknowledged, sales, cents, ms, longestSettleMs } = outcome;
  const count = (kinds: ReadonlySet<string>): number =>
    violations.filter(({ invariant }) => kinds.has(invariant)).length;
  const told = [...coverage.counts].sort().map(([what, times]) => `${what} ${times}`);
  return [
    "",
    ...violations.map(violationText),
    `seed ${options.seed}: ${cycles} cycles in ${(ms / 1_000).toFixed(0)} s with ${options.devices} devices`,
    `faults: ${[...faults.counts].map(([kind, times]) => `${kind} ${times}`).join(", ")}`,
    `results: ${told.join(", ")}`,
    `${acknowledged} writes acknowledged, ${sales} sales over ${fromCents(cents).toFixed(2)}; even again after at most ${(longestSettleMs / 1_000).toFixed(1)} s`,
    `losses ${count(LOST)}, duplicates ${count(DOUBLED)}, violations ${violations.length}`,
    "Processes were killed, not the power: what a disk does with what it was told to keep, this does not show.",
  ];
}

/** Files for whoever looks into a violation. */
export function keepEvidence({ outcome, site }: CrashRun): Map<string, string> {
  const files = new Map([["violations.json", JSON.stringify(outcome.violations, null, 1)]]);
  for (const [index, { output }] of site.nodes.entries()) files.set(`node-${index}.log`, output);
  return files;
}

export function violationText({ invariant, what, cycle, fault, details }: Violation): string {
  return `${invariant} in cycle ${cycle} (${fault}): ${what} ${JSON.stringify(details)?.slice(0, 600) ?? ""}`;
}
