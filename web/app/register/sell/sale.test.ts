import { describe, expect, test } from "vitest";
import type { NumberSource, ReplicaRecord } from "@tillwire/client/api";
import { checkData, type AnyCollection } from "@tillwire/protocol/collection";
import { guardOrder, orders, type Order } from "@tillwire/protocol/pos/orders";
import { guardTransaction, transactions, type Transaction } from "@tillwire/protocol/pos/transactions";
import { addProduct } from "./cart.ts";
import { paidInFull, type Payment } from "./payment.ts";
import {
  buildCancel,
  buildHolder,
  buildOpenOrder,
  buildSale,
  draftTotals,
  EMPTY_DRAFT,
  type Build,
  type Draft,
  type SaleContext,
} from "./sale.ts";

const coffee = { id: "p1", name: "Coffee", price: 3.2, taxRate: 0.08 };
const draft: Draft = { ...EMPTY_DRAFT, items: addProduct([], coffee, "line-1"), notes: " to go " };
const card = paidInFull("CARD", 3.46, null);

function context(): SaleContext {
  let id = 0;
  return { now: 1_767_225_600_000, newId: () => `id-${++id}`, userId: "d1", userName: "Front", taxMode: "exclusive" };
}
function run(build: Build) {
  const counters = new Map<string, number>();
  const numbers: NumberSource = {
    next(series) {
      const count = (counters.get(series) ?? 0) + 1;
      counters.set(series, count);
      return `K7-${series}-${count}`;
    },
  };
  return build(numbers).map((intent) => {
    if (intent.op !== "put") throw new Error("a sale only puts");
    return intent;
  });
}
const asRecord = (data: Order) =>
  ({ localId: data.id, data, readAt: { version: 4, hash: "h" }, hash: "h" }) as unknown as ReplicaRecord<Order>;

