import { describe, expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import { addProduct, setQuantity } from "./cart.ts";
import { afterSave, contentIn, EMPTY_CART, isEmpty, remember, withOpened, type CartContent } from "./cart-content.ts";

const opened = { localId: "o1", data: { id: "o1" }, hash: "h" } as unknown as NonNullable<CartContent["opened"]>;
const parts = [{ method: "CASH" as const, amount: 5, given: 10 }];
const coffee = { id: "p1", name: "Coffee", price: 3.2 };
const tea = { id: "p2", name: "Tea", price: 2.5 };
const items = addProduct([], coffee, "line-1");
const order = (localId: string) =>
  ({
    localId,
    hash: "h",
    readAt: { version: 1, hash: "h" },
    data: { id: localId, items },
  }) as unknown as ReplicaRecord<Order>;

/** What the tab holds afterwards. */
function remembered(content: CartContent): string | null {
  let held: string | null = "before";
  expect(remember({ write: (text) => (held = text) }, content)).toBe(true);
  return held;
}

describe("what a reload brings back", () => {
  test("a cart comes back as it was; an empty one leaves nothing behind", () => {
    expect(remembered(EMPTY_CART)).toBeNull();
    for (const content of [
      { ...EMPTY_CART, notes: "for Ann" },
      { ...EMPTY_CART, customerName: "Ann" },
      { ...EMPTY_CART, opened },
      { ...EMPTY_CART, parts },
      { ...EMPTY_CART, items, saleId: "s1" },
    ]) {
      expect(isEmpty(content)).toBe(false);
      expect(contentIn(remembered(content)!)).toEqual(content);
    }
  });
  test("what another build remembered is read, and what nobody can read is left alone", () => {
    const { localId: _unknown, ...before } = opened;
    expect(contentIn(JSON.stringify({ ...EMPTY_CART, opened: before })).opened?.localId).toBe("o1");
    expect(contentIn("{")).toEqual({});
  });
  test("a device without space is told of, and does not stop the sale", () => {
    const full = {
      write() {
        throw new DOMException("full", "QuotaExceededError");
      },
    };
    expect(remember(full, { ...EMPTY_CART, parts })).toBe(false);
  });
});

describe("an order that is opened", () => {
  const selling: CartContent = { ...EMPTY_CART, items, parts, tip: 1, saleId: "s1" };
  test("takes no money along that was taken for another sale", () => {
    for (const before of [selling, { ...selling, opened }])
      expect(withOpened(order("o2"), before)).toMatchObject({
        parts: [],
        tip: 0,
        saleId: null,
        opened: { localId: "o2" },
      });
  });
  test("keeps what was taken for it, whatever others made of it meanwhile", () => {
    expect(withOpened(order("o1"), { ...selling, opened })).toMatchObject({ parts, tip: 1, saleId: "s1" });
    // it was saved as an open order by a copy of this tab
    expect(withOpened(order("s1"), selling)).toMatchObject({ parts, tip: 1, saleId: null });
  });
});

describe("what a save leaves in the cart", () => {
  const saved: CartContent = { ...EMPTY_CART, items, notes: "to go", parts, saleId: "s1" };
  test("nothing, where nothing was added", () => {
    expect(afterSave(saved, saved)).toEqual(EMPTY_CART);
  });
  test("what was rung up while it was under way, as a sale of its own", () => {
    const counted = setQuantity(saved.items, "line-1", 3);
    const now = { ...saved, items: addProduct(counted, tea, "line-2") };
    expect(afterSave(now, saved)).toMatchObject({
      ...{ saleId: null, parts: [], notes: "" },
      items: [
        { id: "line-1", quantity: 2 },
        { id: "line-2", quantity: 1 },
      ],
    });
    expect(afterSave({ ...saved, items: [] }, saved)).toEqual(EMPTY_CART);
  });
  test("what was put into it after it was emptied, or another order", () => {
    for (const now of [{ ...EMPTY_CART, items, saleId: "s2" }, withOpened(order("o2"), saved)])
      expect(afterSave(now, saved)).toBe(now);
  });
});
