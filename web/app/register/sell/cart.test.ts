import { describe, expect, test } from "vitest";
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import { addProduct, countItems, MAX_QUANTITY, quantitiesOf, removeLine, setQuantity } from "./cart.ts";

const coffee = { id: "p1", name: "Coffee", price: 3.2, taxRate: 0.08, stock: 12 };
const tea = { id: "p2", name: "Tea", price: 2.8 };

describe("cart", () => {
  test("a product tapped twice is one line of two", () => {
    const items = addProduct(addProduct([], coffee, "a"), coffee, "b");
    expect(items.map(({ id, quantity }) => ({ id, quantity }))).toEqual([{ id: "a", quantity: 2 }]);
  });

  test("a line with a note of its own is left alone", () => {
    const noted: OrderItem[] = [{ id: "a", product: coffee, quantity: 1, modifiers: [], notes: "no milk" }];
    expect(addProduct(noted, coffee, "b").map((item) => item.id)).toEqual(["a", "b"]);
  });

  test("a price that changed since starts a line of its own", () => {
    const items = addProduct(addProduct([], coffee, "a"), { ...coffee, price: 3.5 }, "b");
    expect(items.map((item) => item.product.price)).toEqual([3.2, 3.5]);
  });

  test("a line keeps what a receipt needs of the product and nothing else", () => {
    expect(addProduct([], coffee, "a")[0]?.product).not.toHaveProperty("stock");
  });

  test("a quantity of zero removes the line, and none grows without end", () => {
    const items = addProduct(addProduct([], coffee, "a"), tea, "b");
    expect(setQuantity(items, "a", 0).map((item) => item.id)).toEqual(["b"]);
    expect(setQuantity(items, "a", 123_456)[0]?.quantity).toBe(MAX_QUANTITY);
    expect(removeLine(items, "b").map((item) => item.id)).toEqual(["a"]);
  });

  test("pieces are counted over lines", () => {
    const items = setQuantity(addProduct(addProduct([], coffee, "a"), tea, "b"), "a", 3);
    expect(countItems(items)).toBe(4);
    expect(quantitiesOf(items).get("p1")).toBe(3);
  });
});
