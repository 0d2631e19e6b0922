/** What is in a cart: what a reload brings back, what opening an order makes of it, and what a save leaves in it. Pure. */
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import { itemsBeyond, withOwnIds } from "./cart.ts";
import { discountOf } from "./discount.ts";
import type { PaymentPart } from "./payment.ts";
import { EMPTY_DRAFT, type Draft } from "./sale.ts";

/** What a reload, or an undone "clear", brings back. */
export interface CartContent extends Draft {
  /** Money that was taken for it already. */
  readonly parts: readonly PaymentPart[];
  /** On top of the total. */
  readonly tip: number;
}
export const EMPTY_CART: CartContent = { ...EMPTY_DRAFT, parts: [], tip: 0 };

export function isEmpty({ items, parts, notes, customerName, opened }: Omit<CartContent, "saleId">): boolean {
  return items.length === 0 && parts.length === 0 && !notes && !customerName && !opened;
}

/** The cart with this order in it. Money belongs to the sale that it was taken for: it stays only where the cart held this one already. */
export function withOpened(record: ReplicaRecord<Order>, before: CartContent): CartContent {
  const { localId, data, readAt, hash } = record;
  const isSame = (before.opened?.localId ?? before.saleId) === localId;
  const { parts, tip, saleId } = isSame ? before : EMPTY_CART;
  return {
    items: withOwnIds(data.items),
    notes: data.notes ?? "",
    discount: discountOf(data),
    customerName: data.customerName ?? "",
    opened: { localId, data, readAt, hash },
    // of an order that exists by its sale's id, the money must have another
    ...{ parts, tip, saleId: saleId === localId ? null : saleId },
  };
}

/** What stays in the cart once `saved` is durable: what was rung up while that was under way. */
export function afterSave(now: CartContent, saved: CartContent): CartContent {
  // emptied meanwhile, or another order was taken into it
  if (now.saleId !== saved.saleId) return now;
  return { ...EMPTY_CART, items: itemsBeyond(now.items, saved.items) };
}

type Memory = { write(text: string | null): void };

/** @returns false: there was no room, and what was remembered before still stands */
export function remember(memory: Memory, content: CartContent): boolean {
  try {
    memory.write(isEmpty(content) ? null : JSON.stringify(content));
    return true;
  } catch {
    return false;
  }
}

/** What an earlier run remembered, that of another build too; nothing where it can't be read. */
export function contentIn(remembered: string): Partial<CartContent> {
  try {
    const content = JSON.parse(remembered) as CartContent;
    const { opened } = content;
    // builds before knew an opened order by its data alone
    return opened ? { ...content, opened: { ...opened, localId: opened.localId ?? opened.data.id } } : content;
  } catch {
    return {};
  }
}
