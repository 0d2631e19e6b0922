import { expect, test } from "vitest";
import { changeOf, eraseDigit, quickAmounts, typeDigits } from "./cash.ts";

test("quick amounts begin with the exact one and go up by notes", () => {
  expect(quickAmounts(12.4)).toEqual([12.4, 15, 20, 50, 100]);
  expect(quickAmounts(20)).toEqual([20, 50, 100, 200]);
  expect(quickAmounts(3.2)).toEqual([3.2, 5, 10, 20, 50]);
});
test("change is exact where floating point is not", () => {
  expect(changeOf(0.3, 0.4)).toBe(0.1);
  expect(changeOf(20.1, 20)).toBe(-0.1);
});
test("the keypad types cents from the right and stops at an absurd amount", () => {
  expect(["1", "2", "00"].reduce(typeDigits, 0)).toBe(1200);
  expect(typeDigits(99_999_999, "1")).toBe(99_999_999);
  expect(eraseDigit(123)).toBe(12);
});
