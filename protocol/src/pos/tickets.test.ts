import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkData, type AnyCollection } from "../collection.ts";
import { mergeData } from "../merge.ts";
import type { Order } from "./orders.ts";
import { ticketOf } from "./ticket-of-order.ts";
import { moveTicket } from "./ticket-steps.ts";
import {
  deriveTicket,
  guardTicket,
  isOpenLine,
  stateOfLine,
  stateOfLines,
  TICKET_STATES,
  tickets,
  type Ticket,
  type TicketState,
} from "./tickets.ts";

type Item = Order["items"][number];
const item = (id: string, quantity = 1, more: Partial<Item> = {}): Item => ({
  id,
  product: { id: `p-${id}`, name: `Dish ${id}`, price: 5, categoryId: "kitchen" },
  quantity,
  modifiers: [],
  ...more,
});
const order = (items: Item[], more: Partial<Order> = {}): Order => ({
  id: "o1",
  orderNumber: "K7-000001",
  items,
  subtotal: 5,
  tax: 0,
  total: 5,
  paymentMethod: "CASH",
  paymentStatus: "PENDING",
  orderStatus: "PENDING",
  createdAt: 1_000,
  ...more,
});
const first = (...items: Item[]): Ticket => ticketOf(order(items), { before: null, now: 1_000 })!;
const after = (before: Ticket, items: Item[], more: Partial<Order> = {}): Ticket =>
  ticketOf(order(items, more), { before, now: 2_000 })!;
const check = (ticket: Ticket) => checkData(tickets as unknown as AnyCollection, ticket);
const lineStates = (ticket: Ticket) => Object.fromEntries(ticket.lines.map((line) => [line.id, stateOfLine(line)]));
/** As the server does it: `first` was there, then `second` comes, made on the same base. */
function atOnce(base: Ticket, server: Ticket, local: Ticket): Ticket {
  const { data, clashes } = mergeData(base, local, server, { derivedFields: [...tickets.derivedFields!] });
  expect(clashes).toEqual([]);
  const merged = deriveTicket(data as Ticket);
  check(merged);
  return guardTicket(server, merged) === null ? merged : server;
}

