import { expect, test } from "vitest";
import { Reloading } from "./reloading.ts";

test("the page is loaded again by itself once a minute at most, by hand at any time", () => {
  const memory = new Map<string, string>();
  let [now, reloads] = [1_000_000, 0];
  const reloading = new Reloading({
    now: () => now,
    reload: () => void reloads++,
    tabMemory: {
      read: (key) => memory.get(key) ?? null,
      write: (key, text) => void (text === null ? memory.delete(key) : memory.set(key, text)),
    },
  });
  expect([reloading.byItself(), reloading.byItself(), reloads]).toEqual([true, false, 1]);
  reloading.now();
  expect(reloads).toBe(2);
  now += 60_000;
  expect([reloading.byItself(), reloads]).toEqual([true, 3]);
});
