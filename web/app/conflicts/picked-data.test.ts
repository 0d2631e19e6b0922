import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnyCollection } from "@tillwire/protocol/collection";
import { fieldDifferences } from "@tillwire/protocol/differences";
import { hashOf } from "@tillwire/protocol/hash";
import { orders } from "@tillwire/protocol/pos/orders";
import { line, order } from "../testing/conflict-fixtures.ts";
import { pickedData } from "./picked-data.ts";

const set = orders as unknown as AnyCollection;
const pathsOf = (client: object, server: object) => fieldDifferences(client, server, "OPEN").map(({ field }) => field);

describe("a value made of both sides", () => {
  const mine = order({
    items: [line("i1", "Latte", 4, 4), line("i3", "Mocha", 1, 5), line("i2", "Tea", 1, 3)],
    notes: "mine",
  });
  const theirs = order({ items: [line("i1", "Latte", 2, 4), line("i2", "Tea", 2, 3)], notes: "theirs" });

  test("takes what was picked and leaves the rest, and its totals add up", () => {
    const data = pickedData(set, mine, theirs, new Set(["items.i1.quantity", "items.i3"]));
    expect(data).toMatchObject({ notes: "theirs", subtotal: 27, total: 27 });
    expect((data["items"] as { id: string; quantity: number }[]).map(({ id, quantity }) => [id, quantity])).toEqual([
      ["i1", 4],
      ["i3", 1],
      ["i2", 2],
    ]);
  });
  test("a line that the picked side does not have is removed", () => {
    const data = pickedData(set, theirs, mine, new Set(["items.i3"]));
    expect((data["items"] as unknown[]).length).toBe(2);
  });
  test("nothing picked is the server's value, everything is the other one", () => {
    const member = fc.record({ id: fc.constantFrom("a", "b", "a.b"), n: fc.integer() });
    const value = fc.dictionary(
      fc.constantFrom("x", "y", "items", "__proto__"),
      fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.dictionary(fc.constantFrom("p", "q"), fc.integer())),
    );
    const record = fc
      .tuple(value, fc.uniqueArray(member, { selector: ({ id }) => id }))
      .map(([data, items]): Record<string, unknown> => ({ ...data, items }));
    fc.assert(
      fc.property(record, record, (client, server) => {
        expect(hashOf(pickedData(undefined, client, server, new Set()))).toBe(hashOf(server));
        const all = pickedData(undefined, client, server, new Set(pathsOf(client, server)));
        // lines that both have keep the server's order
        const sorted = (data: Record<string, unknown>) => ({
          ...data,
          items: (data["items"] as { id: string }[]).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        });
        expect(hashOf(sorted(all))).toBe(hashOf(sorted(client)));
      }),
    );
  });
});
