/** Results as lines for a terminal and as one object for JSON. */
import type { Machine } from "./machine.ts";
import { ratioOf, type Figure, type MeasureResult } from "./result.ts";

export interface Entry extends Partial<MeasureResult> {
  readonly name: string;
  readonly title: string;
  readonly ms: number;
  /** The machine's load average as the measure began. */
  readonly loadBefore: number;
  readonly error?: string;
}

export interface Report {
  readonly at: string;
  readonly quick: boolean;
  readonly postgres: string;
  readonly machine: Machine;
  readonly entries: readonly Entry[];
}

export function linesOf({ figures = [], notes = [], error, ms, loadBefore }: Entry): string[] {
  const rows = figures.map((figure) => cellsOf(figure));
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return [
    ...rows.map((row) =>
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : i === 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i] ?? 0))).join("  ")}`.trimEnd(),
    ),
    ...notes.map((note) => `  ${note}`),
    ...(error === undefined ? [] : [`  FAILED: ${error}`]),
    `  (${(ms / 1_000).toFixed(1)} s; load before: ${loadBefore.toFixed(1)})`,
  ];
}

/** What, value, limit with ratio, aim. */
export function cellsOf(figure: Figure): [string, string, string, string] {
  const { what, value, unit, limit, aim } = figure;
  const ratio = ratioOf(figure);
  const beside = limit && ratio !== null ? `${ratio.toFixed(2)} x ${limit.name} (${numberText(limit.value)})` : "";
  return [what, `${numberText(value)} ${unit}`, beside, aim ? `${aim.holds ? "ok    " : "MISSED"} ${aim.text}` : ""];
}

export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  return value.toLocaleString("en-GB", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
}
