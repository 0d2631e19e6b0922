/**
 * Which part of an order a report's transactions are: an order that was paid in two shifts is in both reports, each with what was paid in
 * it, and what the parts come to adds up to the order, to the cent. Pure; amounts in cents.
 */
import { roundedCents, toCents } from "../money.ts";
import type { Order } from "./orders.ts";
import { refundedCents, refundLineCents } from "./refunds.ts";
import { paidLines, type PaidLine } from "./totals.ts";
import type { Transaction } from "./transactions.ts";

export interface OrderPart {
  readonly lines: readonly PaidLine[];
}
export interface SoldPart extends OrderPart {
  readonly discountCents: number;
  /** It begins the order's payment: of all parts of an order one does. */
  readonly isFirst: boolean;
}

/**
 * What these SALE transactions paid of their order. One that the order does not list as its payment paid nothing of it: the order was paid
 * by others.
 * @param all every SALE of this order that is known, whichever report it belongs to
 */
export function soldPart(order: Order, paid: readonly Transaction[], all: readonly Transaction[]): SoldPart {
  const stretches = order.payments?.length ? listed(order, paid) : unlisted(order, paid, all);
  const whole = paidLines(order);
  const cut = (cents: number): number => stretches.reduce((sum, stretch) => sum + stretchOf(cents, stretch), 0);
  const { items, discount } = order;
  const discounts = items.reduce((sum, item) => sum + toCents(item.discount ?? 0), toCents(discount ?? 0));
  return {
    lines: stretches.length === 0 ? [] : whole.map((line) => cutLine(line, cut)),
    discountCents: cut(discounts),
    isFirst: stretches.some((stretch) => stretch.isFirst),
  };
}

/**
 * What these REFUND transactions gave back of their order's lines. Those that are none of its refunds do not say of which: they took
 * a share of all that was left, and together never more than that.
 */
export function givenBackPart(order: Order, given: readonly Transaction[]): OrderPart {
  const refunds = order.refunds ?? [];
  const named = refunds.filter(({ id }) => given.some((each) => each.id === id));
  const unnamed = given.filter(({ id }) => !refunds.some((refund) => refund.id === id));
  const lines = named.flatMap((refund) =>
    refundLineCents(order, refund).map(({ item, cents, taxCents }) => {
      return { rate: item.product.taxRate ?? 0, grossCents: cents, taxCents };
    }),
  );
  const whole = Math.max(0, toCents(order.total) - refundedCents(order));
  const to = Math.min(whole, sumOf(unnamed));
  if (to <= 0) return { lines };
  return { lines: [...lines, ...linesLeft(order).map((line) => cutLine(line, (cents) => partOf(cents, to, whole)))] };
}

/** From where to where of `whole` something was paid. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly whole: number;
  readonly isFirst: boolean;
}

function listed(order: Order, paid: readonly Transaction[]): Stretch[] {
  const payments = order.payments ?? [];
  const ids = new Set(paid.map(({ id }) => id));
  const amounts = payments.map(({ amount }) => toCents(amount));
  const sum = amounts.reduce((total, cents) => total + cents, 0);
  // What cost nothing is all in its first payment.
  const [parts, whole] = sum > 0 ? [amounts, sum] : [amounts.map((_, index) => (index === 0 ? 1 : 0)), 1];
  let to = 0;
  return payments.flatMap(({ id }, index) => {
    const from = to;
    to += parts[index]!;
    return ids.has(id) ? [{ from, to, whole, isFirst: index === 0 }] : [];
  });
}

/** An order that does not tell how it was paid: by its transactions, one after another, as far as they go. */
function unlisted(order: Order, paid: readonly Transaction[], all: readonly Transaction[]): Stretch[] {
  const ids = new Set(paid.map(({ id }) => id));
  const total = toCents(order.total);
  let to = 0;
  return inOrder(all).flatMap(({ id, amount }, index) => {
    const isFirst = index === 0;
    // What cost nothing is all in its first payment.
    const stretch =
      total > 0 ? { from: to, to: Math.min(total, to + Math.max(0, toCents(amount))), whole: total } : null;
    to = stretch?.to ?? 0;
    if (!ids.has(id)) return [];
    return [{ ...(stretch ?? { from: 0, to: isFirst ? 1 : 0, whole: 1 }), isFirst }];
  });
}

/** As they were made: the same on every device. */
export function inOrder(transactions: readonly Transaction[]): Transaction[] {
  return [...transactions].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

/** The lines without what the order's refunds gave back of them. */
function linesLeft(order: Order): PaidLine[] {
  const left = paidLines(order).map((line) => ({ ...line }));
  for (const refund of order.refunds ?? [])
    for (const { index, cents, taxCents } of refundLineCents(order, refund)) {
      left[index]!.grossCents -= cents;
      left[index]!.taxCents -= taxCents;
    }
  return left;
}

function cutLine({ rate, grossCents, taxCents }: PaidLine, cut: (cents: number) => number): PaidLine {
  return { rate, grossCents: cut(grossCents), taxCents: cut(taxCents) };
}

function stretchOf(cents: number, { from, to, whole }: Stretch): number {
  return partOf(cents, to, whole) - partOf(cents, from, whole);
}

function partOf(cents: number, part: number, whole: number): number {
  return roundedCents(BigInt(cents) * BigInt(part), BigInt(whole));
}

function sumOf(transactions: readonly Transaction[]): number {
  return transactions.reduce((sum, { amount }) => sum + toCents(amount), 0);
}
