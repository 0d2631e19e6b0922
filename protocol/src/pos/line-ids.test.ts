import { expect, test } from "vitest";
import { lineIds } from "./line-ids.ts";

const of = (...ids: string[]) => lineIds(ids.map((id) => ({ id })));

test("lines keep the ids that they bear alone; of two that bear one, the later gets one of its own, the same each time", () => {
  expect(of("a", "b")).toEqual(["a", "b"]);
  expect(of("a", "a", "b", "a")).toEqual(["a", "a#2", "b", "a#3"]);
  expect(of("a", "a#2", "a")).toEqual(["a", "a#2", "a#3"]);
  expect(of("a", "a", "a#2")).toEqual(["a", "a#3", "a#2"]);
  expect(of()).toEqual([]);
});
