import { expect, test } from "vitest";
import { keepOfOrder, keepOfTransaction } from "./kept-members.ts";
import { guardOrder, type Order } from "./orders.ts";
import { guardTransaction, type Transaction } from "./transactions.ts";

const sam = { id: "sam", name: "Sam" };
const open: Order = {
  ...{
    id: "o",
    orderNumber: "K7-1",
    paymentMethod: "OTHER",
    createdAt: 1,
    taxMode: "inclusive",
    taxRounding: "HALF_UP",
  },
  ...{ paymentStatus: "PENDING", orderStatus: "PENDING", userId: "sam", userName: "Sam" },
  items: [{ id: "a", product: { id: "p", name: "Tea", price: 5 }, quantity: 2, discount: 1, discountPercent: 10 }],
  ...{ subtotal: 9, tax: 0, total: 9, holder: { deviceId: "d1", name: "Front", at: 2 } },
};
const paid: Order = {
  ...open,
  ...{ paymentStatus: "PAID", orderStatus: "COMPLETED", paymentMethod: "CASH", holder: null, tip: 1 },
  payments: [{ id: "t", method: "CASH", amount: 10 }],
  refunds: [{ id: "o.r1", at: 3, lines: [{ itemId: "a", quantity: 1 }], amount: 4.5, method: "CASH", by: sam }],
};

/** As a device sends it back that knows the first wire alone, and writes out what it knows of products. */
function sentBack(order: Order, changes: Partial<Order> = {}): Order {
  const { id, orderNumber, subtotal, tax, discount, total, notes, customerName, createdAt, completedAt } = order;
  const { paymentMethod, paymentStatus, orderStatus } = order;
  const items = order.items.map(({ id, product, quantity, modifiers, discount, notes }) => ({
    ...{ id, quantity, modifiers: modifiers ?? [], discount, notes },
    product: { ...product, stockQuantity: 0, isActive: true },
  }));
  return {
    ...{ id, orderNumber, items, subtotal, tax, discount, total, notes, customerName, createdAt, completedAt },
    ...{ paymentMethod, paymentStatus, orderStatus },
    ...changes,
  };
}

test("a paid order that comes back with another note keeps payments, tip, refunds and who sold it", () => {
  const next = keepOfOrder(paid, sentBack(paid, { notes: "window" }));
  expect(next).toEqual({ ...sentBack(paid), ...paid, notes: "window", holder: undefined });
  expect(guardOrder(paid, next)).toBeNull();
});
test("an order that a register was paid for can be given back by such a device", () => {
  const next = keepOfOrder(paid, sentBack(paid, { paymentStatus: "REFUNDED", orderStatus: "REFUNDED" }));
  expect(guardOrder(paid, next)).toBeNull();
  expect(next.payments).toEqual(paid.payments);
});
test("what was paid for stays frozen: another quantity is still refused", () => {
  const sent = sentBack(paid);
  const more = keepOfOrder(paid, { ...sent, items: [{ ...sent.items[0]!, quantity: 3 }] });
  expect(guardOrder(paid, more)).toContain("items");
});
test("an open order keeps who has it, and how its sums came about as long as they are the same", () => {
  const noted = keepOfOrder(open, sentBack(open, { notes: "window" }));
  expect(noted).toMatchObject({ holder: open.holder, taxMode: "inclusive", taxRounding: "HALF_UP", userName: "Sam" });
  expect(noted.items[0]).toMatchObject({ discountPercent: 10 });
  const [item] = sentBack(open).items;
  const grown = keepOfOrder(open, sentBack(open, { items: [{ ...item!, quantity: 3 }], subtotal: 14, total: 14 }));
  expect(grown).not.toHaveProperty("taxMode");
  expect(grown.items[0]).not.toHaveProperty("discountPercent");
  expect(grown).toMatchObject({ userName: "Sam", total: 14 });
});
test("paid by such a device, nobody has it in a cart any more", () => {
  const next = keepOfOrder(open, sentBack(open, { paymentStatus: "PAID", orderStatus: "COMPLETED" }));
  expect(next.holder ?? null).toBeNull();
});
test("what a device does say stands, and where nothing is missing nothing is made anew", () => {
  expect(keepOfOrder(paid, { ...sentBack(paid), tip: 2 }).tip).toBe(2);
  const whole = { ...open, notes: "x" };
  expect(keepOfOrder(open, whole)).toBe(whole);
});
test("a transaction keeps its shift, tip and who allowed it", () => {
  const money: Transaction = {
    ...{ id: "t", referenceNumber: "K7-1", type: "SALE", amount: 9, paymentMethod: "CASH", status: "COMPLETED" },
    ...{ userId: "sam", userName: "Sam", createdAt: 1, tip: 1, shiftId: "s", authorisedBy: sam, given: 20 },
  };
  const { tip: _tip, shiftId: _shift, authorisedBy: _by, given: _given, ...known } = money;
  const next = keepOfTransaction(money, { ...known, status: "REVERSED" });
  expect(next).toEqual({ ...money, status: "REVERSED" });
  expect(guardTransaction(money, next)).toBeNull();
});
