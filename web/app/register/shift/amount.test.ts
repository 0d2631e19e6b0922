import { expect, test } from "vitest";
import { readAmount } from "./amount.ts";

test.each([
  ["12", 12],
  ["12,50", 12.5],
  ["12.5", 12.5],
  [",50", 0.5],
  ["1.234,50", 1234.5],
  ["1,234.50", 1234.5],
  ["1 234,5", 1234.5],
  ["1,234", 1234],
  ["0", 0],
  ["", null],
  [".", null],
  ["-3", null],
  ["12,345,6", null],
  ["1.2.3", null],
  ["12 €", null],
  ["99999999999", null],
])("“%s” is read as %s", (text, amount) => expect(readAmount(text)).toBe(amount));
