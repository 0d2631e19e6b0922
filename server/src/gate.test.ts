import { expect, test } from "vitest";
import { createGate } from "./gate.ts";
import { safeError } from "./safe-error.ts";
import { createTokenBuckets } from "./token-bucket.ts";

test("a gate lets so many run, so many wait, and refuses the rest", async () => {
  const gate = createGate({ running: 2, waiting: 1 });
  const finish: (() => void)[] = [];
  let running = 0;
  const work = async (): Promise<void> => {
    running += 1;
    await new Promise<void>((resolve) => finish.push(resolve));
    running -= 1;
  };
  const runs = [gate.run(work, "a"), gate.run(work, "a"), gate.run(work, "a")];
  expect(running).toBe(2);
  await expect(gate.run(work, "a")).rejects.toMatchObject({ code: "UNAVAILABLE", retry: "backoff" });
  finish.shift()!();
  await runs[0];
  expect(running).toBe(2);
  finish.splice(0).forEach((go) => go());
  await Promise.all(runs);
  expect(running).toBe(0);
});

test("shops that wait are let in by turns, so that one with many who wait does not hold up another", async () => {
  const gate = createGate({ running: 1, waiting: 100 });
  const order: string[] = [];
  let open!: () => void;
  const first = gate.run(() => new Promise<void>((resolve) => (open = resolve)), "loud");
  const enter = (storeId: string): Promise<void> => gate.run(async () => void order.push(storeId), storeId);
  const runs = [...Array<string>(5).fill("loud"), "quiet", "third", "quiet"].map(enter);
  open();
  await Promise.all([first, ...runs]);
  expect(order).toEqual(["loud", "quiet", "third", "loud", "quiet", "loud", "loud", "loud"]);
});

test("a shop with all places to wait in takes none from another: its own latest is refused", async () => {
  const gate = createGate({ running: 1, waiting: 4 });
  const ended: string[] = [];
  let open!: () => void;
  const first = gate.run(() => new Promise<void>((resolve) => (open = resolve)), "loud");
  const enter = (storeId: string, name: string): Promise<unknown> =>
    gate.run(async () => void ended.push(name), storeId).catch(({ code }) => ended.push(`${name} ${code}`));
  const runs = ["l1", "l2", "l3", "l4", "l5"].map((name) => enter("loud", name));
  runs.push(enter("quiet", "q1"), enter("third", "t1"), enter("loud", "l6"));
  await Promise.all([runs[4], runs[3], runs[2], runs[7]]);
  expect(ended.sort()).toEqual(["l3 UNAVAILABLE", "l4 UNAVAILABLE", "l5 UNAVAILABLE", "l6 UNAVAILABLE"]);
  ended.length = 0;
  open();
  await Promise.all([first, ...runs]);
  expect(ended).toEqual(["l1", "q1", "t1", "l2"]);
});

test("who comes last is refused where all wait alike", async () => {
  const gate = createGate({ running: 1, waiting: 2 });
  let open!: () => void;
  const first = gate.run(() => new Promise<void>((resolve) => (open = resolve)), "a");
  const waiting = ["a", "b"].map((storeId) => gate.run(async () => storeId, storeId));
  await expect(gate.run(async () => "c", "c")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  open();
  expect(await Promise.all([first, ...waiting])).toEqual([undefined, "a", "b"]);
});

test("work that fails gives its place back", async () => {
  const gate = createGate({ running: 1, waiting: 1 });
  await expect(gate.run(async () => Promise.reject(new Error("no")), "a")).rejects.toThrow("no");
  expect(await gate.run(async () => 5, "a")).toBe(5);
});

test("a bucket allows bursts, then the rate, and says how long to wait", () => {
  let now = 0;
  const buckets = createTokenBuckets({ perSecond: 10, burst: 3 }, () => now);
  expect([buckets.take("a"), buckets.take("a"), buckets.take("a"), buckets.take("a")]).toEqual([0, 0, 0, 100]);
  expect(buckets.take("b")).toBe(0);
  now = 100;
  expect([buckets.take("a"), buckets.take("a")]).toEqual([0, 100]);
  buckets.giveBack("a");
  expect(buckets.take("a")).toBe(0);
});

test("the log gets no text of PostgreSQL's, which quotes data", () => {
  const fault = Object.assign(new Error('invalid input: "secret"'), {
    name: "PostgresError",
    code: "22P02",
    detail: "secret",
  });
  const logged = safeError(new Error("the database refused the data", { cause: fault }));
  expect(logged).toMatchObject({
    message: "the database refused the data",
    cause: { name: "PostgresError", code: "22P02" },
  });
  expect(JSON.stringify(logged)).not.toContain("secret");
});
