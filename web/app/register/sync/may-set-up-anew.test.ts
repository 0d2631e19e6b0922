import { expect, test } from "vitest";
import { enPanel } from "../../messages/en-panel.ts";
import { reasonsAgainst } from "./may-set-up-anew.ts";

const drained = { pending: 0, failed: 0, cart: 0, linked: true };

test("a register that holds nothing may be set up anew", () => {
  expect(reasonsAgainst(drained, enPanel)).toEqual([]);
});
test.each([
  [{ pending: 2 }, "2 changes are not sent"],
  [{ failed: 1 }, "1 rejected change needs a decision"],
  [{ cart: 1 }, "the cart is not empty"],
  [{ linked: false }, enPanel.anewOffline],
])("what would be lost stands in the way, and is named: %o", (kept, reason) => {
  expect(reasonsAgainst({ ...drained, ...kept }, enPanel)).toEqual([reason]);
});
