import { expect, test } from "vitest";
import type { Bench, Measure } from "./measure.ts";
import { summaryOf, type Entry } from "./report.ts";
import { judgedAt } from "./result.ts";
import { onCleanUp } from "./cleanup.ts";
import { runMeasures, type RunOptions } from "./run-measures.ts";

const good: Measure = {
  ...{ name: "good", title: "Good" },
  run: async () => ({ figures: [judgedAt({ what: "rate", value: 2, unit: "/s" }, { atLeast: 1 })] }),
};
const bad: Measure = { name: "bad", title: "Bad", run: () => Promise.reject(new Error("broken")) };
const hanging: Measure = { name: "hanging", title: "Hanging", limitMs: 5_010, run: () => new Promise(() => undefined) };

async function entriesOf(measures: readonly Measure[], options: Partial<RunOptions> = {}): Promise<Entry[]> {
  const entries: Entry[] = [];
  const signal = new AbortController().signal;
  const defaults = { bench: {} as Bench, deadlineMs: performance.now() + 60_000, measureMs: 60_000, signal };
  await runMeasures(measures, {
    ...defaults,
    say: () => undefined,
    onEntry: (entry) => entries.push(entry),
    ...options,
  });
  return entries;
}

test("a measure that fails does not take the next one with it", async () => {
  const entries = await entriesOf([bad, good]);
  expect(entries.map(({ name, error }) => [name, error !== undefined])).toEqual([
    ["bad", true],
    ["good", false],
  ]);
  expect(summaryOf(entries)).toEqual(["1 of 1 aims are met.", "  failed: bad: Error: broken"]);
});

test("what a failed measure started is stopped before the next one", async () => {
  const stopped: string[] = [];
  const leaving: Measure = {
    ...{ name: "leaving", title: "Leaving" },
    run() {
      onCleanUp(async () => stopped.push("server"));
      return bad.run({} as Bench);
    },
  };
  const next: Measure = { ...good, run: async () => ({ figures: [], notes: [...stopped] }) };
  expect((await entriesOf([leaving, next]))[1]!.notes).toEqual(["server"]);
});

test("a measure without time is not begun, and counts as failed", async () => {
  const [entry] = await entriesOf([good], { deadlineMs: performance.now() + 100 });
  expect(entry!.error).toBe("no time was left");
});

test("an interruption ends what hangs, and no other begins", async () => {
  const controller = new AbortController();
  const running = entriesOf([hanging, good], { signal: controller.signal });
  controller.abort();
  const entries = await running;
  expect(entries.map(({ error }) => error?.split("\n")[0])).toEqual(["Error: interrupted"]);
});

test("where time runs short, what is left is measured once, and says so", async () => {
  const rounds: number[] = [];
  const counting: Measure = {
    ...good,
    run: async (bench) => {
      rounds.push(bench.rounds);
      return { figures: [], notes: ["as asked"] };
    },
  };
  const bench = { rounds: 3 } as Bench;
  const [late, inTime] = await entriesOf([counting, counting], { bench, deadlineMs: performance.now() + 60_000 });
  expect(rounds).toEqual([1, 3]);
  expect([late!.notes!.length, inTime!.notes]).toEqual([2, ["as asked"]]);
});
