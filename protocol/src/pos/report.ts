/** X and Z reports: what a drawer's, or a day's, transactions come to. Pure; amounts in cents. */
import { toCents } from "../money.ts";
import type { PaymentMethod } from "./fields.ts";
import type { Order } from "./orders.ts";
import { refundLineCents, type Refund } from "./refunds.ts";
import { paidLines } from "./totals.ts";
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
  /** Orders sold, not parts of payments. */
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

/**
 * @param transactions those of the shift or the day; only COMPLETED ones count
 * @param orderOf null for an order that is not here (yet): its taxes and discounts are missing then
 * @param floatCents in the drawer at the beginning
 */
export function reportOf(
  transactions: readonly Transaction[],
  orderOf: (orderId: string) => Order | null,
  floatCents = 0,
): Report {
  const completed = transactions.filter(({ status }) => status === "COMPLETED");
  const of = (type: Transaction["type"]): Transaction[] => completed.filter((each) => each.type === type);
  const [sold, refunded, cashIn, cashOut] = [of("SALE"), of("REFUND"), of("CASH_IN"), of("CASH_OUT")];
  const orders = ordersOf(sold, orderOf);
  const methods = methodSums(sold, refunded);
  const cash = methods.find(({ method }) => method === "CASH")?.cents ?? 0;
  const [cashInCents, cashOutCents] = [sumOf(cashIn), sumOf(cashOut)];
  return {
    sales: new Set(sold.map(({ orderId, id }) => orderId ?? id)).size,
    salesCents: sumOf(sold),
    refunds: refunded.length,
    refundsCents: sumOf(refunded),
    tipsCents: sold.reduce((sum, { tip }) => sum + toCents(tip ?? 0), 0),
    cashInCents,
    cashOutCents,
    discountsCents: orders.reduce((sum, order) => sum + discountCents(order), 0),
    expectedCashCents: floatCents + cash + cashInCents - cashOutCents,
    methods,
    taxes: taxSums(orders, refundsOf(refunded, orderOf)),
  };
}

/** What one order contains of each tax rate, or one of its refunds. Both as positive amounts. */
export function taxesOf(order: Order, refund: Refund | null): TaxSum[] {
  if (!refund) return taxSums([order], []);
  return taxSums([], [{ order, refund }]).map(({ rate, grossCents, taxCents }) => {
    return { rate, grossCents: 0 - grossCents, taxCents: 0 - taxCents };
  });
}

function sumOf(transactions: readonly Transaction[]): number {
  return transactions.reduce((sum, { amount }) => sum + toCents(amount), 0);
}

function ordersOf(sold: readonly Transaction[], orderOf: (orderId: string) => Order | null): Order[] {
  const ids = new Set(sold.flatMap(({ orderId }) => orderId ?? []));
  return [...ids].flatMap((id) => orderOf(id) ?? []);
}

function refundsOf(
  refunded: readonly Transaction[],
  orderOf: (orderId: string) => Order | null,
): { order: Order; refund: Refund | null }[] {
  return refunded.flatMap(({ id, orderId }) => {
    const order = orderId ? orderOf(orderId) : null;
    // One that does not name its lines gave the whole order back.
    return order ? [{ order, refund: order.refunds?.find((each) => each.id === id) ?? null }] : [];
  });
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

function discountCents({ items, discount }: Order): number {
  return items.reduce((sum, item) => sum + toCents(item.discount ?? 0), toCents(discount ?? 0));
}

function taxSums(orders: readonly Order[], refunds: readonly { order: Order; refund: Refund | null }[]): TaxSum[] {
  const sums = new Map<number, { grossCents: number; taxCents: number }>();
  const add = (rate: number, grossCents: number, taxCents: number): void => {
    const before = sums.get(rate) ?? { grossCents: 0, taxCents: 0 };
    sums.set(rate, { grossCents: before.grossCents + grossCents, taxCents: before.taxCents + taxCents });
  };
  for (const order of orders) for (const line of paidLines(order)) add(line.rate, line.grossCents, line.taxCents);
  for (const { order, refund } of refunds) {
    if (!refund) for (const line of paidLines(order)) add(line.rate, -line.grossCents, -line.taxCents);
    else
      for (const { item, cents, taxCents } of refundLineCents(order, refund))
        add(item.product.taxRate ?? 0, -cents, -taxCents);
  }
  return [...sums].map(([rate, sum]) => ({ rate, ...sum })).sort((a, b) => a.rate - b.rate);
}
