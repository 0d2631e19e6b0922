/** Laws of merging, with the shop's real orders: what comes out is an order, adds up, and holds what both sides did. */
import { canonicalJson, hashOf } from "@tillwire/protocol/hash";
import { toCents } from "@tillwire/protocol/money";
import { orders, orderSchema, type Order, type OrderItem } from "@tillwire/protocol/pos/orders";
import { orderTotals, type TaxMode } from "@tillwire/protocol/pos/totals";
import type { AnyCollection } from "@tillwire/protocol/collection";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CheckedWrite } from "./checked-write.ts";
import { merge } from "./policies.ts";
import type { StoredRecord } from "./store/store.ts";

const LINES = ["l1", "l2", "l3", "l4", "l5", "l6"];
const line = (id: string): fc.Arbitrary<OrderItem> =>
  fc.record({
    id: fc.constant(id),
    product: fc.record({
      id: fc.constantFrom("latte", "bagel"),
      name: fc.constantFrom("Latte", "Bagel"),
      price: fc.integer({ min: 0, max: 2_000 }).map((cents) => cents / 100),
      taxRate: fc.constantFrom(0, 0.07, 0.19),
    }),
    quantity: fc.integer({ min: 1, max: 4 }),
    discount: fc.constantFrom(0, 0.5),
  });
const lines = fc.uniqueArray(fc.constantFrom(...LINES), { maxLength: 6 }).chain((ids) => fc.tuple(...ids.map(line)));

/** What a register may do to an order that is open. */
const sale = fc.record({
  items: lines,
  discount: fc.constantFrom(0, 1, 2.5),
  notes: fc.constantFrom("no sugar", "to go", null),
  customerName: fc.constantFrom("Ann", "Bob", null),
  tableId: fc.constantFrom("1", "2", null),
});
type Sale = typeof sale extends fc.Arbitrary<infer T> ? T : never;
const mode = fc.constantFrom<TaxMode>("inclusive", "exclusive");

function orderOf(parts: Sale, taxMode: TaxMode): Order {
  const { subtotal, tax, total } = orderTotals(parts.items, parts.discount, taxMode);
  return {
    ...parts,
    ...{ id: "o1", orderNumber: "N-1", subtotal, tax, total, createdAt: 1_735_689_600_000 },
    ...{ paymentMethod: "CASH", paymentStatus: "PENDING", orderStatus: "PENDING" },
  };
}
function merged(base: Order, local: Order, server: Order) {
  const write = { collection: orders as unknown as AnyCollection, data: local, hash: hashOf(local) };
  const current = { data: server, hash: hashOf(server) };
  return merge(write as unknown as CheckedWrite, current as unknown as StoredRecord, base);
}
const same = (a: unknown, b: unknown): boolean => canonicalJson(a ?? null) === canonicalJson(b ?? null);

/** Three orders of one shop: what both started from, and the two sides. */
const three = fc.tuple(sale, sale, sale, mode).map(([base, local, server, taxMode]) => ({
  taxMode,
  base: orderOf(base, taxMode),
  local: orderOf(local, taxMode),
  server: orderOf(server, taxMode),
}));

