import { expect, test } from "vitest";
import { parsePlace } from "./route.ts";

test.each([
  ["", { view: "sell" }],
  ["orders", { view: "orders", orderId: null }],
  ["/orders/o1", { view: "orders", orderId: "o1" }],
  ["conflicts", { view: "conflicts", conflictId: null }],
  ["conflicts/c-1", { view: "conflicts", conflictId: "c-1" }],
  ["history/orders/o:1.a", { view: "history", collection: "orders", localId: "o:1.a" }],
  ["history/orders", { view: "sell" }],
  ["shift", { view: "shift" }],
  ["settings", { view: "settings", section: "shop" }],
  ["settings/staff", { view: "settings", section: "staff" }],
  ["settings/other", { view: "settings", section: "shop" }],
  ["anything", { view: "sell" }],
])("the address #%s", (fragment, place) => {
  expect(parsePlace(fragment)).toEqual(place);
});
