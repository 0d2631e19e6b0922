import fc from "fast-check";
import { expect, test } from "vitest";
import { fromCents, isMoney, MAX_CENTS, roundedCents, toCents } from "./money.ts";

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

test.each([
  [1n, 2n, 1, 0],
  [-1n, 2n, -1, 0],
  [3n, 2n, 2, 2],
  [-3n, 2n, -2, -2],
  [1_005n, 10n, 101, 100],
  [100_499_999n, 1_000_000n, 100, 100],
  [100_500_001n, 1_000_000n, 101, 101],
  [-1n, 3n, 0, 0],
])("%s/%s of a cent: %s rounded up, %s to even", (numerator, denominator, up, even) => {
  expect(roundedCents(numerator, denominator)).toBe(up);
  expect(roundedCents(numerator, denominator, "HALF_EVEN")).toBe(even);
});
