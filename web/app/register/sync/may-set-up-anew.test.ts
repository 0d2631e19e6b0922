import { expect, test } from "vitest";
import { panel } from "../../messages/en/panel.ts";
import { textsFrom } from "../../testing/texts.ts";
import { reasonsAgainst } from "./may-set-up-anew.ts";

const words = textsFrom(panel);
const drained = { pending: 0, failed: 0, cart: false, linked: true };

test("a register that holds nothing may be set up anew", () => {
  expect(reasonsAgainst(drained, words)).toEqual([]);
});
test.each([
  [{ pending: 2 }, "2 changes are not sent"],
  [{ failed: 1 }, "1 rejected change needs a decision"],
  [{ cart: true }, "the cart is not empty"],
  [{ linked: false }, words.anewOffline],
])("what would be lost stands in the way, and is named: %o", (kept, reason) => {
  expect(reasonsAgainst({ ...drained, ...kept }, words)).toEqual([reason]);
});
