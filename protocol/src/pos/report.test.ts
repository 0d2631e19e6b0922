import fc from "fast-check";
import { expect, test } from "vitest";
import type { Order, OrderItem } from "./orders.ts";
import { orderSource, reportOf as reportOfPart, type Report } from "./report.ts";
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

/** Of all that there is, unless `all` says that there is more. */
function reportOf(
  transactions: readonly Transaction[],
  orderOf: (id: string) => Order | null,
  floatCents = 0,
  all: readonly Transaction[] = transactions,
): Report {
  return reportOfPart(transactions, orderSource(all, orderOf), floatCents);
}

const lunch = order("lunch", [line("soup", 6, 2, 0.07), line("beer", 4.2, 1, 0.19, 0.2)], 1.6);
const coffee = order("coffee", [line("coffee", 3, 2, 0.19)]);
const half = { itemId: "coffee", quantity: 1 };
const refunded: Order = {
  ...coffee,
  refunds: [
    {
      ...{
        id: refundId(coffee.id, coffee),
        at: 2,
        lines: [half],
        amount: refundAmount(coffee, [half]),
        method: "CASH",
      },
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

test("an order paid in two shifts is in both reports, each with what was paid in it", () => {
  const payments = [
    { id: "p1", method: "CASH" as const, amount: 10 },
    { id: "p2", method: "CARD" as const, amount: 4.4 },
  ];
  const split = { ...lunch, payments };
  const sale = (at: 0 | 1) => {
    const { id, amount, method: paymentMethod } = payments[at]!;
    return transaction("SALE", amount, { id, paymentMethod, orderId: "lunch" });
  };
  const [first, second, whole] = [[sale(0)], [sale(1)], [sale(0), sale(1)]].map((each) => reportOf(each, () => split));
  expect([first!.sales, second!.sales, whole!.sales]).toEqual([1, 0, 1]);
  expect([first!.discountsCents, second!.discountsCents, whole!.discountsCents]).toEqual([125, 55, 180]);
  expect(first!.taxes.map(({ grossCents }) => grossCents)).toEqual([750, 250]);
  expect(second!.taxes.map(({ grossCents }) => grossCents)).toEqual([330, 110]);
  expect(whole!.taxes.map(({ taxCents }) => taxCents)).toEqual([71, 57]);
});
test("an order that another register was paid for: this one's money is in its drawer, the order is sold once", () => {
  const paidElsewhere = { ...lunch, payments: [{ id: "theirs", method: "CASH" as const, amount: 14.4 }] };
  const ours = transaction("SALE", 14.4, { id: "ours", orderId: "lunch" });
  const theirs = transaction("SALE", 14.4, { id: "theirs", orderId: "lunch" });
  const report = reportOf([ours], () => paidElsewhere);
  expect(report).toMatchObject({ sales: 0, salesCents: 1_440, expectedCashCents: 1_440, taxes: [], discountsCents: 0 });
  expect(reportOf([ours, theirs], () => paidElsewhere)).toMatchObject({
    ...{ sales: 1, salesCents: 2_880, discountsCents: 180 },
    taxes: [{ taxCents: 71 }, { taxCents: 57 }],
  });
});
test("refunds that do not name their lines never take off more tax than the order had", () => {
  const refund = (amount: number, id: string) => transaction("REFUND", amount, { id, orderId: "lunch" });
  const sale = transaction("SALE", 14.4, { orderId: "lunch" });
  const sums = (...given: Transaction[]) =>
    reportOf([sale, ...given], orderOf).taxes.map(({ grossCents, taxCents }) => [grossCents, taxCents]);
  expect(sums(refund(7.2, "x"))).toEqual([
    [540, 35],
    [180, 28],
  ]);
  const nothing = [
    [0, 0],
    [0, 0],
  ];
  expect(sums(refund(7.2, "x"), refund(7.2, "y"))).toEqual(nothing);
  expect(sums(refund(14.4, "x"), refund(14.4, "y"))).toEqual(nothing);
  // what was given out twice is money all the same
  expect(reportOf([sale, refund(14.4, "x"), refund(14.4, "y")], orderOf).refundsCents).toBe(2_880);
});
test("what is left after a refund of one line is what an unnamed one takes the rest of", () => {
  const report = reportOf(
    [
      transaction("SALE", 6, { orderId: "coffee" }),
      transaction("REFUND", 3, { orderId: "coffee", id: "coffee.r1" }),
      transaction("REFUND", 3, { orderId: "coffee", id: "at another device" }),
    ],
    orderOf,
  );
  expect(report.taxes).toEqual([{ rate: 0.19, grossCents: 0, taxCents: 0 }]);
});
test("an order of an existing device, paid in two shifts, and not listed in it: each has its part, the first has the sale", () => {
  const part = (id: string, createdAt: number) => transaction("SALE", 7.2, { id, createdAt, orderId: "lunch" });
  const all = [part("a", 2), part("b", 1)];
  const [late, early] = all.map((each) => reportOf([each], orderOf, 0, all));
  const whole = reportOf(all, orderOf);
  expect([early!.sales, late!.sales, whole.sales]).toEqual([1, 0, 1]);
  expect([early!.salesCents, late!.salesCents]).toEqual([720, 720]);
  expect(early!.discountsCents + late!.discountsCents).toBe(whole.discountsCents);
  for (const [index, { grossCents, taxCents }] of whole.taxes.entries()) {
    expect(early!.taxes[index]!.grossCents + late!.taxes[index]!.grossCents).toBe(grossCents);
    expect(early!.taxes[index]!.taxCents + late!.taxes[index]!.taxCents).toBe(taxCents);
  }
});
test("payments made in the same millisecond, and beyond the total, count an order once and its taxes once", () => {
  const all = ["a", "b", "c"].map((id) => transaction("SALE", 7.2, { id, orderId: "lunch" }));
  const reports = all.map((each) => reportOf([each], orderOf, 0, all));
  expect(reports.map(({ sales }) => sales)).toEqual([1, 0, 0]);
  expect(reports.map(({ discountsCents }) => discountsCents)).toEqual([90, 90, 0]);
  expect(reportOf(all, orderOf)).toMatchObject({ sales: 1, salesCents: 2_160, discountsCents: 180 });
});
test("an order that has not come yet, paid in two shifts, is sold in the first", () => {
  const all = ["a", "b"].map((id) => transaction("SALE", 5, { id, orderId: "elsewhere" }));
  expect(all.map((each) => reportOf([each], orderOf, 0, all).sales)).toEqual([1, 0]);
  expect(reportOf([transaction("SALE", 5)], orderOf).sales).toBe(1);
});
test("what cost nothing is sold in its first payment", () => {
  const free = order("free", [line("soup", 6, 1, 0.07)], 6);
  const all = ["a", "b"].map((id) => transaction("SALE", 0, { id, orderId: "free" }));
  const reports = all.map((each) => reportOf([each], () => free, 0, all));
  expect(reports.map(({ sales, discountsCents }) => [sales, discountsCents])).toEqual([
    [1, 600],
    [0, 0],
  ]);
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
          const refund = { ...made, id: refundId(given.id, given), method: "CASH" as const };
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

test("however the payments and refunds of an order are spread over shifts, their reports add up to the day's", () => {
  fc.assert(
    fc.property(
      someItems,
      fc.constantFrom<TaxMode>("inclusive", "exclusive"),
      fc.nat(50),
      fc.array(fc.nat(1_000), { maxLength: 4 }),
      fc.infiniteStream(fc.nat(99)),
      fc.boolean(),
      (drawn, taxMode, percent, cuts, choices, tellsPayments) => {
        const next = (below: number): number => choices.next().value! % below;
        const items = drawn.map(({ cents, quantity, taxRate }, i) => line(`i${i}`, cents / 100, quantity, taxRate));
        const discount = Math.floor(orderTotals(items, 0, taxMode).subtotal * percent) / 100;
        const sold = { ...order("o", items), taxMode, ...orderTotals(items, discount, taxMode) };
        const totalCents = Math.round(sold.total * 100);
        const marks = [...cuts.map((cut) => Math.floor((totalCents * cut) / 1_000)), totalCents].sort((a, b) => a - b);
        const payments = marks.map((mark, i) => {
          return { id: `p${i}`, method: "CASH" as const, amount: (mark - (marks[i - 1] ?? 0)) / 100 };
        });
        let given: Order = { ...sold, ...(tellsPayments && { payments }) };
        for (let tries = next(4); tries > 0; tries--) {
          const left = [...refundableQuantities(given)].filter(([, quantity]) => quantity > 0);
          if (left.length === 0) break;
          const [itemId, most] = left[next(left.length)]!;
          const lines = [{ itemId, quantity: 1 + next(most) }];
          const made = { at: 2, lines, amount: refundAmount(given, lines), by: { id: "s", name: "Ana" } };
          const refund = { ...made, id: refundId("o", given), method: "CASH" as const };
          given = { ...given, refunds: [...(given.refunds ?? []), refund] };
        }
        const moved = [
          ...payments.map(({ id, amount }) => transaction("SALE", amount, { id, orderId: "o" })),
          ...(given.refunds ?? []).map(({ id, amount }) => transaction("REFUND", amount, { id, orderId: "o" })),
        ];
        const day = reportOf(moved, () => given);
        const shifts = [0, 1, 2].map(() => [] as Transaction[]);
        for (const each of moved) shifts[next(3)]!.push(each);
        const reports = shifts.map((each) => reportOf(each, () => given, 0, moved));
        const total = (of: (report: (typeof reports)[number]) => number) => reports.reduce((sum, r) => sum + of(r), 0);
        expect(day.sales).toBe(1);
        expect(total(({ sales }) => sales)).toBe(1);
        expect(total(({ salesCents }) => salesCents)).toBe(day.salesCents);
        expect(total(({ discountsCents }) => discountsCents)).toBe(day.discountsCents);
        expect(total(({ expectedCashCents }) => expectedCashCents)).toBe(day.expectedCashCents);
        for (const { rate, grossCents, taxCents } of day.taxes) {
          const ofRate = (field: "grossCents" | "taxCents") =>
            total(({ taxes }) => taxes.find((each) => each.rate === rate)?.[field] ?? 0);
          expect([ofRate("grossCents"), ofRate("taxCents")]).toEqual([grossCents, taxCents]);
        }
      },
    ),
  );
});
