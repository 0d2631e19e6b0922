import { expect, test } from "vitest";
import { FORGET_MS, showsCart, trustOf } from "./trust.ts";

const live = { kind: "live" } as const;

test("live is only what the display and the register both are", () => {
  expect(trustOf(live, { online: true })).toBe("live");
  expect(trustOf(live, { online: false })).toBe("register away");
  expect(trustOf(live, undefined)).toBe("register away");
  expect(trustOf({ kind: "stale", upToDateAt: 1 }, { online: true })).toBe("display away");
});

test("an idle register and a cart long without news are no cart", () => {
  expect(showsCart("selling", 0)).toBe(true);
  expect(showsCart("paid", FORGET_MS - 1)).toBe(true);
  expect(showsCart("selling", FORGET_MS)).toBe(false);
  expect(showsCart("idle", 0)).toBe(false);
});
