/** What a sale, a tab, a refund or a cancellation writes: pure, as intents for `replica.batch`. */
import type { NumberSource, ReplicaRecord, WriteIntent } from "@tillwire/client/api";
import type { Base } from "@tillwire/protocol/messages";
import type { PaymentMethod } from "@tillwire/protocol/pos/fields";
import { orders, type Order, type OrderItem } from "@tillwire/protocol/pos/orders";
import { orderTotals, type TaxMode } from "@tillwire/protocol/pos/totals";
import { transactions, type Transaction } from "@tillwire/protocol/pos/transactions";

/** An order of the feed that was opened for editing, and where its value stood then. */
export interface OpenedOrder {
  readonly data: Order;
  readonly readAt: Base;
  readonly hash: string;
}
export interface Draft {
  readonly items: readonly OrderItem[];
  readonly notes: string;
  readonly opened: OpenedOrder | null;
}
export interface Payment {
  readonly method: PaymentMethod;
  /** Cash handed over; null: exactly the total. */
  readonly given: number | null;
}
/** Who and when, settled before the batch: `build` of a batch may run twice and must say the same each time. */
export interface SaleContext {
  readonly now: number;
  readonly newId: () => string;
  readonly userId: string;
  readonly userName: string;
  readonly taxMode: TaxMode;
}

export type Build = (numbers: NumberSource) => readonly WriteIntent[];

/** Order and SALE transaction together. */
export function buildSale(draft: Draft, payment: Payment, context: SaleContext): Build {
  const orderId = draft.opened?.data.id ?? context.newId();
  const transactionId = context.newId();
  return (numbers) => {
    const order: Order = {
      ...draftOrder(draft, orderId, numbers, context),
      paymentMethod: payment.method,
      paymentStatus: "PAID",
      orderStatus: "COMPLETED",
      completedAt: context.now,
    };
    return [
      putOrder(order, draft.opened?.readAt),
      putTransaction("SALE", order, payment, transactionId, numbers, context),
    ];
  };
}

/** An open order that any register can pick up. How it will be paid is not known yet. */
export function buildOpenOrder(draft: Draft, context: SaleContext): Build {
  const orderId = draft.opened?.data.id ?? context.newId();
  return (numbers) => [putOrder(draftOrder(draft, orderId, numbers, context), draft.opened?.readAt)];
}

/** Gives the whole order back, by the method that it was paid with. */
export function buildRefund(record: ReplicaRecord<Order>, context: SaleContext): Build {
  const transactionId = context.newId();
  const order: Order = { ...record.data, orderStatus: "REFUNDED", paymentStatus: "REFUNDED" };
  const payment: Payment = { method: order.paymentMethod, given: null };
  return (numbers) => [
    putOrder(order, record.readAt),
    putTransaction("REFUND", order, payment, transactionId, numbers, context),
  ];
}

export function buildCancel(record: ReplicaRecord<Order>): Build {
  return () => [putOrder({ ...record.data, orderStatus: "CANCELLED" }, record.readAt)];
}

function draftOrder(draft: Draft, id: string, numbers: NumberSource, context: SaleContext): Order {
  const before = draft.opened?.data;
  const totals = orderTotals(draft.items, before?.discount ?? 0, context.taxMode);
  return {
    paymentMethod: "OTHER",
    paymentStatus: "PENDING",
    orderStatus: "PENDING",
    createdAt: context.now,
    ...before, // members that this build does not know are kept
    id,
    orderNumber: before?.orderNumber ?? numbers.next("order"),
    items: [...draft.items],
    ...totals,
    notes: draft.notes.trim() || null,
  };
}

function putOrder(data: Order, readAt: Base | undefined): WriteIntent {
  return { op: "put", collection: orders.name, data, ...(readAt && { readAt }) };
}

function putTransaction(
  type: "SALE" | "REFUND",
  order: Order,
  payment: Payment,
  id: string,
  numbers: NumberSource,
  context: SaleContext,
): WriteIntent {
  const data: Transaction = {
    id,
    referenceNumber: numbers.next("transaction"),
    orderId: order.id,
    orderNumber: order.orderNumber,
    type,
    amount: order.total,
    paymentMethod: payment.method,
    status: "COMPLETED",
    userId: context.userId,
    userName: context.userName,
    createdAt: context.now,
    completedAt: context.now,
    ...(payment.given !== null && { given: payment.given }),
  };
  return { op: "put", collection: transactions.name, data };
}
