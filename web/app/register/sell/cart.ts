/** The cart as plain data: lines in, lines out. Amounts come from protocol/pos/totals alone. */
import { canonicalJson } from "@tillwire/protocol/hash";
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import { lineIds } from "@tillwire/protocol/pos/line-ids";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import { discountOf, withDiscount } from "./discount.ts";
import { soldAs, type Choice } from "./options.ts";

/** As many of one thing as a line may hold: a slip of the keypad, not a sale, lies beyond. */
export const MAX_QUANTITY = 9_999;
const NOTHING_CHOSEN: Choice = { variationId: null, optionIds: {} };

/** What an order keeps of a product: enough to read and reprint it when the catalogue has moved on. */
export function soldProduct(product: Product): OrderItem["product"] {
  const { id, name, sku, barcode, price, categoryId, categoryName, taxRate } = product;
  return { id, name, sku, barcode, price, categoryId, categoryName, taxRate };
}

/** One piece of a product as it was chosen. */
export function newItem(product: Product, itemId: string, choice = NOTHING_CHOSEN): OrderItem {
  const { price, ...sold } = soldAs(product, choice);
  return { id: itemId, product: { ...soldProduct(product), price }, quantity: 1, ...sold };
}

/**
 * One more of `product`: counted up on the line that already sells exactly this at this price, else on a new line.
 * @param itemId id of the line, should a new one be needed
 */
export function addProduct(
  items: readonly OrderItem[],
  product: Product,
  itemId: string,
  choice?: Choice,
): readonly OrderItem[] {
  return addItem(items, newItem(product, itemId, choice));
}

/** As `addProduct`, for a line that was put together already. */
export function addItem(items: readonly OrderItem[], item: OrderItem): readonly OrderItem[] {
  const same = items.find((each) => isSameThing(each, item));
  if (same) return setQuantity(items, same.id, same.quantity + item.quantity);
  return [...items, item];
}

/** A quantity of 0 or less removes the line; a discount in per cent follows, one in money stays below what the line costs. */
export function setQuantity(items: readonly OrderItem[], itemId: string, quantity: number): readonly OrderItem[] {
  if (quantity <= 0) return removeLine(items, itemId);
  return items.map((item) => {
    if (item.id !== itemId) return item;
    const changed = { ...item, quantity: Math.min(quantity, MAX_QUANTITY) };
    const discount = discountOf(item);
    return discount ? withDiscount(changed, discount) : changed;
  });
}

/** The line as it was edited, in its old place. */
export function replaceItem(items: readonly OrderItem[], edited: OrderItem): readonly OrderItem[] {
  return items.map((item) => (item.id === edited.id ? edited : item));
}

export function removeLine(items: readonly OrderItem[], itemId: string): readonly OrderItem[] {
  return items.filter((item) => item.id !== itemId);
}

/** Lines that can be told apart: each with an id of its own. */
export function withOwnIds(items: readonly OrderItem[]): readonly OrderItem[] {
  const ids = lineIds(items);
  return items.map((item, index) => (item.id === ids[index] ? item : { ...item, id: ids[index]! }));
}

export function countItems(items: readonly OrderItem[]): number {
  return items.reduce((sum, item) => sum + item.quantity, 0);
}

/** How many of each product, by its id. */
export function quantitiesOf(items: readonly OrderItem[]): ReadonlyMap<string, number> {
  const quantities = new Map<string, number>();
  for (const { product, quantity } of items) quantities.set(product.id, (quantities.get(product.id) ?? 0) + quantity);
  return quantities;
}

/** Another piece may join the line: the same product at the same price, sold as the same, with the same note and without a discount. */
function isSameThing(a: OrderItem, b: OrderItem): boolean {
  if (a.discount || b.discount) return false;
  const thing = ({ product, variation, modifiers, notes }: OrderItem) =>
    canonicalJson([product.id, product.price, variation ?? null, modifiers ?? [], notes || null]);
  return a.product.id === b.product.id && thing(a) === thing(b);
}

/** What `items` hold that `saved` does not: lines that were added, and what was counted up. */
export function itemsBeyond(items: readonly OrderItem[], saved: readonly OrderItem[]): readonly OrderItem[] {
  return items.flatMap((item) => {
    const quantity = item.quantity - (saved.find(({ id }) => id === item.id)?.quantity ?? 0);
    return quantity > 0 ? [{ ...item, quantity }] : [];
  });
}
