import { describe, expect, test } from "vitest";
import type { ConflictData } from "@tillwire/protocol/conflicts";
import { en } from "../../messages/en.ts";
import { conflictView } from "./conflict-words.ts";

const side = { syncVersion: 2, hash: "0".repeat(64), deleted: false, at: 0, data: { orderNumber: "A1-000007" } };
const conflict: ConflictData = {
  id: "c1",
  collection: "orders",
  recordId: "o1",
  kind: "CONCURRENT_MODIFICATION",
  policy: "SERVER_WINS",
  status: "settled",
  base: null,
  client: { ...side, deviceId: "mine" },
  server: { ...side, deviceId: "theirs" },
  fields: [
    { field: "total", localValue: 6.7, serverValue: 5.8, resolution: "SERVER" },
    { field: "items.i1.quantity", localValue: 1, serverValue: 2, resolution: "CLIENT" },
    {
      field: "items.i2",
      localValue: { quantity: 2, product: { name: "Tea" } },
      serverValue: null,
      resolution: "SERVER",
    },
  ],
  createdAt: 0,
  settledAt: 0,
  settledBy: "server",
  settlement: "SERVER",
};
const view = (change: Partial<ConflictData> = {}) =>
  conflictView(
    { ...conflict, ...change },
    en,
    (deviceId) => ({ mine: "Terrace", theirs: "Front" })[deviceId] ?? "?",
    (amount) => `€${amount}`,
  );

describe("a conflict in words", () => {
  test("names the record and whose value stands", () => {
    expect(view()).toMatchObject({ title: "Order A1-000007", outcome: "The value of Front stands" });
    expect(view({ settlement: "CLIENT" }).outcome).toBe("The value of Terrace stands");
    expect(view({ status: "open" }).outcome).toBe(en.sync.conflictOpen);
  });
  test("shows money as money, items as lines of the order, and which value stands field by field", () => {
    expect(view().fields.map(({ name, stands, lost }) => [name, stands, lost])).toEqual([
      ["total", "€5.8", "€6.7"],
      ["quantity", "1", "2"],
      ["item", "nothing", "2 × Tea"],
    ]);
  });
});
