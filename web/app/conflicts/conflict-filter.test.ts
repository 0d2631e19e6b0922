import { expect, test } from "vitest";
import { conflict, order } from "../testing/conflict-fixtures.ts";
import { filterChoices, listConflicts, type ConflictFilter } from "./conflict-filter.ts";

const settled = (settledAt: number) =>
  ({ status: "settled", settledAt, settledBy: "server", settlement: "SERVER" }) as const;
const all = [
  conflict({ id: "old", ...settled(10) }),
  conflict({ id: "new", ...settled(20) }),
  conflict({ id: "open", createdAt: 1 }, order({ customerName: "Ada Byron" })),
  conflict(
    { id: "product", collection: "products", recordId: "p1", createdAt: 2 },
    { name: "Latte" },
    { name: "Caffè latte" },
  ),
].map((data) => ({ localId: data.id, data }));
const any: ConflictFilter = { status: "all", collection: "", deviceId: "", search: "" };
const ids = (filter: Partial<ConflictFilter>) =>
  listConflicts(all, { ...any, ...filter }).map(({ localId }) => localId);

test("open conflicts come first, then what was settled last", () => {
  expect(ids({})).toEqual(["product", "open", "new", "old"]);
});
test("by status, collection and device", () => {
  expect(ids({ status: "open" })).toEqual(["product", "open"]);
  expect(ids({ status: "settled" })).toEqual(["new", "old"]);
  expect(ids({ collection: "products" })).toEqual(["product"]);
  expect(ids({ deviceId: "d1" })).toHaveLength(4);
  expect(ids({ deviceId: "d3" })).toEqual([]);
});
test("by number, name and id, every word of the search, on either side", () => {
  expect(ids({ search: "000007" })).toEqual(["open", "new", "old"]);
  expect(ids({ search: "byron a1" })).toEqual(["open"]);
  expect(ids({ search: "LATTE" })).toEqual(["product"]);
  expect(ids({ search: "p1" })).toEqual(["product"]);
  expect(ids({ search: "nobody" })).toEqual([]);
});
test("offers what there is to filter by", () => {
  expect(filterChoices(all)).toEqual({ collections: ["orders", "products"], deviceIds: ["d1", "d2"] });
});
