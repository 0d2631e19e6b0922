/** How far several things are: bars that are drawn over where somebody looks on, else a line now and then. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly of: number;
}

export interface Bars {
  show(bars: readonly Bar[]): void;
  /** What follows is printed below them. */
  end(): void;
}

const WIDTH = 30;
const DRAW_MS = 100;
const LINE_MS = 2_000;

export interface BarsOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function createBars(output: BarsOutput, now: () => number): Bars {
  let drawn = 0;
  let lastAt = -Infinity;
  return {
    show(bars) {
      const isDone = bars.every(({ value, of }) => value >= of);
      if (!isDone && now() - lastAt < (output.isTTY ? DRAW_MS : LINE_MS)) return;
      lastAt = now();
      if (!output.isTTY) return void output.write(`${bars.map((bar) => `${bar.label} ${countOf(bar)}`).join(", ")}\n`);
      const up = drawn > 0 ? `\x1b[${drawn}A` : "";
      output.write(`${up}${bars.map((bar) => `\x1b[2K${lineOf(bar)}\n`).join("")}`);
      drawn = bars.length;
    },
    end() {
      drawn = 0;
      lastAt = -Infinity;
    },
  };
}

export function lineOf(bar: Bar): string {
  const share = bar.of > 0 ? Math.min(1, bar.value / bar.of) : 0;
  const full = Math.round(share * WIDTH);
  return `${bar.label.padEnd(14)} ${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${countOf(bar)}`;
}

function countOf({ value, of }: Bar): string {
  return `${Math.floor(value).toLocaleString("en-GB")} of ${Math.floor(of).toLocaleString("en-GB")}`;
}
