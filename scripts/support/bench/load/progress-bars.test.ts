import { expect, test } from "vitest";
import { createBars, lineOf } from "./progress-bars.ts";

test("a bar is as long as its share, and never longer", () => {
  expect(lineOf({ label: "sold", value: 15, of: 30 })).toBe(
    `sold           ${"█".repeat(15)}${"░".repeat(15)} 15 of 30`,
  );
  expect(lineOf({ label: "sold", value: 60, of: 30 })).toContain("█".repeat(30));
  expect(lineOf({ label: "sold", value: 0, of: 0 })).toContain("░".repeat(30));
});

test("in a terminal bars are drawn over, elsewhere a line comes now and then", () => {
  let now = 0;
  const bars = [{ label: "sold", value: 1, of: 3 }];
  const written = (isTTY: boolean): string[] => {
    const texts: string[] = [];
    const shown = createBars({ isTTY, write: (text) => texts.push(text) }, () => now);
    for (const at of [0, 50, 200]) {
      now = at;
      shown.show(bars);
    }
    return texts;
  };
  expect(written(false)).toEqual(["sold 1 of 3\n"]);
  const drawn = written(true);
  expect(drawn).toHaveLength(2);
  expect(drawn[1]!.startsWith("\x1b[1A\x1b[2K")).toBe(true);
});
