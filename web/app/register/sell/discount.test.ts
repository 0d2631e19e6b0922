import { expect, test } from "vitest";
import { lineCents } from "@tillwire/protocol/pos/totals";
import { newItem } from "./cart.ts";
import { discountCents, discountOf, withDiscount } from "./discount.ts";

const coffee = newItem({ id: "p1", name: "Coffee", price: 3.33 }, "a");

test("per cent are rounded once, to the cent", () => {
  expect(discountCents({ kind: "percent", value: 33.33 }, 1000)).toBe(333);
  expect(discountCents({ kind: "percent", value: 12.5 }, 100)).toBe(13);
});
test("nothing costs less than nothing", () => {
  expect(discountCents({ kind: "amount", value: 50 }, 333)).toBe(333);
  expect(discountCents({ kind: "percent", value: 250 }, 333)).toBe(333);
  expect(discountCents({ kind: "amount", value: 5 }, 0)).toBe(0);
});
test("a line's discount is written as an amount, and in per cent where it was given so", () => {
  const line = withDiscount({ ...coffee, quantity: 2 }, { kind: "percent", value: 50 });
  expect(line).toMatchObject({ discount: 3.33, discountPercent: 50 });
  expect(lineCents(line)).toBe(333);
  expect(discountOf(line)).toEqual({ kind: "percent", value: 50 });
  expect(withDiscount(line, { kind: "amount", value: 1 })).not.toHaveProperty("discountPercent");
  expect(withDiscount(line, null)).not.toHaveProperty("discount");
});
