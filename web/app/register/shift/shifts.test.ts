import { expect, test } from "vitest";
import { guardShift, shifts } from "@tillwire/protocol/pos/shifts";
import { transactions } from "@tillwire/protocol/pos/transactions";
import { buildCashMove, closedShift, closedShifts, openedShift, openShiftOf } from "./shifts.ts";

const drawer = (deviceId: string, now = 1_000) => {
  const by = { id: "sam", name: "Sam", role: "manager" };
  return { now, newId: () => `s-${deviceId}-${now}`, deviceId, registerName: deviceId.toUpperCase(), by };
};
const record = <T>(data: T) => ({ data });
const counted = {
  expectedCents: 12_050,
  counted: 120,
  authorisedBy: { id: "kim", name: "Kim" },
  notes: " one note short ",
};

test("of each register its own open shift counts, the latest if there are two", () => {
  const [early, late, other] = [
    openedShift(drawer("a", 1), 50),
    openedShift(drawer("a", 2), 60),
    openedShift(drawer("b", 3), 70),
  ];
  expect(openShiftOf([early, late, other].map(record), "a")).toEqual(late);
  expect(openShiftOf([other].map(record), "a")).toBeNull();
});

test("closing counts on from the register's last Z report, tells the difference and who accepted it", () => {
  const before = { ...openedShift(drawer("a", 1), 50), state: "closed" as const, closedAt: 5, counted: 1, number: 6 };
  const others = { ...before, id: "x", deviceId: "b", number: 40 };
  const open = openedShift(drawer("a", 10), 50);
  const closed = closedShift(open, [before, others, open].map(record), drawer("a", 20), counted);
  expect(closed).toMatchObject({ number: 7, expected: 120.5, counted: 120, difference: -0.5, closedAt: 20 });
  expect(closed).toMatchObject({ authorisedBy: { id: "kim", name: "Kim" }, notes: "one note short" });
  expect(guardShift(open, closed)).toBeNull();
  expect(shifts.schema.safeParse(closed).success).toBe(true);
  expect(closedShifts([before, closed].map(record))).toEqual([closed, before]);
  const exact = closedShift(open, [], drawer("a", 20), { ...counted, counted: 120.5 });
  expect(exact).toMatchObject({ number: 1, difference: 0 });
  expect(exact).not.toHaveProperty("authorisedBy");
});

test("cash put in or taken out belongs to the shift, and says why", () => {
  const shift = openedShift(drawer("a"), 50);
  const build = buildCashMove(shift, { type: "CASH_OUT", amount: 12.5, reason: "Milk " }, drawer("a", 7));
  const [intent] = build({ next: () => "A1-T1" });
  expect(intent).toMatchObject({
    collection: "transactions",
    data: { type: "CASH_OUT", amount: 12.5, notes: "Milk", shiftId: shift.id, userName: "Sam", paymentMethod: "CASH" },
  });
  expect(transactions.schema.safeParse((intent as { data: unknown }).data).success).toBe(true);
});
