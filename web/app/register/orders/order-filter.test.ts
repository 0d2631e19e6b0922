import { describe, expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import { order } from "../../testing/conflict-fixtures.ts";
import { countSet, filterOrders, NO_FILTER, type OrderFilter } from "./order-filter.ts";
import { seenBy } from "./seen-by.ts";

const noon = (day: number) => new Date(2026, 2, day, 12).getTime();
const now = noon(29); // in Europe the night before has 23 hours
const record = (id: string, change: Partial<Order>, createdBy = "d1") =>
  ({
    localId: id,
    createdBy,
    data: order({ id, orderNumber: `A1-00${id}`, createdAt: now, ...change }),
  }) as ReplicaRecord<Order>;
const paid = { paymentStatus: "PAID", orderStatus: "COMPLETED" } as const;
const refund = { id: "x.r1", at: 1, lines: [], amount: 1, method: "CASH" as const, by: { id: "s", name: "S" } };
const all = [
  record("1", { customerName: "Aoife Ó Briain", userName: "Ana" }),
  record("2", { ...paid, total: 12.5, userName: "Bo", createdAt: noon(28) }, "d2"),
  record("3", { ...paid, refunds: [refund], createdAt: noon(20) }),
  record("4", { paymentStatus: "REFUNDED", orderStatus: "REFUNDED", createdAt: noon(1) }),
];
const found = (filter: Partial<OrderFilter>) =>
  filterOrders(all, { ...NO_FILTER, ...filter }, now)
    .map(({ localId }) => localId)
    .join("");

describe("orders are found", () => {
  test.each([
    [{}, "1234"],
    [{ state: "open" }, "1"],
    [{ state: "paid" }, "23"],
    [{ state: "refunded" }, "34"],
    [{ register: "d2" }, "2"],
    [{ person: "Ana" }, "1"],
    [{ period: "today" }, "1"],
    [{ period: "yesterday" }, "2"],
    [{ period: "range", from: "2026-03-20", to: "2026-03-28" }, "23"],
    [{ period: "range", from: "2026-03-21" }, "12"],
    [{ period: "range", to: "2026-03-19" }, "4"],
    [{ search: "a1-003" }, "3"],
    [{ search: "o briain" }, "1"],
    [{ search: "12,50" }, "2"],
    [{ search: "12.5" }, "2"],
    [{ search: "LATTE 004" }, "4"],
    [{ search: "mug" }, ""],
    [{ search: "latte", state: "paid", register: "d1" }, "3"],
  ] as [Partial<OrderFilter>, string][])("by %j", (filter, ids) => expect(found(filter)).toBe(ids));

  test("what is set behind the button is counted", () => {
    expect(countSet(NO_FILTER)).toBe(0);
    expect(countSet({ ...NO_FILTER, register: "d1", period: "today", search: "x" })).toBe(2);
  });
});

test("seen by those registers whose cursor is there; displays don't count, the own register always does", () => {
  const device = (deviceId: string, cursor: number, role = "register") => ({ deviceId, cursor, role }) as never;
  const devices = [device("d1", 3), device("d2", 10), device("d3", 9), device("b", 1, "display")];
  expect(seenBy(10, devices, "d1")).toEqual({ seen: 2, count: 3 });
  expect(seenBy(9, devices, "d1")).toEqual({ seen: 3, count: 3 });
});
