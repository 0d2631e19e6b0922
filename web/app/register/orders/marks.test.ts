import { expect, test } from "vitest";
import { changedSince, seenOf } from "./marks.ts";

test("new and changed rows are marked, others are not", () => {
  const seen = seenOf([
    { localId: "a", hash: "1" },
    { localId: "b", hash: "1" },
  ]);
  expect(
    changedSince(seen, [
      { localId: "a", hash: "1" },
      { localId: "b", hash: "2" },
      { localId: "c", hash: "1" },
    ]),
  ).toEqual(["b", "c"]);
});
test("a catch-up marks nothing", () => {
  expect(
    changedSince(
      seenOf([]),
      Array.from({ length: 500 }, (_, i) => ({ localId: `${i}`, hash: "1" })),
    ),
  ).toEqual([]);
});
