import { expect, test } from "vitest";
import { cleanCode, takeCode } from "./enrol-code.ts";

function fragment(text: string) {
  return { read: () => text, write: (next: string) => void (text = next) };
}

test("a code is read as people write it", () => {
  expect(cleanCode(" abcd-2345 ")).toBe("ABCD2345");
});
test("a link's code is taken out of the address", () => {
  const address = fragment("enrol=abcd2345");
  expect(takeCode(address)).toBe("ABCD2345");
  expect(address.read()).toBe("");
});
test("other fragments stay", () => {
  const address = fragment("orders/0198");
  expect(takeCode(address)).toBeNull();
  expect(address.read()).toBe("orders/0198");
});
