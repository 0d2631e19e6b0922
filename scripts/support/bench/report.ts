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
  /** Its load is that of the moment before anything was started. */
  readonly machine: Machine;
  /** Of each figure; the median is told. */
  readonly rounds: number;
  readonly entries: readonly Entry[];
}

export const COLUMNS = ["", "value", "ratio", "aim", "verdict"] as const;

export function linesOf({ figures = [], notes = [], error, ms, loadBefore }: Entry): string[] {
  const rows = [COLUMNS, ...figures.map((figure) => cellsOf(figure))];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ");
  return [
    ...(figures.length > 0 ? rows.map((row) => `  ${line(row)}`.trimEnd()) : []),
    ...notes.map((note) => `  ${note}`),
    ...(error === undefined ? [] : [`  FAILED: ${error}`]),
    `  (${(ms / 1_000).toFixed(1)} s; load before: ${loadBefore.toFixed(1)})`,
  ];
}

/** One line for each column of COLUMNS. */
export function cellsOf(figure: Figure): [string, string, string, string, string] {
  const { what, value, unit, limit, aim } = figure;
  const ratio = ratioOf(figure);
  const beside = limit && ratio !== null ? `${ratio.toFixed(2)} x ${limit.name} (${numberText(limit.value)})` : "";
  const verdict = aim ? (aim.holds ? "met" : "NOT MET") : "";
  return [what, `${numberText(value)} ${unit}`.trimEnd(), beside, aim?.text ?? "", verdict];
}

/** What a hurried reader wants to know: how many aims are met, which are not, and what failed. */
export function summaryOf(entries: readonly Entry[]): string[] {
  const judged = entries
    .flatMap(({ name, figures = [] }) => figures.map((figure) => ({ name, figure })))
    .filter(({ figure }) => figure.aim);
  const missed = judged.filter(({ figure }) => !figure.aim!.holds);
  const failed = entries.filter(({ error }) => error !== undefined);
  return [
    `${judged.length - missed.length} of ${judged.length} aims are met.`,
    ...missed.map(({ name, figure }) => {
      const [what, value, beside, aim] = cellsOf(figure);
      return `  not met: ${name}: ${what}: ${value}${beside ? `, ${beside}` : ""}; aim ${aim}`;
    }),
    ...failed.map(({ name, error }) => `  failed: ${name}: ${error!.split("\n")[0]!}`),
  ];
}

export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  return value.toLocaleString("en-GB", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
}
