import { describe, expect, test } from "vitest";
import type { Product } from "@tillwire/protocol/pos/catalogue";
import { newItem } from "./cart.ts";
import {
  choiceOf,
  firstChoice,
  isComplete,
  missingGroups,
  mustAsk,
  soldAs,
  strangeModifiers,
  toggled,
  type Choice,
} from "./options.ts";

const option = (id: string, price?: number) => ({ id, name: id, ...(price && { price }) });
const milk = { id: "milk", name: "Milk", min: 1, max: 1, options: [option("cow"), option("oat", 0.5)] };
const extras = {
  id: "extras",
  name: "Extras",
  min: 0,
  max: 2,
  options: [option("shot", 1), option("syrup"), option("x")],
};
const sauce = { id: "sauce", name: "Sauce", min: 0, max: 1, options: [option("mayo"), option("mustard")] };
const sizes = [
  { id: "s", name: "Small", price: 3 },
  { id: "l", name: "Large", price: 4 },
];
const latte: Product = { id: "p", name: "Latte", price: 3, variations: sizes, modifierGroups: [milk, extras, sauce] };
const none: Choice = { variationId: null, optionIds: {} };

describe("a product's options", () => {
  test("somebody is asked where something must be chosen, and only there", () => {
    expect(mustAsk(latte)).toBe(true);
    expect(mustAsk({ ...latte, variations: null })).toBe(true);
    expect(mustAsk({ ...latte, variations: null, modifierGroups: [extras] })).toBe(false);
    expect(mustAsk({ ...latte, variations: null, modifierGroups: [{ ...milk, options: [] }] })).toBe(false);
  });
  test("of a group that takes one, another replaces it; what must be there stays", () => {
    const oat = toggled(none, milk, "oat");
    expect(toggled(oat, milk, "cow").optionIds).toEqual({ milk: ["cow"] });
    expect(toggled(oat, milk, "oat").optionIds).toEqual({ milk: ["oat"] });
  });
  test("what may be left out is taken back by a second tap", () => {
    const mayo = toggled(none, sauce, "mayo");
    expect(toggled(mayo, sauce, "mustard").optionIds).toEqual({ sauce: ["mustard"] });
    expect(toggled(mayo, sauce, "mayo").optionIds).toEqual({ sauce: [] });
  });
  test("a group takes no more than its most", () => {
    const two = toggled(toggled(none, extras, "shot"), extras, "syrup");
    expect(toggled(two, extras, "x")).toEqual(two);
    expect(toggled(two, extras, "shot").optionIds).toEqual({ extras: ["syrup"] });
  });
  test("complete is what has its variation and the least of every group", () => {
    const sized = { ...none, variationId: "l" };
    expect(isComplete(sized, latte)).toBe(false);
    expect(missingGroups(sized, latte)).toEqual([milk]);
    expect(isComplete(toggled(sized, milk, "cow"), latte)).toBe(true);
    expect(isComplete(toggled(none, milk, "cow"), latte)).toBe(false);
    expect(firstChoice({ ...latte, variations: [sizes[0]!] }).variationId).toBe("s");
  });
  test("a group that asks for more than it has can be satisfied", () => {
    const odd = { ...latte, variations: null, modifierGroups: [{ ...milk, min: 3, max: 3, options: [option("cow")] }] };
    expect(isComplete({ ...none, optionIds: { milk: ["cow"] } }, odd)).toBe(true);
  });
  test("a line tells what was chosen, whatever the order of the taps", () => {
    const choice = { variationId: "l", optionIds: { extras: ["syrup", "shot"], milk: ["oat"] } };
    const sold = soldAs(latte, choice);
    expect(sold.price).toBe(4);
    expect(sold.modifiers?.map(({ price, ...modifier }) => [modifier["id"], price])).toEqual([
      ["oat", 0.5],
      ["shot", 1],
      ["syrup", 0],
    ]);
    expect(choiceOf(newItem(latte, "i", choice), latte)).toEqual({
      variationId: "l",
      optionIds: { milk: ["oat"], extras: ["shot", "syrup"], sauce: [] },
    });
  });
  test("modifiers that the catalogue no longer has are known as such", () => {
    const item = newItem(latte, "i", { variationId: "l", optionIds: { extras: ["shot"], milk: ["oat"] } });
    expect(strangeModifiers(item, { ...latte, modifierGroups: [milk] })).toMatchObject([{ name: "shot" }]);
  });
});