describe("sale", () => {
  test("order and transaction are one batch that both collections accept", () => {
    const [order, transaction] = run(buildSale(draft, paidInFull("CASH", 3.46, 5), context()));
    expect(() => checkData(orders as unknown as AnyCollection, order?.data)).not.toThrow();
    expect(() => checkData(transactions as unknown as AnyCollection, transaction?.data)).not.toThrow();
    expect(order?.data).toMatchObject({
      orderNumber: "K7-order-1",
      subtotal: 3.2,
      tax: 0.26,
      total: 3.46,
      notes: "to go",
      paymentStatus: "PAID",
      orderStatus: "COMPLETED",
    });
    expect(transaction?.data).toMatchObject({ type: "SALE", amount: 3.46, orderNumber: "K7-order-1", given: 5 });
    expect((transaction?.data as Transaction).orderId).toBe((order?.data as Order).id);
  });

  test("building twice makes the same ids: the first attempt's numbers were taken, not its sale", () => {
    const build = buildSale(draft, card, context());
    expect(run(build)).toEqual(run(build));
  });

  test("S2: a second attempt after a reload is the same sale, which the guards refuse: it is never paid twice", () => {
    const sale = { ...draft, saleId: "s1" };
    const [order, money] = run(buildSale(sale, card, context()));
    const [again, moneyAgain] = run(
      buildSale(sale, paidInFull("CASH", 3.46, 5), { ...context(), now: 1_767_225_700_000 }),
    );
    expect([again?.data, moneyAgain?.data]).toMatchObject([{ id: "s1" }, { id: "s1-1" }]);
    expect(guardTransaction(money?.data as Transaction, moneyAgain?.data as Transaction)).not.toBeNull();
    const [open] = run(buildOpenOrder(sale, context()));
    expect(open?.data).toMatchObject({ id: "s1" });
    expect(guardOrder(order?.data as Order, open?.data as Order)).not.toBeNull();
  });

  test("two registers that take money for one open order write two payments", () => {
    const opened = asRecord(run(buildOpenOrder(draft, context()))[0]?.data as Order);
    const ids = ["a", "b"].map((saleId) => run(buildSale({ ...draft, opened, saleId }, card, context()))[1]?.data);
    expect(ids).toMatchObject([{ id: "a-1" }, { id: "b-1" }]);
  });

  test("an opened order keeps its number and what this build does not know, and is written where it was read", () => {
    const [open] = run(buildOpenOrder(draft, context()));
    const opened = asRecord({ ...(open?.data as Order), courier: "Ann" });
    const [order] = run(buildSale({ ...draft, opened }, card, context()));
    expect(order?.data).toMatchObject({ orderNumber: "K7-order-1", courier: "Ann", orderStatus: "COMPLETED" });
    expect(order?.readAt).toEqual({ version: 4, hash: "h" });
  });

  test("an order that is filed under another id than the one it bears is written there, and its money names it", () => {
    const [open] = run(buildOpenOrder(draft, context()));
    const opened = { ...asRecord({ ...(open?.data as Order), id: "local-1" }), localId: "local-1.77" };
    const [order, money] = run(buildSale({ ...draft, opened }, card, context()));
    expect(order).toMatchObject({ localId: "local-1.77", data: { id: "local-1" } });
    expect(money).toMatchObject({ data: { orderId: "local-1.77" } });
    for (const build of [
      buildCancel(opened),
      buildHolder(opened, null),
      buildOpenOrder({ ...draft, opened }, context()),
    ])
      expect(run(build)[0]).toMatchObject({ localId: "local-1.77", data: { id: "local-1" } });
  });

  test("a cancellation is a step that the guard allows", () => {
    const open = run(buildOpenOrder(draft, context()))[0]?.data as Order;
    expect(guardOrder(open, run(buildCancel(asRecord(open)))[0]?.data as Order)).toBeNull();
  });

  test("a split payment is a transaction for each part, with one batch; the last parts bear the tip", () => {
    const payment: Payment = {
      tip: 0.54,
      parts: [
        { method: "CARD", amount: 2, given: null },
        { method: "CASH", amount: 2, given: 5 },
      ],
    };
    const [order, first, second] = run(buildSale(draft, payment, { ...context(), shiftId: "s1" }));
    const { payments, ...paid } = order?.data as Order;
    expect(paid).toMatchObject({ paymentMethod: "OTHER", total: 3.46, tip: 0.54 });
    expect(payments).toMatchObject([
      { method: "CARD", amount: 2 },
      { method: "CASH", amount: 2, given: 5 },
    ]);
    expect(first?.data).toMatchObject({ id: payments?.[0]?.id, paymentMethod: "CARD", amount: 2, shiftId: "s1" });
    expect(first?.data).not.toHaveProperty("tip");
    expect(second?.data).toMatchObject({ id: payments?.[1]?.id, paymentMethod: "CASH", amount: 1.46, tip: 0.54 });
    expect((first?.data as Transaction).referenceNumber).not.toBe((second?.data as Transaction).referenceNumber);
  });

  test("the order tells how its totals came about: discount, tax mode and rounding, and who sold it", () => {
    const discounted: Draft = { ...draft, discount: { kind: "percent", value: 10 }, customerName: " Ann " };
    const rules = { taxMode: "inclusive", taxRounding: "HALF_EVEN" } as const;
    const [order] = run(buildOpenOrder(discounted, { ...context(), ...rules }));
    expect(order?.data).toMatchObject({
      ...{ subtotal: 3.2, discount: 0.32, discountPercent: 10, total: 2.88, taxMode: "inclusive" },
      ...{ taxRounding: "HALF_EVEN", customerName: "Ann", userId: "d1", userName: "Front" },
    });
    expect(draftTotals(discounted, rules)).toMatchObject({ total: 2.88, discount: 0.32 });
  });

  test("a discount never makes an order cost less than nothing", () => {
    const given: Draft = { ...draft, discount: { kind: "amount", value: 20 } };
    expect(draftTotals(given, { taxMode: "exclusive" })).toMatchObject({ discount: 3.2, tax: 0, total: 0 });
  });

  test("who has an open order in the cart stands in it, until it is saved, paid or cancelled", () => {
    const open = run(buildOpenOrder(draft, context()))[0]?.data as Order;
    const holder = { deviceId: "d1", name: "Front", at: 5 };
    const held = run(buildHolder(asRecord(open), holder))[0];
    expect(held).toMatchObject({ data: { holder }, readAt: { version: 4, hash: "h" } });
    const opened = asRecord(held?.data as Order);
    for (const build of [
      buildOpenOrder({ ...draft, opened }, context()),
      buildSale({ ...draft, opened }, card, context()),
      buildCancel(opened, { id: "sam", name: "Sam" }),
      buildHolder(opened, null),
    ])
      expect((run(build)[0]?.data as Order).holder ?? null).toBeNull();
    expect(run(buildCancel(opened, { id: "sam", name: "Sam" }))[0]?.data).toMatchObject({
      ...{ orderStatus: "CANCELLED", cancelledBy: { name: "Sam" } },
    });
  });
});
