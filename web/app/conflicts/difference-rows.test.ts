import { describe, expect, test } from "vitest";
import { orders } from "@tillwire/protocol/pos/orders";
import type { AnyCollection } from "@tillwire/protocol/collection";
import { line, order, speech } from "../testing/conflict-fixtures.ts";
import { differenceRows } from "./difference-rows.ts";

const rows = (client: unknown, server: unknown) =>
  differenceRows(orders as unknown as AnyCollection, client, server, speech);
const told = (client: unknown, server: unknown) =>
  rows(client, server).map(({ label, client: mine, server: theirs }) => [label, mine, theirs]);

describe("what differs, in words", () => {
  test("a quantity is told with its product; totals follow as money and are not chosen", () => {
    const theirs = order({
      items: [line("i1", "Latte", 3, 4), line("i2", "Tea", 1, 3)],
      subtotal: 15,
      total: 15,
      tax: 2.5,
    });
    expect(told(order(), theirs)).toEqual([
      ["Latte", "2 × Latte", "3 × Latte"],
      ["Subtotal", "€11.00", "€15.00"],
      ["Tax", "€1.83", "€2.50"],
      ["Total", "€11.00", "€15.00"],
    ]);
    expect(rows(order(), theirs).map(({ derived }) => derived)).toEqual([false, true, true, true]);
  });
  test("lines of one side only are told as there and not there, with their extras", () => {
    const added = line("i3", "Mocha", 1, 5, { notes: "oat milk", modifiers: [{ name: "Extra shot", price: 0.5 }] });
    const mine = order({ items: [...order().items, added] });
    expect(told(mine, order())).toEqual([["Mocha", "1 × Mocha (Extra shot, oat milk)", "not there"]]);
    expect(told(order(), mine)).toEqual([["Mocha", "not there", "1 × Mocha (Extra shot, oat milk)"]]);
  });
  test("lines of a kitchen ticket are lines too", () => {
    const ticket = (quantity: number, change: object) => ({
      lines: [{ id: "l1", name: "Latte", quantity, ...change }],
    });
    expect(told(ticket(1, {}), ticket(2, { ready: true }))).toEqual([
      ["Latte", "1 × Latte", "2 × Latte"],
      ["Latte: Ready", "none", "yes"],
    ]);
  });
  test("ids of lines may hold dots", () => {
    const items = (quantity: number) => [line("a.b", "Latte", quantity, 4), line("a", "Tea", 1, 3)];
    expect(told(order({ items: items(1) }), order({ items: items(2) }))).toEqual([["Latte", "1 × Latte", "2 × Latte"]]);
  });
  test("the states of an order are one row in words, and chosen together", () => {
    const paid = order({ orderStatus: "COMPLETED", paymentStatus: "PAID", paymentMethod: "CARD", completedAt: 9 });
    const [row] = rows(paid, order());
    expect([row?.label, row?.client, row?.server]).toEqual(["State", "completed, paid, card, at 9", "open, not paid"]);
    expect(row?.paths).toEqual(["orderStatus", "paymentStatus", "paymentMethod", "completedAt"]);
  });
  test("a customer's id is chosen with the name and not shown", () => {
    const mine = order({ customerName: "Ada", customerId: "c-9" });
    expect(rows(mine, order())).toMatchObject([
      { label: "Customer", client: "Ada", server: "none", paths: ["customerName", "customerId"] },
    ]);
  });
  test("a deleted side is told as deleted, beside what the other one holds", () => {
    const deleted = rows(null, order());
    expect(deleted[0]).toMatchObject({ label: "Record", client: "deleted", server: "kept", derived: false });
    expect(deleted.filter(({ label }) => label === "Latte")).toMatchObject([
      { client: "–", server: "2 × Latte", derived: true },
    ]);
    expect(rows(order(), null)[0]).toMatchObject({ client: "kept", server: "deleted" });
  });
  test("no value is ever shown as JSON", () => {
    const odd = {
      ...order(),
      variation: { size: { name: "L" } },
      extras: [{ a: 1 }, { a: 2 }],
      meta: { deep: { er: true } },
    };
    for (const row of rows(odd, order())) expect(`${row.client}${row.server}`).not.toMatch(/[{}[\]"]/);
  });
  test("rows stand in the order in which people read, whatever the order of the members", () => {
    const theirs = order({
      items: [line("i1", "Latte", 3, 4)],
      notes: "x",
      customerName: "Ada",
      subtotal: 12,
      total: 12,
      tax: 2,
    });
    const stored = Object.fromEntries(
      Object.entries(theirs).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)),
    );
    expect(rows(order(), stored).map(({ label }) => label)).toEqual([
      ...["Customer", "Latte", "Tea", "Note"],
      ...["Subtotal", "Tax", "Total"],
    ]);
  });
  test("equal values differ in nothing", () => {
    expect(rows(order(), order())).toEqual([]);
  });
});
