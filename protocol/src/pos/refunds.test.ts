import fc from "fast-check";
import { expect, test } from "vitest";
import { toCents } from "../money.ts";
import { guardOrder, orderSchema, type Order, type OrderItem } from "./orders.ts";
import {
  refundableAmount,
  refundableQuantities,
  refundAmount,
  refundId,
  refundLineCents,
  type RefundLine,
} from "./refunds.ts";
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
  return { ...order, refunds: [...(order.refunds ?? []), { ...made, id: refundId(order.id, order) }] };
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
      // some devices give two lines one id
      id: fc.constantFrom("i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8"),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((drawn) => drawn.map(({ id, cents, quantity, taxRate }) => line(id, cents / 100, quantity, taxRate)));

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
test("what two registers refund at once bears one transaction id, but for what was given out without asking", () => {
  const order = paid([line("a", 10, 2)]);
  const once = refund(order, [{ itemId: "a", quantity: 1 }]);
  expect(refundId("o", order)).toBe("o.r1");
  expect(refundId("o", once)).toBe("o.r2");
  expect(refundId("o", order, "d1")).toBe("o.r1.d1");
  // filed under another id than the one in its data
  expect(refundId("o.123", order)).toBe("o.123.r1");
});
test("whatever the order's id, a refund's is an id, and another for each order, refund and device", () => {
  const order = paid([line("a", 10, 2)]);
  const once = refund(order, [{ itemId: "a", quantity: 1 }]);
  const long = "x".repeat(64);
  const ids = [long, "x".repeat(63) + "y"].flatMap((id) => [
    refundId(id, order),
    refundId(id, once),
    refundId(id, order, "y".repeat(64)),
  ]);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._:-]{1,64}$/);
  expect(new Set(ids).size).toBe(ids.length);
  expect(refundId(long, order)).toBe(refundId(long, { refunds: [] }));
});

test("two lines that bear one id are refunded one by one, and never more of either than was sold", () => {
  const order = paid([line("a", 10, 1), line("a", 2, 3)]);
  expect([...refundableQuantities(order)]).toEqual([
    ["a", 1],
    ["a#2", 3],
  ]);
  expect(refundAmount(order, [{ itemId: "a", quantity: 1 }])).toBe(10);
  expect(refundAmount(order, [{ itemId: "a#2", quantity: 2 }])).toBe(4);
  const once = refund(order, [{ itemId: "a", quantity: 1 }]);
  expect(guardOrder(order, once)).toBeNull();
  expect(refundableAmount(once)).toBe(6);
  expect(guardOrder(once, refund(once, [{ itemId: "a", quantity: 1 }], 1))).toContain("more than was sold");
  expect(refundAmount(once, [{ itemId: "a#2", quantity: 3 }])).toBe(6);
});
test("which refund came first is told by ids: a copy of an order knows its refunds too", () => {
  const order = paid([line("a", 3.34, 3)], 0.02);
  const twice = refund(refund(order, [{ itemId: "a", quantity: 1 }]), [{ itemId: "a", quantity: 1 }]);
  const [first, second] = structuredClone(twice.refunds!);
  expect(refundLineCents(twice, first!)).toMatchObject([{ lineId: "a", quantity: 1, cents: 333 }]);
  expect(refundLineCents(twice, second!)).toMatchObject([{ lineId: "a", quantity: 1, cents: 334 }]);
});
test("what costs less than nothing is given back as nothing", () => {
  const order = paid([line("a", 10, 1), line("voucher", -4, 1)]);
  const voucher = [{ itemId: "voucher", quantity: 1 }];
  expect(refundAmount(order, voucher)).toBe(0);
  const after = refund(order, voucher);
  expect(orderSchema.safeParse(after).success).toBe(true);
  expect(refundAmount(after, [{ itemId: "a", quantity: 1 }])).toBe(6);
});
