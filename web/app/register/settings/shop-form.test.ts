import { expect, test } from "vitest";
import { settingsSchema, type Settings } from "@tillwire/protocol/pos/catalogue";
import { SHOP } from "../../testing/demo-data.ts";
import { formOf, settingsOf } from "./shop-form.ts";

const shop: Settings = { ...SHOP, taxRates: [{ id: "s", name: "VAT", rate: 0.077, code: 3 }], unknown: "kept" };

test("what was not changed comes back as it was, and members of newer builds are kept", () => {
  const back = settingsOf(formOf(shop), shop) as Settings;
  expect(back).toMatchObject(shop);
  expect(settingsSchema.safeParse(back).success).toBe(true);
});

test("per cent is written with comma or point, lines and tips as people write them", () => {
  const form = { ...formOf(shop), header: " One \n\nTwo", tips: "5, 10;15", kitchen: ["c1"] };
  form.rates = [{ id: "new", name: " Reduced ", percent: "2,5" }];
  expect(settingsOf(form, shop)).toMatchObject({
    taxRates: [{ id: "new", name: "Reduced", rate: 0.025 }],
    receiptHeader: ["One", "Two"],
    tipPercents: [5, 10, 15],
    kitchenCategories: ["c1"],
  });
});

test.each([
  ["NAME", { name: " " }],
  ["CURRENCY", { currency: "eur" }],
  ["RATES", { rates: [{ id: "s", name: "VAT", percent: "101" }] }],
  ["RATES", { rates: [{ id: "s", name: "VAT", percent: "x" }] }],
  ["RATES", { rates: [{ id: "s", name: "", percent: "7" }] }],
  ["TIPS", { tips: "5, many" }],
])("%s is said where something is wrong: %o", (problem, change) => {
  expect(settingsOf({ ...formOf(shop), ...change }, shop)).toBe(problem);
});
