import { expect, test } from "vitest";
import { eraseDiscount, typeDiscount, typeQuantity } from "./typing.ts";

test("the first digit replaces what stood there, the next ones join it", () => {
  expect(typeQuantity(3, "1", true, 9_999)).toBe(1);
  expect(typeQuantity(1, "2", false, 9_999)).toBe(12);
  expect(typeQuantity(9_999, "1", false, 9_999)).toBe(9_999);
});
test("amounts grow by cents, per cent by whole ones up to a hundred", () => {
  expect(typeDiscount({ kind: "amount", value: 9 }, "5", true)).toEqual({ kind: "amount", value: 0.05 });
  expect(typeDiscount({ kind: "amount", value: 0.05 }, "00", false)).toEqual({ kind: "amount", value: 5 });
  expect(typeDiscount({ kind: "percent", value: 12.5 }, "0", false)).toEqual({ kind: "percent", value: 12.5 });
  expect(typeDiscount({ kind: "percent", value: 10 }, "0", false)).toEqual({ kind: "percent", value: 100 });
});
test("the last digit is taken back", () => {
  expect(eraseDiscount({ kind: "percent", value: 12.5 })).toEqual({ kind: "percent", value: 1 });
  expect(eraseDiscount({ kind: "amount", value: 1.25 })).toEqual({ kind: "amount", value: 0.12 });
});
