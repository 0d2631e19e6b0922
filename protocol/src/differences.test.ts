import { expect, test } from "vitest";
import { fieldDifferences } from "./differences.ts";

const diff = (local: unknown, server: unknown) =>
  fieldDifferences(local, server, "SERVER").map(({ field, localValue, serverValue }) => [
    field,
    localValue,
    serverValue,
  ]);

test("fields in dotted form; null and absent are the same", () => {
  expect(diff({ a: 1, b: { c: 2, d: 3 }, n: null }, { a: 1, b: { c: 4, d: 3 }, x: 5 })).toEqual([
    ["b.c", 2, 4],
    ["x", null, 5],
  ]);
});
test("members of arrays with ids are found by them, whatever their place", () => {
  const local = {
    items: [
      { id: "x", quantity: 1 },
      { id: "y", quantity: 1 },
    ],
  };
  const server = {
    items: [
      { id: "y", quantity: 2 },
      { id: "z", quantity: 1 },
    ],
  };
  expect(diff(local, server)).toEqual([
    ["items.x", { id: "x", quantity: 1 }, null],
    ["items.y.quantity", 1, 2],
    ["items.z", null, { id: "z", quantity: 1 }],
  ]);
});
test("the same members in another order differ as a whole", () => {
  const items = [{ id: "x" }, { id: "y" }];
  expect(diff({ items }, { items: [...items].reverse() })).toEqual([["items", items, [...items].reverse()]]);
});
test("a deleted side differs in that", () => {
  expect(diff(null, { a: 1 })).toEqual([["deleted", true, false]]);
  expect(diff({ a: 1 }, null)).toEqual([["deleted", false, true]]);
  expect(diff(null, null)).toEqual([]);
});
test("a member called __proto__ is a member", () => {
  expect(diff(JSON.parse('{"__proto__": 1}'), {})).toEqual([["__proto__", 1, null]]);
});
