/** Discounts of lines and orders: an amount, or a part of a hundred that follows what it is taken off. */
import { fromCents, roundedCents, toCents } from "@tillwire/protocol/money";
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import { lineCents } from "@tillwire/protocol/pos/totals";

/** `value` as on the wire: an amount, or 12.5 for 12.5 %. */
export interface Discount {
  readonly kind: "amount" | "percent";
  readonly value: number;
}

/** Per cent are taken to two decimals. */
const PERCENT_UNITS = 100;

/** What a discount takes off `wholeCents`: never more than all of it. */
export function discountCents(discount: Discount | null, wholeCents: number): number {
  if (!discount || wholeCents <= 0) return 0;
  const cents =
    discount.kind === "amount"
      ? toCents(discount.value)
      : roundedCents(
          BigInt(wholeCents) * BigInt(Math.round(discount.value * PERCENT_UNITS)),
          BigInt(100 * PERCENT_UNITS),
        );
  return Math.max(0, Math.min(cents, wholeCents));
}

/** Price, variation and modifiers times the quantity, before the line's discount. */
export function undiscountedCents(item: OrderItem): number {
  return lineCents({ ...item, discount: 0 });
}

export function discountOf(of: Pick<OrderItem, "discount" | "discountPercent">): Discount | null {
  if (of.discountPercent) return { kind: "percent", value: of.discountPercent };
  return of.discount ? { kind: "amount", value: of.discount } : null;
}

/** The line with this discount, which is worth nothing more than the line; null takes it away. */
export function withDiscount(item: OrderItem, discount: Discount | null): OrderItem {
  const { discount: _amount, discountPercent: _percent, ...plain } = item;
  if (!discount || discount.value === 0) return plain;
  const amount = fromCents(discountCents(discount, undiscountedCents(item)));
  const percent = discount.kind === "percent" && { discountPercent: Math.min(discount.value, 100) };
  return { ...(plain as OrderItem), discount: amount, ...percent };
}
