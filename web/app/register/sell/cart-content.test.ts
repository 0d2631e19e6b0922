import { expect, test } from "vitest";
import { contentIn, rememberedText, type CartContent } from "./cart-content.ts";

const empty: CartContent = {
  ...{ items: [], notes: "", discount: null, customerName: "", opened: null },
  ...{ parts: [], tip: 0 },
};
const opened = { localId: "o1", data: { id: "o1" }, hash: "h" } as unknown as NonNullable<CartContent["opened"]>;

test("a cart comes back as it was; an empty one leaves nothing behind", () => {
  expect(rememberedText(empty)).toBeNull();
  for (const content of [
    { ...empty, notes: "for Ann" },
    { ...empty, customerName: "Ann" },
    { ...empty, opened },
    { ...empty, parts: [{ method: "CASH" as const, amount: 5, given: 10 }] },
  ])
    expect(contentIn(rememberedText(content)!)).toEqual(content);
});

test("what another build remembered is read, and what nobody can read is left alone", () => {
  const { localId: _unknown, ...before } = opened;
  expect(contentIn(JSON.stringify({ ...empty, opened: before })).opened?.localId).toBe("o1");
  expect(contentIn("{")).toEqual({});
});
