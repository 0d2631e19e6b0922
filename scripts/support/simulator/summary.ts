/** What a batch of seeds did and met, in lines. */
import type { Totals } from "./batch.ts";
import { failureLine, violations } from "./progress.ts";
import { DEEDS, FAULTS } from "./steps.ts";

/** What else is counted, and how it is headed: the word that its names begin with in the coverage, and the line's. */
const OTHERS: readonly (readonly [string, string])[] = [
  ["outcome", "outcomes"],
  ["conflict", "conflicts"],
  ["policy", "their policies"],
  ["settled", "settled by people"],
  ["refusal", "decided again"],
  ["rejection", "rejected writes"],
  ["refused", "refused on the device"],
  ["disk", "failures of disks"],
  ["reset", "resets"],
  ["error", "errors told"],
];

export function summaryOf(totals: Totals, elapsedMs: number): string[] {
  const { seeds, virtualMs, events, commits, acknowledged, sales, repeated, failed, coverage } = totals;
  const minutes = Math.round(virtualMs / 60_000);
  const speed = Math.round(virtualMs / Math.max(elapsedMs, 1));
  const [deeds, faults] = stepsOf(coverage.counts);
  const unequal = failed.filter(({ isRepeatable }) => !isRepeatable).length;
  return [
    `${seeds} seeds in ${(elapsedMs / 1_000).toFixed(1)} s: ${minutes} virtual minutes, ${speed} x real time`,
    `${events} events, ${commits} commits, ${acknowledged} writes acknowledged, ${sales} sales`,
    lineOf("operations", deeds),
    lineOf("faults", faults),
    ...OTHERS.map(([kind, title]) => lineOf(title, countsOf(coverage.counts, kind))),
    `repeatable: ${repeated} seeds were run twice, ${unequal === 0 ? "all" : `${repeated - unequal} of them`} with equal traces`,
    `${violations(failed.filter(({ violation }) => violation).length)}`,
    ...failed.map((told) => `  ${failureLine(told)}`),
  ];
}

type Counts = readonly (readonly [string, number])[];

function stepsOf(counts: ReadonlyMap<string, number>): readonly [Counts, Counts] {
  const steps = countsOf(counts, "step");
  const deeds = new Set<string>(DEEDS);
  const faults = new Set<string>(FAULTS);
  // What is both is done by people.
  return [steps.filter(([what]) => deeds.has(what)), steps.filter(([what]) => faults.has(what) && !deeds.has(what))];
}

/** Most frequent first. */
function countsOf(counts: ReadonlyMap<string, number>, kind: string): Counts {
  const met = [...counts].filter(([what]) => what.startsWith(`${kind} `));
  return met
    .map(([what, times]) => [what.slice(kind.length + 1), times] as const)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

function lineOf(title: string, counts: Counts): string {
  const sum = counts.reduce((before, [, times]) => before + times, 0);
  return `${title}: ${sum}${sum === 0 ? "" : ` (${counts.map(([what, times]) => `${what} ${times}`).join(", ")})`}`;
}
