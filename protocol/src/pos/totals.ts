/** Totals of an order, in cents: what the register shows, charges and prints is computed here alone. */
import { fromCents, roundedCents, toCents, type Rounding } from "../money.ts";
import type { Order, OrderItem } from "./orders.ts";

export const TAX_MODES = ["inclusive", "exclusive"] as const;
/** Whether prices contain the tax or it comes on top. */
export type TaxMode = (typeof TAX_MODES)[number];
/** Tax rates are taken to six decimals: 0.08375 is exact. */
export const RATE_UNITS = 1_000_000;
export function rateUnits(item: OrderItem): number {
  return Math.round((item.product.taxRate ?? 0) * RATE_UNITS);
}

export interface OrderTotals {
  /** Sum of the lines after line discounts; contains the tax in mode `inclusive`. All amounts as on the wire. */
  readonly subtotal: number;
  readonly tax: number;
  readonly discount: number;
  readonly total: number;
}

/** One line: (price + modifiers) x quantity - line discount, in cents. */
export function lineCents(item: OrderItem): number {
  let unitCents = toCents(item.product.price);
  for (const modifier of item.modifiers ?? []) unitCents += toCents(modifier.price ?? 0) * (modifier.quantity ?? 1);
  return unitCents * item.quantity - toCents(item.discount ?? 0);
}

/**
 * @param orderDiscount amount off the whole order; lowers the taxed amounts in proportion
 * @param rounding of each line's tax; the shop declares it
 */
export function orderTotals(
  items: readonly OrderItem[],
  orderDiscount: number,
  mode: TaxMode,
  rounding: Rounding = "HALF_UP",
): OrderTotals {
  const lines = items.map(lineCents);
  const subtotalCents = sum(lines);
  const discountCents = toCents(orderDiscount);
  const taxCents = sum(lineTaxes(items, lines, discountCents, mode, rounding));
  const totalCents = subtotalCents - discountCents + (mode === "exclusive" ? taxCents : 0);
  return {
    subtotal: fromCents(subtotalCents),
    tax: fromCents(taxCents),
    discount: fromCents(discountCents),
    total: fromCents(totalCents),
  };
}

/** The tax of each line, in cents: exact, then rounded once. */
export function lineTaxes(
  items: readonly OrderItem[],
  lines: readonly number[],
  discountCents: number,
  mode: TaxMode,
  rounding: Rounding,
): number[] {
  const subtotalCents = sum(lines);
  return items.map((item, index) => {
    const rate = BigInt(rateUnits(item));
    if (rate === 0n) return 0;
    // The line without its part of the discount is lineCents * kept / whole.
    const [kept, whole] = subtotalCents > 0 ? [subtotalCents - discountCents, subtotalCents] : [1, 1];
    const taxed = BigInt(lines[index]!) * BigInt(kept) * rate;
    const units = BigInt(RATE_UNITS) + (mode === "inclusive" ? rate : 0n);
    return roundedCents(taxed, BigInt(whole) * units, rounding);
  });
}

/** An order that does not tell whether its prices contain the tax shows it by its sums, unless there is no tax in them. */
export function taxModeOf({ subtotal, tax, discount, total, taxMode }: Order): TaxMode | null {
  if (taxMode) return taxMode;
  if (toCents(tax) === 0) return null;
  return toCents(total) === toCents(subtotal) - toCents(discount ?? 0) ? "inclusive" : "exclusive";
}

export interface PaidLine {
  /** A fraction: 0.08 is 8 %. */
  readonly rate: number;
  readonly grossCents: number;
  readonly taxCents: number;
}

/** Each line of an order with its part of the discount taken off and its tax contained. */
export function paidLines(order: Order): PaidLine[] {
  const mode = taxModeOf(order) ?? "exclusive";
  const lines = order.items.map(lineCents);
  const taxes = lineTaxes(order.items, lines, toCents(order.discount ?? 0), mode, order.taxRounding ?? "HALF_UP");
  const whole = lines.reduce((sum, cents) => sum + cents, 0);
  const kept = whole - toCents(order.discount ?? 0);
  let [before, given] = [0, 0];
  return order.items.map((item, index) => {
    before += lines[index]!;
    // rounded on the running sum, so that the lines add up
    const net = (whole > 0 ? roundedCents(BigInt(before) * BigInt(kept), BigInt(whole)) : before) - given;
    given += net;
    const taxCents = taxes[index]!;
    return { rate: item.product.taxRate ?? 0, grossCents: net + (mode === "exclusive" ? taxCents : 0), taxCents };
  });
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
