/** X and Z reports: what a drawer's, or a day's, transactions come to. Pure; amounts in cents. */
import { toCents } from "../money.ts";
import type { PaymentMethod } from "./fields.ts";
import type { Order } from "./orders.ts";
import { givenBackPart, inOrder, soldPart, type OrderPart } from "./order-parts.ts";
import { refundLineCents, type Refund } from "./refunds.ts";
import { paidLines, type PaidLine } from "./totals.ts";
import type { Transaction } from "./transactions.ts";

export interface MethodSum {
  readonly method: PaymentMethod;
  readonly count: number;
  /** Sales with their tips, minus refunds. */
  readonly cents: number;
}

export interface TaxSum {
  /** A fraction: 0.08 is 8 %. */
  readonly rate: number;
  readonly grossCents: number;
  readonly taxCents: number;
}

export interface Report {
  /** Orders sold, not parts of payments; one that was paid in parts belongs to its first. */
  readonly sales: number;
  readonly salesCents: number;
  readonly refunds: number;
  readonly refundsCents: number;
  readonly tipsCents: number;
  readonly cashInCents: number;
  readonly cashOutCents: number;
  readonly discountsCents: number;
  /** What should lie in the drawer. */
  readonly expectedCashCents: number;
  readonly methods: readonly MethodSum[];
  /** Ascending by rate. Refunds are taken off. */
  readonly taxes: readonly TaxSum[];
}

/** What is known of an order beyond the report's own transactions. */
export interface OrderSource {
  /** null for an order that is not here (yet): its taxes and discounts are missing then. */
  orderOf(orderId: string): Order | null;
  /** Its COMPLETED sales, of all shifts and days: an order that was paid in two of them is sold in the first. */
  salesOf(orderId: string): readonly Transaction[];
}

/** @param transactions all that are here */
export function orderSource(transactions: readonly Transaction[], orderOf: OrderSource["orderOf"]): OrderSource {
  const byOrder = new Map<string, Transaction[]>();
  for (const each of transactions) {
    if (each.type !== "SALE" || each.status !== "COMPLETED" || !each.orderId) continue;
    const known = byOrder.get(each.orderId);
    if (known) known.push(each);
    else byOrder.set(each.orderId, [each]);
  }
  return { orderOf, salesOf: (orderId) => byOrder.get(orderId) ?? [] };
}

/**
 * @param transactions those of the shift or the day; only COMPLETED ones count
 * @param floatCents in the drawer at the beginning
 */
export function reportOf(transactions: readonly Transaction[], source: OrderSource, floatCents = 0): Report {
  const { orderOf, salesOf } = source;
  const completed = transactions.filter(({ status }) => status === "COMPLETED");
  const of = (type: Transaction["type"]): Transaction[] => completed.filter((each) => each.type === type);
  const [sold, refunded, cashIn, cashOut] = [of("SALE"), of("REFUND"), of("CASH_IN"), of("CASH_OUT")];
  const parts = ordersOf(sold, orderOf).map(([order, paid, id]) => soldPart(order, paid, salesOf(id)));
  const returned = ordersOf(refunded, orderOf).map(([order, given]) => givenBackPart(order, given));
  const notHere = sold.filter(({ orderId }) => !orderId || !orderOf(orderId));
  const methods = methodSums(sold, refunded);
  const cash = methods.find(({ method }) => method === "CASH")?.cents ?? 0;
  const [cashInCents, cashOutCents] = [sumOf(cashIn), sumOf(cashOut)];
  return {
    sales: parts.filter(({ isFirst }) => isFirst).length + notHere.filter((each) => isFirstSale(each, salesOf)).length,
    salesCents: sumOf(sold),
    refunds: refunded.length,
    refundsCents: sumOf(refunded),
    tipsCents: sold.reduce((sum, { tip }) => sum + toCents(tip ?? 0), 0),
    cashInCents,
    cashOutCents,
    discountsCents: parts.reduce((sum, part) => sum + part.discountCents, 0),
    expectedCashCents: floatCents + cash + cashInCents - cashOutCents,
    methods,
    taxes: taxSums(linesOf(parts), linesOf(returned)),
  };
}

/** What one order contains of each tax rate, or one of its refunds. Both as positive amounts. */
export function taxesOf(order: Order, refund: Refund | null): TaxSum[] {
  if (!refund) return taxSums(paidLines(order), []);
  const lines = refundLineCents(order, refund).map(({ item, cents, taxCents }) => {
    return { rate: item.product.taxRate ?? 0, grossCents: cents, taxCents };
  });
  return taxSums(lines, []);
}

function sumOf(transactions: readonly Transaction[]): number {
  return transactions.reduce((sum, { amount }) => sum + toCents(amount), 0);
}

/** Nothing but its payments is known of the order: the first of them counts it. */
function isFirstSale({ id, orderId }: Transaction, salesOf: OrderSource["salesOf"]): boolean {
  return !orderId || inOrder(salesOf(orderId))[0]?.id === id;
}

/** Each order that is here, with its transactions among these. */
function ordersOf(
  transactions: readonly Transaction[],
  orderOf: OrderSource["orderOf"],
): [order: Order, transactions: Transaction[], orderId: string][] {
  const byOrder = new Map<string, [Order, Transaction[], string]>();
  for (const transaction of transactions) {
    const { orderId } = transaction;
    const known = orderId && byOrder.get(orderId);
    const order = orderId && orderOf(orderId);
    if (known) known[1].push(transaction);
    else if (order) byOrder.set(orderId, [order, [transaction], orderId]);
  }
  return [...byOrder.values()];
}

function linesOf(parts: readonly OrderPart[]): PaidLine[] {
  return parts.flatMap(({ lines }) => lines);
}

function methodSums(sold: readonly Transaction[], refunded: readonly Transaction[]): MethodSum[] {
  const sums = new Map<PaymentMethod, { count: number; cents: number }>();
  const add = ({ paymentMethod }: Transaction, cents: number): void => {
    const { count, cents: before } = sums.get(paymentMethod) ?? { count: 0, cents: 0 };
    sums.set(paymentMethod, { count: count + 1, cents: before + cents });
  };
  for (const each of sold) add(each, toCents(each.amount) + toCents(each.tip ?? 0));
  for (const each of refunded) add(each, -toCents(each.amount));
  return [...sums].map(([method, sum]) => ({ method, ...sum }));
}

function taxSums(sold: readonly PaidLine[], returned: readonly PaidLine[]): TaxSum[] {
  const sums = new Map<number, { grossCents: number; taxCents: number }>();
  const add = ({ rate, grossCents, taxCents }: PaidLine, sign: 1 | -1): void => {
    const before = sums.get(rate) ?? { grossCents: 0, taxCents: 0 };
    sums.set(rate, { grossCents: before.grossCents + sign * grossCents, taxCents: before.taxCents + sign * taxCents });
  };
  for (const line of sold) add(line, 1);
  for (const line of returned) add(line, -1);
  return [...sums].map(([rate, sum]) => ({ rate, ...sum })).sort((a, b) => a.rate - b.rate);
}
