import { expect, test } from "vitest";
import type { OrderItem } from "./orders.ts";
import { orderTotals } from "./totals.ts";

const item = (price: number, quantity: number, taxRate: number, more: Partial<OrderItem> = {}): OrderItem => ({
  id: `${price}-${quantity}`,
  product: { id: "p", name: "P", price, taxRate },
  quantity,
  modifiers: [],
  ...more,
});

// Golden vectors: amounts that shops would check by hand.
test("an existing client's order adds up as that client added it", () => {
  const items = [item(4.2, 2, 0.08, { modifiers: [{ price: 0.6, quantity: 1 }] }), item(5.5, 1, 0.08)];
  expect(orderTotals(items, 0, "exclusive")).toEqual({ subtotal: 15.1, tax: 1.21, discount: 0, total: 16.31 });
});
test("inclusive prices contain the tax", () => {
  expect(orderTotals([item(11.9, 1, 0.19)], 0, "inclusive")).toEqual({
    subtotal: 11.9,
    tax: 1.9,
    discount: 0,
    total: 11.9,
  });
});
test("a discount on the order lowers the tax in proportion", () => {
  expect(orderTotals([item(10, 1, 0.1), item(10, 1, 0)], 2, "exclusive")).toEqual({
    subtotal: 20,
    tax: 0.9,
    discount: 2,
    total: 18.9,
  });
});
test("a discount on a line lowers the line", () => {
  expect(orderTotals([item(10, 2, 0.1, { discount: 5 })], 0, "exclusive")).toEqual({
    subtotal: 15,
    tax: 1.5,
    discount: 0,
    total: 16.5,
  });
});
test("nothing costs nothing", () => {
  expect(orderTotals([], 0, "exclusive")).toEqual({ subtotal: 0, tax: 0, discount: 0, total: 0 });
});

// Halves of a cent, where binary fractions would decide by chance.
test.each([
  // price, quantity, rate, discount, mode, tax rounded up, to even
  [0.5, 1, 0.05, 0, "exclusive", 0.03, 0.02],
  [0.7, 1, 0.05, 0, "exclusive", 0.04, 0.04],
  [10.05, 1, 0.1, 0, "exclusive", 1.01, 1],
  [10.15, 1, 0.1, 0, "exclusive", 1.02, 1.02],
  [1.35, 3, 0.1, 0, "exclusive", 0.41, 0.4],
  [19.99, 1, 0.08375, 0, "exclusive", 1.67, 1.67],
  [20, 1, 0.19, 3, "inclusive", 2.71, 2.71],
  [2.1, 1, 0.05, 0, "inclusive", 0.1, 0.1],
  [0.21, 1, 0.05, 0, "inclusive", 0.01, 0.01],
  [-10.05, 1, 0.1, 0, "exclusive", -1.01, -1],
  [99_999.99, 9, 0.19, 0, "inclusive", 143_697.46, 143_697.46],
] as const)("%s x %s at %s less %s, %s: tax %s, to even %s", (price, quantity, rate, discount, mode, up, even) => {
  const items = [item(price, quantity, rate)];
  expect(orderTotals(items, discount, mode).tax).toBe(up);
  expect(orderTotals(items, discount, mode, "HALF_EVEN").tax).toBe(even);
});
test("a real receipt: two rates, a line's and the order's discount, modifiers", () => {
  const items = [
    item(3.2, 2, 0.19, { modifiers: [{ price: 0.5, quantity: 1 }] }),
    item(8.9, 1, 0.07, { discount: 0.89 }),
    item(2.49, 3, 0.07),
  ];
  expect(orderTotals(items, 2.29, "inclusive")).toEqual({ subtotal: 22.88, tax: 1.97, discount: 2.29, total: 20.59 });
});