describe("a merged order", () => {
  test("is an order, and its totals add up", () => {
    fc.assert(
      fc.property(three, ({ base, local, server, taxMode }) => {
        // Where no side has tax in it nothing tells whether prices contain it.
        fc.pre(local.tax > 0 || server.tax > 0 || taxMode === "exclusive");
        const data = merged(base, local, server)!.data as Order;
        expect(orderSchema.safeParse(data).success).toBe(true);
        const { subtotal, tax, total } = orderTotals(data.items, data.discount ?? 0, taxMode);
        expect({ subtotal: data.subtotal, tax: data.tax, total: data.total }).toEqual({ subtotal, tax, total });
        expect(toCents(data.total)).toBe(
          toCents(subtotal) - toCents(data.discount ?? 0) + (taxMode === "exclusive" ? toCents(tax) : 0),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("with a side that did nothing is the other side, totals and all", () => {
    fc.assert(
      fc.property(three, ({ base, local, server }) => {
        expect(merged(base, base, server)!.hash).toBe(hashOf(server));
        expect(merged(base, local, base)!.hash).toBe(hashOf(local));
        expect(merged(base, local, local)!.hash).toBe(hashOf(local));
      }),
      { numRuns: 200 },
    );
  });

  test("does not depend on which side came first, where nothing clashes", () => {
    fc.assert(
      fc.property(three, ({ base, local, server }) => {
        const [one, other] = [merged(base, local, server)!, merged(base, server, local)!];
        expect(one.clashes!.length).toBe(other.clashes!.length);
        if (one.clashes!.length === 0) expect(one.hash).toBe(other.hash);
      }),
      { numRuns: 200 },
    );
  });

  test("has every line that a side added, and no line that nobody had", () => {
    fc.assert(
      fc.property(three, ({ base, local, server }) => {
        const { data, clashes } = merged(base, local, server)!;
        const of = (order: Order, id: string) => order.items.find((item) => item.id === id) ?? null;
        for (const id of LINES) {
          const [before, mine, theirs, now] = [base, local, server, data as Order].map((each) => of(each, id));
          const listed = clashes!.some(({ field }) => field === `items.${id}` || field.startsWith(`items.${id}.`));
          if (!before && (mine || theirs)) expect(now, "added").not.toBeNull();
          if (!mine && !theirs) expect(now, "nobody has it").toBeNull();
          if (before && !mine && same(theirs, before)) expect(now, "removed").toBeNull();
          if (before && !mine && theirs && !same(theirs, before)) {
            expect(listed, "removed here, changed there: a conflict of that line").toBe(true);
            expect(same(now, theirs)).toBe(true);
          }
          if (before && !same(mine, before) && same(theirs, before)) expect(same(now, mine)).toBe(true);
          if (same(mine, theirs)) expect(listed, "the same on both sides is no conflict").toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("keeps the server's value where both changed a field, and lists it", () => {
    fc.assert(
      fc.property(three, ({ base, local, server }) => {
        const { data, clashes } = merged(base, local, server)!;
        for (const field of ["notes", "customerName", "tableId", "discount"] as const) {
          const clash =
            !same(local[field], base[field]) && !same(server[field], base[field]) && !same(local[field], server[field]);
          expect(clashes!.some((each) => each.field === field)).toBe(clash);
          if (clash) expect(same(data![field], server[field])).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("a guard, when merging", () => {
  const parts: Sale = { items: [], discount: 0, notes: null, customerName: null, tableId: null };
  const item = (id: string): OrderItem => ({ id, product: { id: "p", name: "P", price: 4, taxRate: 0 }, quantity: 1 });

  test("what was paid on the device is not merged with lines that were not paid", () => {
    const base = orderOf({ ...parts, items: [item("l1")] }, "exclusive");
    const paid: Order = { ...base, paymentStatus: "PAID" };
    expect(merged(base, paid, orderOf({ ...parts, items: [item("l1"), item("l2")] }, "exclusive"))).toBeNull();
    expect(merged(base, paid, { ...base, notes: "to go" })).toMatchObject({
      data: { paymentStatus: "PAID", notes: "to go" },
    });
  });

  test("whether prices contain the tax is told by whichever side has tax in it", () => {
    const taxed = { ...item("l2"), product: { ...item("l2").product, taxRate: 0.1 } };
    const base = orderOf({ ...parts, items: [item("l1")] }, "exclusive");
    const local = orderOf({ ...parts, items: [item("l1"), taxed] }, "exclusive");
    const server = orderOf({ ...parts, items: [item("l1"), item("l3")] }, "exclusive");
    expect(merged(base, local, server)!.data).toMatchObject({ subtotal: 12, tax: 0.4, total: 12.4 });
  });
});