describe("the ticket of an order", () => {
  test("has a line for each of two items that bear one id, and is known by the id that its order is filed under", () => {
    const ticket = ticketOf(order([item("a"), item("a", 2)]), { orderId: "o1.77", before: null, now: 1_000 })!;
    expect(ticket.id).toBe("o1.77");
    expect(ticket.lines.map(({ id, quantity }) => [id, quantity])).toEqual([
      ["a", 1],
      ["a#2", 2],
    ]);
  });
  test("has a line for each item, in words", () => {
    const latte = item("a", 2, {
      variation: { name: "Large" },
      modifiers: [{ name: "Oat milk" }, { name: "Shot", quantity: 2 }],
      notes: "very hot",
    });
    const ticket = first(latte);
    expect(ticket).toMatchObject({ id: "o1", orderNumber: "K7-000001", state: "new", createdAt: 1_000 });
    expect(ticket.lines).toEqual([
      {
        ...{ id: "a", itemId: "a", name: "Dish a", quantity: 2, addedAt: 1_000 },
        ...{ details: ["Large", "Oat milk", "2 × Shot"], notes: "very hot" },
      },
    ]);
    expect(() => check(ticket)).not.toThrow();
  });

  test("leaves out what is not made in the kitchen; nothing left, no ticket", () => {
    const mug = { ...item("m"), product: { id: "m", name: "Mug", price: 9, categoryId: "shop" } };
    const make = (categories: string[] | null) =>
      ticketOf(order([item("a"), mug]), { before: null, categories, now: 1_000 });
    expect(make(["kitchen"])?.lines.map(({ id }) => id)).toEqual(["a"]);
    expect(make(null)?.lines.map(({ id }) => id)).toEqual(["a", "m"]);
    expect(make([])).toBeNull();
  });

  test("paying what the kitchen has already is no news to it", () => {
    const before = moveTicket(first(item("a")), "preparing");
    expect(after(before, [item("a")], { paymentStatus: "PAID", orderStatus: "COMPLETED" })).toBeNull();
  });

  test("an item added later is a line of its own and makes a served ticket new; what was served stays served", () => {
    const served = moveTicket(first(item("a")), "served");
    const more = after(served, [item("a"), item("b")]);
    expect(more.state).toBe("new");
    expect(lineStates(more)).toEqual({ a: "served", b: "new" });
    expect(more.lines[1]).toMatchObject({ addedAt: 2_000 });
    expect(guardTicket(served, more)).toBeNull();
  });

  test("a greater quantity is a line for the difference", () => {
    const more = after(moveTicket(first(item("a", 2)), "preparing"), [item("a", 5)]);
    expect(more.lines).toMatchObject([
      { id: "a", quantity: 2 },
      { id: "a.2", quantity: 3 },
    ]);
    expect(lineStates(more)).toEqual({ a: "preparing", "a.2": "new" });
  });

  test("a smaller one voids, the latest first, and asks for what is left", () => {
    const more = after(first(item("a", 2)), [item("a", 5)]);
    const fewer = after(more, [item("a", 4)]);
    expect(fewer.lines).toMatchObject([
      { id: "a", quantity: 2 },
      { id: "a.2", quantity: 3, voided: true },
      { id: "a.3", quantity: 2 },
    ]);
  });

  test("a smaller one of what was served asks for nothing", () => {
    expect(after(moveTicket(first(item("a", 2)), "served"), [item("a", 1)])).toBeNull();
  });

  test("another note is another line", () => {
    const changed = after(first(item("a")), [item("a", 1, { notes: "no onions" })]);
    expect(changed.lines).toMatchObject([
      { id: "a", voided: true },
      { id: "a.2", notes: "no onions" },
    ]);
  });

  test("a cancelled order voids what is not served; served once more, it is out of sight", () => {
    const voided = after(moveTicket(first(item("a")), "preparing"), [item("a")], { orderStatus: "CANCELLED" });
    expect(voided.lines).toMatchObject([{ voided: true }]);
    expect(voided.state).toBe("preparing");
    expect(moveTicket(voided, "served").state).toBe("served");
  });

  test("a voided line holds nobody up", () => {
    const ready = moveTicket(first(item("a")), "ready");
    const voided = after(after(ready, [item("a"), item("b")]), [item("a")]);
    expect(voided.state).toBe("ready");
  });
});

const ids = ["a", "b", "c", "d"];
const states = fc.constantFrom(...TICKET_STATES);
const basket = fc
  .record({ chosen: fc.subarray(ids), quantity: fc.integer({ min: 1, max: 3 }), note: fc.boolean() })
  .map(({ chosen, quantity, note }) =>
    chosen.map((id) => item(id, quantity, note && id === "a" ? { notes: "hot" } : {})),
  );
type Step = { readonly to: TicketState } | { readonly items: Item[] };
const step: fc.Arbitrary<Step> = fc.oneof(
  states.map((to) => ({ to })),
  basket.map((items) => ({ items })),
);
const someTicket = fc
  .tuple(fc.subarray(ids, { minLength: 1 }), fc.array(step, { maxLength: 6 }))
  .map(([chosen, steps]) => steps.reduce(take, first(...chosen.map((id) => item(id)))));
function take(ticket: Ticket, next: Step): Ticket {
  return "to" in next
    ? moveTicket(ticket, next.to)
    : (ticketOf(order(next.items), { before: ticket, now: 2_000 }) ?? ticket);
}

