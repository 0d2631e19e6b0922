import fc from "fast-check";
import { expect, test } from "vitest";
import type { Order, OrderItem } from "./orders.ts";
import { reportOf } from "./report.ts";
import { refundableQuantities, refundAmount, refundId } from "./refunds.ts";
import { orderTotals, type TaxMode } from "./totals.ts";
import type { Transaction } from "./transactions.ts";

function line(id: string, price: number, quantity: number, taxRate: number, discount = 0): OrderItem {
  return { id, product: { id, name: id, price, taxRate }, quantity, modifiers: [], discount };
}
function order(id: string, items: OrderItem[], discount = 0): Order {
  return {
    ...{ id, orderNumber: id, items, paymentMethod: "CASH", createdAt: 1, taxMode: "inclusive" },
    ...{ paymentStatus: "PAID", orderStatus: "COMPLETED" },
    ...orderTotals(items, discount, "inclusive"),
  };
}
function transaction(type: Transaction["type"], amount: number, more: Partial<Transaction> = {}): Transaction {
  return {
    ...{ id: `${type}-${amount}-${more.orderId ?? ""}`, referenceNumber: "K7-1", type, amount, paymentMethod: "CASH" },
    ...{ status: "COMPLETED", userId: "s", userName: "Ana", createdAt: 1 },
    ...more,
  };
}

const lunch = order("lunch", [line("soup", 6, 2, 0.07), line("beer", 4.2, 1, 0.19, 0.2)], 1.6);
const coffee = order("coffee", [line("coffee", 3, 2, 0.19)]);
const half = { itemId: "coffee", quantity: 1 };
const refunded: Order = {
  ...coffee,
  refunds: [
    {
      ...{ id: refundId(coffee), at: 2, lines: [half], amount: refundAmount(coffee, [half]), method: "CASH" },
      by: { id: "s", name: "Ana" },
    },
  ],
};
const orders = new Map([lunch, refunded].map((each) => [each.id, each]));
const orderOf = (id: string): Order | null => orders.get(id) ?? null;

test("a shift with a split payment, a tip, a refund and cash put in and out", () => {
  const report = reportOf(
    [
      transaction("SALE", 10, { orderId: "lunch", tip: 1 }),
      transaction("SALE", 4.4, { orderId: "lunch", paymentMethod: "CARD" }),
      transaction("SALE", 6, { orderId: "coffee" }),
      transaction("REFUND", 3, { orderId: "coffee", id: "coffee.r1" }),
      transaction("CASH_IN", 50),
      transaction("CASH_OUT", 20),
      transaction("SALE", 99, { status: "REVERSED" }),
    ],
    orderOf,
    10_000,
  );
  expect(report).toMatchObject({
    ...{ sales: 2, salesCents: 2_040, refunds: 1, refundsCents: 300, tipsCents: 100, discountsCents: 180 },
    ...{ cashInCents: 5_000, cashOutCents: 2_000, expectedCashCents: 10_000 + 1_100 + 600 - 300 + 5_000 - 2_000 },
  });
  expect(report.methods).toEqual([
    { method: "CASH", count: 3, cents: 1_400 },
    { method: "CARD", count: 1, cents: 440 },
  ]);
  // soup 12.00 and beer 4.00 less a tenth, the coffees less one of them
  expect(report.taxes).toEqual([
    { rate: 0.07, grossCents: 1_080, taxCents: 71 },
    { rate: 0.19, grossCents: 360 + 600 - 300, taxCents: 57 + 96 - 48 },
  ]);
});
test("an order given back whole, without naming its lines, leaves no tax behind", () => {
  const report = reportOf(
    [transaction("SALE", 14.4, { orderId: "lunch" }), transaction("REFUND", 14.4, { orderId: "lunch" })],
    orderOf,
  );
  expect(report.taxes.map(({ grossCents, taxCents }) => [grossCents, taxCents])).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(report.expectedCashCents).toBe(0);
});
test("an order that has not come yet counts by its transaction alone", () => {
  const report = reportOf([transaction("SALE", 5, { orderId: "elsewhere" })], orderOf);
  expect(report).toMatchObject({ sales: 1, salesCents: 500, taxes: [], discountsCents: 0 });
});

const someItems = fc.array(
  fc.record({
    cents: fc.integer({ min: 1, max: 9_999 }),
    quantity: fc.integer({ min: 1, max: 7 }),
    taxRate: fc.constantFrom(0, 0.07, 0.19, 0.08375),
  }),
  { minLength: 1, maxLength: 5 },
);
test("an order given back piece by piece leaves neither sales nor tax behind, of no rate", () => {
  fc.assert(
    fc.property(
      someItems,
      fc.constantFrom<TaxMode>("inclusive", "exclusive"),
      fc.nat(50),
      fc.infiniteStream(fc.nat(99)),
      (drawn, taxMode, percent, choices) => {
        const items = drawn.map(({ cents, quantity, taxRate }, i) => line(`i${i}`, cents / 100, quantity, taxRate));
        const discount = Math.floor(orderTotals(items, 0, taxMode).subtotal * percent) / 100;
        let given: Order = { ...order("o", items), taxMode, ...orderTotals(items, discount, taxMode) };
        for (;;) {
          const left = [...refundableQuantities(given)].filter(([, quantity]) => quantity > 0);
          if (left.length === 0) break;
          const [itemId, most] = left[choices.next().value! % left.length]!;
          const lines = [{ itemId, quantity: 1 + (choices.next().value! % most) }];
          const made = { at: 2, lines, amount: refundAmount(given, lines), by: { id: "s", name: "Ana" } };
          const refund = { ...made, id: refundId(given), method: "CASH" as const };
          given = { ...given, refunds: [...(given.refunds ?? []), refund] };
        }
        const refunds = given.refunds!.map(({ id, amount }) => transaction("REFUND", amount, { id, orderId: "o" }));
        const report = reportOf([transaction("SALE", given.total, { orderId: "o" }), ...refunds], () => given);
        expect(report.expectedCashCents).toBe(0);
        for (const { grossCents, taxCents } of report.taxes) expect([grossCents, taxCents]).toEqual([0, 0]);
      },
    ),
  );
});
