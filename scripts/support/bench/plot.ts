/** A plot as SVG: lines over two axes. */
import { numberText } from "./report.ts";
import type { Plot, Series } from "./result.ts";

const WIDTH = 860;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 200;
const TOP = 12;
const BOTTOM = 40;
// distinguishable on light and dark, and by people who see fewer colours
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"];

interface Axis {
  readonly least: number;
  readonly most: number;
  readonly ticks: readonly number[];
  /** Where a value lies, from 0 to 1. */
  at(value: number): number;
}

export function plotSvg({ series, x, y, logY = false }: Plot): string {
  const points = series.flatMap(({ points: each }) => each).filter((point) => point.every(Number.isFinite));
  if (points.length === 0) return "";
  const across = linear(points.map(([value]) => value));
  const up = (logY ? logarithmic : linear)(points.map(([, value]) => value));
  const place = ([px, py]: readonly [number, number]): string =>
    `${(LEFT + across.at(px) * (WIDTH - LEFT - RIGHT)).toFixed(1)},${(HEIGHT - BOTTOM - up.at(py) * (HEIGHT - TOP - BOTTOM)).toFixed(1)}`;
  const lines = series.map(({ points: each }, i) => {
    const shown = each.filter((point) => point.every(Number.isFinite));
    return `<polyline fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2" points="${shown.map(place).join(" ")}"/>`;
  });
  const title = `${escapeText(y)} by ${escapeText(x)}`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">${axes(across, up, x, y)}${lines.join("")}${legend(series)}</svg>`;
}

function axes(across: Axis, up: Axis, x: string, y: string): string {
  const right = WIDTH - RIGHT;
  const bottom = HEIGHT - BOTTOM;
  const levels = up.ticks.map((tick) => {
    const at = (bottom - up.at(tick) * (bottom - TOP)).toFixed(1);
    return `<line x1="${LEFT}" x2="${right}" y1="${at}" y2="${at}" stroke="currentColor" opacity="0.15"/><text x="${LEFT - 6}" y="${at}" dy="4" text-anchor="end">${numberText(tick)}</text>`;
  });
  const columns = across.ticks.map((tick) => {
    const at = (LEFT + across.at(tick) * (right - LEFT)).toFixed(1);
    return `<text x="${at}" y="${bottom + 16}" text-anchor="middle">${numberText(tick)}</text>`;
  });
  const names = `<text x="${(LEFT + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeText(x)}</text><text x="12" y="${(TOP + bottom) / 2}" text-anchor="middle" transform="rotate(-90 12 ${(TOP + bottom) / 2})">${escapeText(y)}</text>`;
  return `<line x1="${LEFT}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="currentColor"/>${levels.join("")}${columns.join("")}${names}`;
}

function legend(series: readonly Series[]): string {
  return series
    .map(({ name }, i) => {
      const y = TOP + 10 + i * 20;
      const x = WIDTH - RIGHT + 16;
      return `<line x1="${x}" x2="${x + 18}" y1="${y}" y2="${y}" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="3"/><text x="${x + 24}" y="${y + 4}">${escapeText(name)}</text>`;
    })
    .join("");
}

function linear(values: readonly number[]): Axis {
  const least = Math.min(0, ...values);
  const most = Math.max(...values) || 1;
  const rough = (most - least) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const ticks = Array.from({ length: Math.floor((most - least) / step + 1.001) }, (_, i) => least + i * step);
  return { least, most, ticks, at: (value) => (value - least) / (most - least) };
}

function logarithmic(values: readonly number[]): Axis {
  const positive = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(...positive)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const at = (value: number): number => (Math.log10(Math.max(value, 10 ** from)) - from) / (to - from);
  return { least: 10 ** from, most: 10 ** to, ticks, at };
}

function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
}
