/** The cart as customers may see it. Pure. */
import { fromCents } from "@tillwire/protocol/money";
import type { MirroredCart } from "@tillwire/protocol/pos/carts";
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import { detailsOf } from "@tillwire/protocol/pos/ticket-of-order";
import { lineCents, type OrderTotals } from "@tillwire/protocol/pos/totals";

/** What a customer display shows; who writes it and when is added as it is written. */
export type CartContent = Pick<
  MirroredCart,
  "state" | "lines" | "subtotal" | "tax" | "discount" | "tip" | "total" | "change"
>;

export interface CartOnScreen {
  readonly items: readonly OrderItem[];
  /** null while they are not known: then there is nothing to show yet. */
  readonly totals: OrderTotals | null;
  readonly tip: number;
  readonly paying: boolean;
  /** The sale that was just paid, if that is still to be seen. */
  readonly paid: PaidSale | null;
}
export interface PaidSale {
  readonly items: readonly OrderItem[];
  readonly totals: OrderTotals;
  readonly tip: number;
  readonly change: number;
}

export const IDLE: CartContent = { state: "idle", lines: [], subtotal: 0, tax: 0, discount: 0, total: 0 };

export function mirroredCart({ items, totals, tip, paying, paid }: CartOnScreen): CartContent {
  if (items.length > 0 && totals) return contentOf(paying ? "paying" : "selling", items, totals, tip);
  if (paid) return { ...contentOf("paid", paid.items, paid.totals, paid.tip), change: paid.change };
  return IDLE;
}

function contentOf(
  state: CartContent["state"],
  items: readonly OrderItem[],
  { subtotal, tax, discount, total }: OrderTotals,
  tip: number,
): CartContent {
  const lines = items.map((item) => ({
    id: item.id,
    name: item.product.name,
    quantity: item.quantity,
    amount: fromCents(lineCents(item)),
    details: detailsOf(item),
  }));
  return { state, lines, subtotal, tax, discount, ...(tip > 0 && { tip }), total };
}
