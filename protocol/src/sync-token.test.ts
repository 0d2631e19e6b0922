import { expect, test } from "vitest";
import { ALL_COLLECTIONS, choiceOf, formatSyncToken, parseSyncToken } from "./sync-token.ts";

test("a token reads back as what it was made of", () => {
  const position = { epoch: "0b7c-9f", cursor: 42, choice: choiceOf(["orders"]) };
  expect(parseSyncToken(formatSyncToken(position))).toEqual(position);
});

test("the choice does not depend on order or repetition, and all is not the same as any", () => {
  expect(choiceOf(["b", "a", "b"])).toBe(choiceOf(["a", "b"]));
  expect(choiceOf(["a"])).not.toBe(choiceOf(["a", "b"]));
  expect(choiceOf(undefined)).toBe(ALL_COLLECTIONS);
});

test.each([
  "",
  "1704067200000",
  "tw1.e.-1.all",
  "tw1.e.1e3.all",
  "tw1.e.99999999999999999.all",
  "tw2.e.1.all",
  "tw1.e e.1.all",
])("%s is no token", (text) => {
  expect(parseSyncToken(text)).toBeNull();
});
