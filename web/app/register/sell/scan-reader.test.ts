import { expect, test } from "vitest";
import { ScanReader } from "./scan-reader.ts";

function type(text: string, everyMs: number, reader = new ScanReader(), from = 0) {
  return [...text, "Enter"].map((key, i) => reader.press(key, from + i * everyMs)).at(-1);
}

test("a burst of keys that ends with Enter is a code", () => {
  expect(type("4001234510012", 8)).toBe("4001234510012");
});
test("a person who types the same is no scanner", () => {
  expect(type("4001234510012", 90)).toBeNull();
});
test("a short burst is none: two keys at once happen to everybody", () => {
  expect(type("401", 5)).toBeNull();
});
test("what was typed before does not become part of the code", () => {
  const reader = new ScanReader();
  reader.press("7", 0);
  expect(type("40012345", 8, reader, 400)).toBe("40012345");
});
test("Shift between letters does not break a code, and Enter ends it", () => {
  const reader = new ScanReader();
  for (const [i, key] of ["Shift", "A", "Shift", "B", "1", "2"].entries()) reader.press(key, i * 5);
  expect(reader.press("Enter", 30)).toBe("AB12");
  expect(reader.press("Enter", 35)).toBeNull();
});
