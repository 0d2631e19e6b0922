/** Totals of an order, in cents: what the register shows, charges and prints is computed here alone. */
import { fromCents, roundCents, toCents } from "../money.ts";
import type { OrderItem } from "./orders.ts";

export type TaxMode = "inclusive" | "exclusive";

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
 * Tax is rounded per line, half away from zero.
 */
export function orderTotals(items: readonly OrderItem[], orderDiscount: number, mode: TaxMode): OrderTotals {
  const lines = items.map(lineCents);
  const subtotalCents = lines.reduce((sum, cents) => sum + cents, 0);
  const discountCents = toCents(orderDiscount);
  const share = subtotalCents === 0 ? 0 : discountCents / subtotalCents;
  let taxCents = 0;
  items.forEach((item, index) => {
    const rate = item.product.taxRate ?? 0;
    const taxed = lines[index]! * (1 - share);
    taxCents += roundCents(mode === "exclusive" ? taxed * rate : taxed - taxed / (1 + rate));
  });
  const totalCents = subtotalCents - discountCents + (mode === "exclusive" ? taxCents : 0);
  return {
    subtotal: fromCents(subtotalCents),
    tax: fromCents(taxCents),
    discount: fromCents(discountCents),
    total: fromCents(totalCents),
  };
}
