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
