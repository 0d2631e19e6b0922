import fc from "fast-check";
import { expect, test } from "vitest";
import { fromCents, isMoney, MAX_CENTS, roundCents, toCents } from "./money.ts";

test("every amount of cents survives the wire", () => {
  fc.assert(
    fc.property(fc.integer({ min: -MAX_CENTS, max: MAX_CENTS }), (cents) => {
      const amount = JSON.parse(JSON.stringify(fromCents(cents))) as number;
      expect(isMoney(amount)).toBe(true);
      expect(toCents(amount)).toBe(cents);
    }),
  );
});

test.each([0.001, 1.005, Number.NaN, Infinity, 100_000_000])("%s is no amount", (amount) => {
  expect(isMoney(amount)).toBe(false);
});

test("halves round away from zero, as binary fractions of them do", () => {
  expect(roundCents(0.5)).toBe(1);
  expect(roundCents(-0.5)).toBe(-1);
  expect(roundCents(100.499999)).toBe(100);
  expect(roundCents(1.005 * 100)).toBe(101);
});