describe("the machine", () => {
  test("every step leads where it says, is allowed, and leaves a ticket", () => {
    fc.assert(
      fc.property(someTicket, states, (ticket, to) => {
        const moved = moveTicket(ticket, to);
        expect(moved.state).toBe(ticket.state === "served" && to === "new" ? "preparing" : to);
        expect(guardTicket(ticket, moved)).toBeNull();
        check(moved);
      }),
    );
  });

  test("whatever a register adds or voids is allowed, and ends with the open lines asking for what the order wants", () => {
    fc.assert(
      fc.property(someTicket, basket, (ticket, items) => {
        const next = take(ticket, { items });
        expect(guardTicket(ticket, next)).toBeNull();
        check(next);
        for (const { id, quantity } of items) {
          const asked = next.lines.filter((line) => line.itemId === id && !line.voided);
          const served = asked.filter((line) => !isOpenLine(line)).reduce((sum, line) => sum + line.quantity, 0);
          expect(asked.reduce((sum, line) => sum + line.quantity, 0)).toBe(Math.max(quantity, served));
        }
      }),
    );
  });

  test("a step and the step back are nothing at all, but for a recall, which reopens the last serving alone", () => {
    const ready = moveTicket(first(item("a")), "ready");
    expect(moveTicket(moveTicket(ready, "preparing"), "ready")).toEqual(ready);
    const twice = moveTicket(after(moveTicket(ready, "served"), [item("a"), item("b")]), "served");
    expect(lineStates(moveTicket(twice, "ready"))).toEqual({ a: "served", b: "ready" });
  });

  test.each([
    ["a line vanishes", (ticket: Ticket) => ({ ...ticket, lines: [] })],
    ["a line says something else", (ticket: Ticket) => ({ ...ticket, lines: [{ ...ticket.lines[0]!, quantity: 9 }] })],
    ["a served line becomes new", (ticket: Ticket) => first(item("a"), ...ticket.lines.slice(9).map(() => item("z")))],
    [
      "a voided line is wanted again",
      (ticket: Ticket) => ({ ...ticket, lines: [{ ...ticket.lines[0]!, voided: null }] }),
    ],
  ] as const)("refused: %s", (_name, change) => {
    const served = moveTicket(after(first(item("a")), [item("a")], { orderStatus: "CANCELLED" }), "served");
    expect(guardTicket(served, change(served))).not.toBeNull();
  });

  test("only what is served can be deleted", () => {
    expect(guardTicket(first(item("a")), null)).not.toBeNull();
    expect(guardTicket(moveTicket(first(item("a")), "served"), null)).toBeNull();
  });

  test("a state that is not that of the lines is no ticket", () => {
    expect(() => check({ ...first(item("a")), state: "ready" })).toThrow();
  });
});

describe("at once", () => {
  const ticket = first(item("a"), item("b"));

  test("two boards bump the same ticket: one step, and nothing to settle", () => {
    const bumped = moveTicket(ticket, "preparing");
    expect(atOnce(ticket, bumped, bumped)).toEqual(bumped);
  });
  test("one skips a step: the further one counts, whoever was first", () => {
    const [one, other] = [moveTicket(ticket, "preparing"), moveTicket(ticket, "ready")];
    expect(atOnce(ticket, one, other).state).toBe("ready");
    expect(atOnce(ticket, other, one).state).toBe("ready");
  });
  test("one bumps, one takes back: it is back, and stays in sight", () => {
    const preparing = moveTicket(ticket, "preparing");
    const [bumped, back] = [moveTicket(preparing, "ready"), moveTicket(preparing, "new")];
    expect(atOnce(preparing, bumped, back).state).toBe("new");
    expect(atOnce(preparing, back, bumped).state).toBe("new");
  });
  test("a board serves what a register adds to: the added line is not lost from sight", () => {
    const ready = moveTicket(ticket, "ready");
    const [served, added] = [moveTicket(ready, "served"), after(ready, [item("a"), item("b"), item("c")])];
    for (const merged of [atOnce(ready, served, added), atOnce(ready, added, served)]) {
      expect(merged.state).toBe("new");
      expect(lineStates(merged)).toEqual({ a: "served", b: "served", c: "new" });
    }
  });

  test("whatever two of them do to whatever ticket: no clash, one outcome, the same in either order, and no open line is lost", () => {
    fc.assert(
      fc.property(someTicket, step, step, (base, one, other) => {
        const [a, b] = [take(base, one), take(base, other)];
        // Two registers that edit one tab at once are settled with its order.
        fc.pre(!("items" in one && "items" in other));
        const [merged, swapped] = [atOnce(base, a, b), atOnce(base, b, a)];
        expect(merged.state).toBe(stateOfLines(merged.lines));
        expect(lineStates(merged)).toEqual(lineStates(swapped));
        const added = [...a.lines, ...b.lines].filter(({ id }) => !base.lines.some((line) => line.id === id));
        for (const { id } of added) expect(merged.lines.find((line) => line.id === id)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  }, 30_000);
});
