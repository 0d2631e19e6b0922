import { describe, expect, test } from "vitest";
import type { OrderItem } from "@tillwire/protocol/pos/orders";
import {
  addProduct,
  countItems,
  MAX_QUANTITY,
  newItem,
  quantitiesOf,
  removeLine,
  setQuantity,
  withOwnIds,
} from "./cart.ts";
import { withDiscount } from "./discount.ts";

const coffee = { id: "p1", name: "Coffee", price: 3.2, taxRate: 0.08, stock: 12 };
const latte = {
  ...{ id: "p3", name: "Latte", price: 4 },
  variations: [
    { id: "s", name: "Small", price: 3.6 },
    { id: "l", name: "Large", price: 4.6 },
  ],
  modifierGroups: [
    {
      id: "milk",
      name: "Milk",
      min: 1,
      max: 1,
      options: [
        { id: "cow", name: "Cow" },
        { id: "oat", name: "Oat", price: 0.5 },
      ],
    },
  ],
};
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

  test("two equal configurations count up, different ones are lines of their own", () => {
    const large = { variationId: "l", optionIds: { milk: ["oat"] } };
    let items = addProduct([], latte, "a", large);
    items = addProduct(items, latte, "b", { ...large });
    items = addProduct(items, latte, "c", { ...large, variationId: "s" });
    items = addProduct(items, latte, "d", { ...large, optionIds: { milk: ["cow"] } });
    expect(items.map(({ id, quantity }) => [id, quantity])).toEqual([
      ["a", 2],
      ["c", 1],
      ["d", 1],
    ]);
    expect(items[0]).toMatchObject({
      product: { name: "Latte", price: 4.6 },
      variation: { id: "l", name: "Large" },
      modifiers: [{ groupId: "milk", id: "oat", name: "Oat", price: 0.5 }],
    });
    expect(quantitiesOf(items).get("p3")).toBe(4);
  });

  test("a discounted line is left alone, and its discount follows the quantity", () => {
    const percent = [withDiscount(newItem(coffee, "a"), { kind: "percent", value: 25 })];
    expect(addProduct(percent, coffee, "b")).toHaveLength(2);
    expect(setQuantity(percent, "a", 3)[0]).toMatchObject({ discount: 2.4, discountPercent: 25 });
    const amount = [withDiscount(newItem(coffee, "a"), { kind: "amount", value: 3 })];
    expect(setQuantity(amount, "a", 3)[0]).toMatchObject({ discount: 3 });
  });

  test("pieces are counted over lines", () => {
    const items = setQuantity(addProduct(addProduct([], coffee, "a"), tea, "b"), "a", 3);
    expect(countItems(items)).toBe(4);
    expect(quantitiesOf(items).get("p1")).toBe(3);
  });

  test("two lines that bear one id get ids of their own, so that each is edited alone", () => {
    const items = [newItem(coffee, "a"), newItem(tea, "a")];
    expect(withOwnIds(items).map(({ id }) => id)).toEqual(["a", "a#2"]);
    expect(setQuantity(withOwnIds(items), "a#2", 5).map(({ quantity }) => quantity)).toEqual([1, 5]);
    const apart = [newItem(coffee, "a"), newItem(tea, "b")];
    expect(withOwnIds(apart)[0]).toBe(apart[0]);
  });
});
