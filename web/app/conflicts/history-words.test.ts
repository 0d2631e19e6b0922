import { expect, test } from "vitest";
import type { AnyCollection } from "@tillwire/protocol/collection";
import type { Change } from "@tillwire/protocol/messages";
import { orders } from "@tillwire/protocol/pos/orders";
import { line, order, speech } from "../testing/conflict-fixtures.ts";
import { versionViews } from "./history-words.ts";

const change = (syncVersion: number, data: unknown): Change => ({
  ...{
    seq: syncVersion,
    collection: "orders",
    localId: "o1",
    syncVersion,
    hash: "0".repeat(64),
    deleted: data === null,
  },
  ...{ deviceId: "d1", createdBy: "d1", updatedAt: syncVersion, data },
});
const views = (versions: Change[], complete = true) =>
  versionViews(versions, complete, orders as unknown as AnyCollection, speech);

const VERSIONS = [
  change(4, order({ notes: "to go" })),
  change(3, null),
  change(2, order({ items: [line("i1", "Latte", 3, 4), line("i3", "Mocha", 1, 5)], notes: "to go" })),
  change(1, order()),
];

test("each version tells what it changed compared with the one before", () => {
  const [restored, deleted, edited, created] = views(VERSIONS);
  expect(created).toMatchObject({ headline: "created" });
  expect(created?.lines).toEqual(expect.arrayContaining(["2 × Latte", "1 × Tea", "Total: €11.00"]));
  expect(edited).toMatchObject({
    headline: null,
    lines: ["2 × Latte → 3 × Latte", "1 × Mocha added", "1 × Tea removed", "Note: to go"],
  });
  expect(deleted).toMatchObject({ headline: "deleted", lines: [] });
  expect(restored).toMatchObject({ headline: "restored" });
});
test("a version whose predecessor is not here yet is not told of", () => {
  expect(views(VERSIONS, false).map(({ change: { syncVersion } }) => syncVersion)).toEqual([4, 3, 2]);
});
test("a version that changed nothing says so", () => {
  expect(views([change(2, order()), change(1, order())])[0]?.lines).toEqual(["Saved again without a change"]);
});
