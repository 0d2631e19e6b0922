import { describe, expect, test } from "vitest";
import type { Order } from "@tillwire/protocol/pos/orders";
import { ticketOf } from "@tillwire/protocol/pos/ticket-of-order";
import { moveTicket } from "@tillwire/protocol/pos/ticket-steps";
import type { Ticket } from "@tillwire/protocol/pos/tickets";
import {
  ageOf,
  calledNumber,
  columnsOf,
  isAdded,
  linesToNotice,
  nextState,
  previousState,
  servedOf,
  waitingSince,
  type TicketRecord,
} from "./board.ts";
import { mayReload } from "./reload-rule.ts";
import { assignSlots } from "./slots.ts";

const order = (id: string, items: string[], more: Partial<Order> = {}) =>
  ({
    id,
    orderNumber: `K7-00000${id}`,
    items: items.map((item) => ({ id: item, product: { id: item, name: item, price: 1 }, quantity: 1 })),
    ...more,
  }) as Order;
const ticket = (id: string, now: number, ...items: string[]): Ticket =>
  ticketOf(order(id, items), { before: null, now })!;
const record = (data: Ticket, updatedAt = 0) => ({ localId: data.id, data, updatedAt }) as TicketRecord;

describe("columns", () => {
  test("by state, whoever waits longest first; what is served is not among them", () => {
    const records = [
      record(ticket("2", 2_000, "a")),
      record(ticket("1", 1_000, "a")),
      record(moveTicket(ticket("3", 500, "a"), "ready")),
      record(moveTicket(ticket("4", 500, "a"), "served")),
    ];
    const columns = columnsOf(records);
    expect(columns.new.map(({ localId }) => localId)).toEqual(["1", "2"]);
    expect(columns.ready.map(({ localId }) => localId)).toEqual(["3"]);
    expect(servedOf(records).map(({ localId }) => localId)).toEqual(["4"]);
  });

  test("a ticket that was served and added to waits from its addition on", () => {
    const served = moveTicket(ticket("1", 1_000, "a"), "served");
    const added = ticketOf(order("1", ["a", "b"]), { before: served, now: 9_000 })!;
    expect(waitingSince(added)).toBe(9_000);
    expect(added.lines.map((line) => isAdded(added, line))).toEqual([false, true]);
  });
});

test.each([
  [0, "fresh"],
  [299_999, "fresh"],
  [300_000, "late"],
  [600_000, "overdue"],
] as const)("after %i ms a ticket is %s", (waitedMs, age) => expect(ageOf(waitedMs)).toBe(age));

test("steps: forward one at a time, back but from new; what is only voided is put away at once", () => {
  const fresh = ticket("1", 1, "a");
  expect([nextState(fresh), previousState(fresh)]).toEqual(["preparing", null]);
  const ready = moveTicket(fresh, "ready");
  expect([nextState(ready), previousState(ready)]).toEqual(["served", "preparing"]);
  const voided = ticketOf(order("1", ["a"], { orderStatus: "CANCELLED" }), { before: fresh, now: 2 })!;
  expect(nextState(voided)).toBe("served");
});

test("a line that comes or is voided is noticed, a bump is not", () => {
  const before = ticket("1", 1, "a");
  const keys = (data: Ticket) => [...linesToNotice([record(data)])];
  expect(keys(moveTicket(before, "preparing"))).toEqual(keys(before));
  expect(keys(ticketOf(order("1", ["a", "b"]), { before, now: 2 })!)).toEqual(["1/a", "1/b"]);
  expect(keys(ticketOf(order("1", []), { before, now: 2 })!)).toEqual(["1/a/voided"]);
});

test.each([
  ["K7-000123", "K7", "123"],
  ["ORD-1001", "ORD", "1001"],
  ["000007", "", "7"],
  ["Table four", "", "Table four"],
])("%s is called as people do", (orderNumber, series, number) => {
  expect(calledNumber(orderNumber)).toEqual({ series, number });
});

describe("keys", () => {
  test("a ticket keeps its key while others come and go; a free one goes to the next in line", () => {
    const first = assignSlots(new Map(), ["a", "b", "c"]);
    expect([...first]).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    const second = assignSlots(first, ["d", "c", "a"]);
    expect(Object.fromEntries(second)).toEqual({ a: 1, c: 3, d: 2 });
  });
  test("there are nine", () => {
    expect(assignSlots(new Map(), [..."abcdefghijkl"]).size).toBe(9);
  });
});

test.each([
  [{ openTickets: 0, unsent: 0, quietMs: 60_000 }, true],
  [{ openTickets: 0, unsent: 0, quietMs: 59_000 }, false],
  [{ openTickets: 0, unsent: 1, quietMs: 3_600_000 }, false],
  [{ openTickets: 3, unsent: 0, quietMs: 60_000 }, false],
  [{ openTickets: 3, unsent: 0, quietMs: 1_800_000 }, true],
])("a new version is loaded only when idle and drained: %j %s", (activity, expected) => {
  expect(mayReload(activity)).toBe(expected);
});
