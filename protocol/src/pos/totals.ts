/** Totals of an order, in cents: what the register shows, charges and prints is computed here alone. */
import { fromCents, roundedCents, toCents, type Rounding } from "../money.ts";
import type { OrderItem } from "./orders.ts";

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

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
