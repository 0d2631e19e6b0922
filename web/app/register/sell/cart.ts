/** The cart as plain data: lines in, lines out. Amounts come from protocol/pos/totals alone. */
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import type { Product } from "@tillwire/protocol/pos/catalogue";

/** As many of one thing as a line may hold: a slip of the keypad, not a sale, lies beyond. */
export const MAX_QUANTITY = 9_999;

/** What an order keeps of a product: enough to read and reprint it when the catalogue has moved on. */
export function soldProduct(product: Product): OrderItem["product"] {
  const { id, name, sku, barcode, price, categoryId, categoryName, taxRate } = product;
  return { id, name, sku, barcode, price, categoryId, categoryName, taxRate };
}

/**
 * One more of `product`: counted up on the line that already sells it at this price, else on a new line.
 * @param itemId id of the line, should a new one be needed
 */
export function addProduct(items: readonly OrderItem[], product: Product, itemId: string): readonly OrderItem[] {
  const same = items.find(
    (item) => item.product.id === product.id && isPlain(item) && item.product.price === product.price,
  );
  if (same) return setQuantity(items, same.id, same.quantity + 1);
  return [...items, { id: itemId, product: soldProduct(product), quantity: 1, modifiers: [] }];
}

/** A quantity of 0 or less removes the line. */
export function setQuantity(items: readonly OrderItem[], itemId: string, quantity: number): readonly OrderItem[] {
  if (quantity <= 0) return removeLine(items, itemId);
  return items.map((item) => (item.id === itemId ? { ...item, quantity: Math.min(quantity, MAX_QUANTITY) } : item));
}

export function removeLine(items: readonly OrderItem[], itemId: string): readonly OrderItem[] {
  return items.filter((item) => item.id !== itemId);
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

/** Without a discount, modifiers, a variation or a note of its own: another piece may join the line. */
function isPlain(item: OrderItem): boolean {
  return !item.discount && !item.notes && !item.variation && (item.modifiers?.length ?? 0) === 0;
}
