import { describe, expect, test } from "vitest";
import type { NumberSource, ReplicaRecord } from "@tillwire/client/api";
import { checkData, type AnyCollection } from "@tillwire/protocol/collection";
import { guardOrder, orders, type Order } from "@tillwire/protocol/pos/orders";
import { transactions, type Transaction } from "@tillwire/protocol/pos/transactions";
import { addProduct } from "./cart.ts";
import {
  buildCancel,
  buildOpenOrder,
  buildRefund,
  buildSale,
  type Build,
  type Draft,
  type SaleContext,
} from "./sale.ts";

const coffee = { id: "p1", name: "Coffee", price: 3.2, taxRate: 0.08 };
const draft: Draft = { items: addProduct([], coffee, "line-1"), notes: " to go ", opened: null };

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
  ({ data, readAt: { version: 4, hash: "h" }, hash: "h" }) as unknown as ReplicaRecord<Order>;

describe("sale", () => {
  test("order and transaction are one batch that both collections accept", () => {
    const [order, transaction] = run(buildSale(draft, { method: "CASH", given: 5 }, context()));
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
    const build = buildSale(draft, { method: "CARD", given: null }, context());
    expect(run(build)).toEqual(run(build));
  });

  test("an opened order keeps its number and what this build does not know, and is written where it was read", () => {
    const [open] = run(buildOpenOrder(draft, context()));
    const opened = { data: { ...(open?.data as Order), courier: "Ann" }, readAt: { version: 4, hash: "h" }, hash: "h" };
    const [order] = run(buildSale({ ...draft, opened }, { method: "CARD", given: null }, context()));
    expect(order?.data).toMatchObject({ orderNumber: "K7-order-1", courier: "Ann", orderStatus: "COMPLETED" });
    expect(order?.readAt).toEqual({ version: 4, hash: "h" });
  });

  test("refund and cancellation are steps that the guard allows", () => {
    const paid = run(buildSale(draft, { method: "CARD", given: null }, context()))[0]?.data as Order;
    const [refunded, back] = run(buildRefund(asRecord(paid), context()));
    expect(guardOrder(paid, refunded?.data as Order)).toBeNull();
    expect(back?.data).toMatchObject({ type: "REFUND", amount: 3.46, paymentMethod: "CARD" });
    const open = run(buildOpenOrder(draft, context()))[0]?.data as Order;
    expect(guardOrder(open, run(buildCancel(asRecord(open)))[0]?.data as Order)).toBeNull();
  });
});
