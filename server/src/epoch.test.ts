import { expect, test } from "vitest";
import { epochAfter, isBeyond, ordinalOf } from "./epoch.ts";

const FIRST = "1f0c6a52-9d1b-4c54-9b3e-0a4a3a0f0c11";

test("epochs count up from a shop's first", () => {
  const second = epochAfter("a", FIRST);
  expect([FIRST, second, epochAfter("b", second)].map(ordinalOf)).toEqual([0, 1, 2]);
});

test("an epoch that makes an end of two comes after both", () => {
  expect(ordinalOf(epochAfter("c", "v1-a", "v4-b"))).toBe(5);
});

test("beyond is what a database that was put back cannot know: later epochs, and its own successor under another name", () => {
  expect(isBeyond("v1-a", FIRST)).toBe(true);
  expect(isBeyond("v1-a", "v1-b")).toBe(true);
  expect(isBeyond("v1-a", "v1-a")).toBe(false);
  expect(isBeyond(FIRST, "v1-a")).toBe(false);
  expect(isBeyond("v2-a", "v10-b")).toBe(false);
});
