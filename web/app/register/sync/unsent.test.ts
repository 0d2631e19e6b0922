import { expect, test } from "vitest";
import { countUnsent } from "./unsent.ts";

const entry = (collection: string, localId: string, data: object = {}, state: "queued" | "rejected" = "queued") => ({
  ...{ collection, localId, data, state },
});

test("a sale counts once, with its payment and its ticket; what belongs to none counts for itself", () => {
  const sale = (id: string) => [
    entry("orders", id),
    entry("transactions", `t-${id}`, { orderId: id }),
    entry("tickets", id),
  ];
  expect(countUnsent([...sale("a"), ...sale("b")])).toBe(2);
  expect(countUnsent([entry("transactions", "cash-in"), entry("products", "p"), entry("orders", "p")])).toBe(3);
});
test("a payment alone, when its order is on the server already, is still one; rejected writes are counted elsewhere", () => {
  expect(countUnsent([entry("transactions", "t", { orderId: "a" })])).toBe(1);
  expect(countUnsent([entry("orders", "a", {}, "rejected")])).toBe(0);
  expect(countUnsent([entry("carts", "d1")])).toBe(0);
});
