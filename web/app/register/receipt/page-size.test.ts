import { expect, test } from "vitest";
import { pageFor, pageRule } from "./page-size.ts";

test("the page is as wide as the roll and as long as the receipt", () => {
  expect(pageFor("w58", 480)).toEqual({ widthMm: 58, heightMm: 135 });
  expect(pageFor("w80", 960)).toEqual({ widthMm: 80, heightMm: 262 });
});
test("a short one is still higher than wide, so that browsers don't turn it", () => {
  expect(pageFor("w80", 10)).toEqual({ widthMm: 80, heightMm: 81 });
});
test("what is printed stands in the middle", () => {
  expect(pageRule({ widthMm: 58, heightMm: 135 }, 48)).toBe("@page { size: 58mm 135mm; margin: 3mm 5mm; }");
});
