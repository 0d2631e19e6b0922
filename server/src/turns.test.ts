import { describe, expect, test } from "vitest";
import { Turns } from "./turns.ts";

function manualTurns() {
  const soon: (() => void)[] = [];
  const done: string[] = [];
  const turns = new Turns((run) => soon.push(run));
  const add = (storeId: string, items: number, name = storeId): Promise<void> =>
    turns
      .each(storeId, Array<null>(items).fill(null), () => done.push(name))
      .then(() => void done.push(`${name} done`));
  /** Runs so many turns, and what follows them. */
  const pass = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      soon.shift()?.();
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  const counts = (): Record<string, number> => {
    const each: Record<string, number> = {};
    for (const name of done) each[name] = (each[name] ?? 0) + 1;
    return each;
  };
  return { turns, add, pass, counts, done, soon };
}

describe("turns", () => {
  test("little work is done at once", async () => {
    const { add, done, soon } = manualTurns();
    const adding = add("quiet", 3);
    expect(done).toEqual(["quiet", "quiet", "quiet"]);
    await adding;
    expect(soon).toEqual([]);
  });

  test("a shop that floods waits for itself: another's little work is done at once, its larger work after one turn", async () => {
    const { add, pass, counts, done } = manualTurns();
    for (let push = 0; push < 8; push++) void add("loud", 500, `loud ${push}`);
    expect(done).toEqual([]);
    await pass(1);
    void add("quiet", 1);
    expect(done.at(-1)).toBe("quiet");
    void add("third", 30);
    await pass(4);
    expect(done).toContain("third done");
    // its first push, of eight, is not even half done
    expect(counts()["loud 0"]).toBeLessThan(250);
    expect(counts()["loud 1"]).toBeUndefined();
  });

  test("shops take turns, the jobs of one follow one another, and each item is done once", async () => {
    const { add, pass, counts, done, soon } = manualTurns();
    void add("a", 60, "a1");
    void add("a", 10, "a2");
    void add("b", 60);
    await pass(2);
    expect(counts()).toEqual({ a1: 25, b: 25 });
    await pass(20);
    expect(counts()).toEqual({ a1: 60, "a1 done": 1, a2: 10, "a2 done": 1, b: 60, "b done": 1 });
    expect(done.indexOf("a1 done")).toBeLessThan(done.indexOf("a2"));
    expect(soon).toEqual([]);
  });

  test("work may add work, of its own shop too: none is lost, and none is done before its turn", async () => {
    const { turns, add, pass, counts, soon } = manualTurns();
    turns.one("a", () => void add("a", 60, "a1"));
    turns.one("b", () => void add("a", 30, "a2"));
    turns.one("a", () => void add("c", 30));
    await pass(20);
    expect(counts()).toEqual({ a1: 60, "a1 done": 1, a2: 30, "a2 done": 1, c: 30, "c done": 1 });
    expect(soon).toEqual([]);
  });

  test("work that throws fails its own job alone", async () => {
    const { turns, add, pass, counts } = manualTurns();
    const failing = turns.each("a", Array<null>(60).fill(null), () => {
      throw new Error("a fault");
    });
    void add("a", 30, "next");
    const outcome = expect(failing).rejects.toThrow("a fault");
    await pass(5);
    await outcome;
    expect(counts()["next done"]).toBe(1);
  });
});
