import fc from "fast-check";
import { expect, test } from "vitest";
import { toCents } from "../money.ts";
import { guardOrder, orderSchema, type Order, type OrderItem } from "./orders.ts";
import { refundableAmount, refundableQuantities, refundAmount, refundId, type RefundLine } from "./refunds.ts";
import { orderTotals, type TaxMode } from "./totals.ts";

function paid(items: readonly OrderItem[], discount = 0, taxMode: TaxMode = "inclusive", tip = 0): Order {
  return {
    ...{ id: "o", orderNumber: "K7-1", items: [...items], paymentMethod: "CASH", createdAt: 1, tip, taxMode },
    ...{ paymentStatus: "PAID", orderStatus: "COMPLETED" },
    ...orderTotals(items, discount, taxMode),
  };
}
function line(id: string, price: number, quantity: number, taxRate = 0.19): OrderItem {
  return { id, product: { id, name: id, price, taxRate }, quantity, modifiers: [] };
}
function refund(order: Order, lines: readonly RefundLine[], amount = refundAmount(order, lines)): Order {
  const made = { at: 2, lines: [...lines], amount, method: "CASH" as const, by: { id: "s", name: "Ana" } };
  return { ...order, refunds: [...(order.refunds ?? []), { ...made, id: refundId(order) }] };
}

test("one of three for 10.00 is a third, and the last part takes the rest", () => {
  const first = refund(paid([line("a", 10 / 1, 1), line("b", 5, 1)]), [{ itemId: "b", quantity: 1 }]);
  expect(first.refunds?.[0]?.amount).toBe(5);
  const thirds = paid([line("a", 3.34, 3)], 0.02);
  expect(thirds.total).toBe(10);
  let order = thirds;
  for (const expected of [3.33, 3.34, 3.33]) {
    expect(refundAmount(order, [{ itemId: "a", quantity: 1 }])).toBe(expected);
    order = refund(order, [{ itemId: "a", quantity: 1 }]);
  }
  expect(refundableAmount(order)).toBe(0);
});
test("tax on top goes back with its line", () => {
  const order = paid([line("taxed", 10, 1, 0.1), line("free", 10, 1, 0)], 0, "exclusive");
  expect(order.total).toBe(21);
  expect(refundAmount(order, [{ itemId: "taxed", quantity: 1 }])).toBe(11);
  expect(refundAmount(order, [{ itemId: "free", quantity: 1 }])).toBe(10);
});
test("the tip goes back with the last line", () => {
  const order = paid([line("a", 10, 2)], 0, "inclusive", 3);
  const half = refund(order, [{ itemId: "a", quantity: 1 }]);
  expect(half.refunds?.[0]?.amount).toBe(10);
  expect(refundAmount(half, [{ itemId: "a", quantity: 1 }])).toBe(13);
});

const someItems = fc
  .array(
    fc.record({
      cents: fc.integer({ min: 0, max: 99_999 }),
      quantity: fc.integer({ min: 1, max: 9 }),
      taxRate: fc.constantFrom(0, 0.07, 0.19, 0.08375),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((drawn) => drawn.map(({ cents, quantity, taxRate }, i) => line(`i${i}`, cents / 100, quantity, taxRate)));

test("however an order is given back, it adds up to what was paid and never beyond", () => {
  fc.assert(
    fc.property(
      someItems,
      fc.constantFrom<TaxMode>("inclusive", "exclusive"),
      fc.nat(50),
      fc.infiniteStream(fc.nat(99)),
      (items, mode, percent, choices) => {
        const discount = Math.floor(orderTotals(items, 0, mode).subtotal * percent) / 100;
        let order = paid(items, discount, mode, 1.5);
        for (;;) {
          const left = [...refundableQuantities(order)].filter(([, quantity]) => quantity > 0);
          if (left.length === 0) break;
          const [itemId, quantity] = left[choices.next().value! % left.length]!;
          const before = order;
          order = refund(order, [{ itemId, quantity: 1 + (choices.next().value! % quantity) }]);
          expect(order.refunds!.at(-1)!.amount).toBeGreaterThanOrEqual(0);
          expect(guardOrder(before, order)).toBeNull();
          expect(orderSchema.safeParse(order).success).toBe(true);
        }
        const given = order.refunds!.reduce((sum, { amount }) => sum + toCents(amount), 0);
        expect(given).toBe(toCents(order.total) + 150);
        expect(refundableAmount(order)).toBe(0);
      },
    ),
  );
});

test("the guard: never more than was paid or sold, and no refund vanishes", () => {
  const order = paid([line("a", 10, 2)]);
  const once = refund(order, [{ itemId: "a", quantity: 1 }]);
  expect(guardOrder(order, once)).toBeNull();
  expect(guardOrder(once, order)).toContain("never changes or vanishes");
  expect(guardOrder(once, refund(once, [{ itemId: "a", quantity: 2 }], 0))).toContain("more than was sold");
  expect(guardOrder(once, refund(once, [{ itemId: "a", quantity: 1 }], 10.01))).toContain("more than was paid");
  expect(guardOrder(null, { ...once, paymentStatus: "PENDING", orderStatus: "PENDING" })).toContain("not paid");
  const changed = { ...once, refunds: [{ ...once.refunds![0]!, amount: 9 }] };
  expect(guardOrder(once, changed)).toContain("never changes or vanishes");
  expect(guardOrder(once, { ...once, refunds: [...once.refunds!, ...once.refunds!] })).toContain("one id");
});
test("what two registers refund at once bears one transaction id", () => {
  const order = paid([line("a", 10, 2)]);
  expect(refundId(order)).toBe("o.r1");
  expect(refundId(refund(order, [{ itemId: "a", quantity: 1 }]))).toBe("o.r2");
});
