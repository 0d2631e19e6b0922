import { describe, expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import { checkData, type AnyCollection } from "@tillwire/protocol/collection";
import { guardOrder, orders, type Order } from "@tillwire/protocol/pos/orders";
import { transactions, type Transaction } from "@tillwire/protocol/pos/transactions";
import { line, order } from "../../testing/conflict-fixtures.ts";
import {
  buildRefundedOrder,
  buildRefundHere,
  buildRefundMoney,
  fasterRefund,
  latestRefund,
  refundedOrder,
  standingOf,
  unfinishedRefunds,
  wayOf,
  type RefundRequest,
} from "./refund.ts";

/** Two lattes and a tea: 11.00. */
const paid = order({ paymentStatus: "PAID", orderStatus: "COMPLETED", paymentMethod: "CASH" });
const ana = { id: "s1", name: "Ana" };
const oneLatte: RefundRequest = {
  ...{ lines: [{ itemId: "i1", quantity: 1 }], method: "CASH", reason: " spilt ", by: ana, authorisedBy: null },
  ...{ deviceId: "d1", at: 5 },
};
const everything: RefundRequest = {
  ...oneLatte,
  lines: [
    { itemId: "i1", quantity: 2 },
    { itemId: "i2", quantity: 1 },
  ],
};
const numbers = { next: (series: string) => `K7-${series}-1` };
function record(data: Order, more: Partial<ReplicaRecord<Order>> = {}): ReplicaRecord<Order> {
  return {
    ...{ collection: "orders", localId: data.id, data, syncVersion: 2, hash: "h", readAt: { version: 2, hash: "h" } },
    ...{ createdBy: "d1", deviceId: "d1", updatedAt: 1, sync: "synced" },
    ...more,
  };
}

describe("what a refund writes", () => {
  test("a line's refund keeps the order paid; the last one makes it refunded; the guard allows both", () => {
    const first = refundedOrder(record(paid), oneLatte, "server");
    expect(latestRefund(first)).toMatchObject({ id: "o1.r1", amount: 4, reason: "spilt", by: ana, deviceId: "d1" });
    expect(first).toMatchObject({ paymentStatus: "PAID", orderStatus: "COMPLETED" });
    expect(guardOrder(paid, first)).toBeNull();
    const lines = [{ itemId: "i1", quantity: 1 }, everything.lines[1]!];
    const rest = refundedOrder(record(first), { ...everything, lines }, "server");
    expect(latestRefund(rest)).toMatchObject({ id: "o1.r2", amount: 7 });
    expect(rest).toMatchObject({ paymentStatus: "REFUNDED", orderStatus: "REFUNDED" });
    expect(guardOrder(first, rest)).toBeNull();
    expect(() => checkData(orders as unknown as AnyCollection, rest)).not.toThrow();
  });

  test("a tip goes back with the last line", () => {
    expect(latestRefund(refundedOrder(record({ ...paid, tip: 1 }), everything, "server")).amount).toBe(12);
  });

  test("the first step is the order alone, on the value that was shown; the second is the money", () => {
    const [write, ...more] = buildRefundedOrder(record(paid), oneLatte)(numbers);
    expect(more).toEqual([]);
    expect(write).toMatchObject({ collection: "orders", readAt: { version: 2, hash: "h" } });
    const next = refundedOrder(record(paid), { ...oneLatte, authorisedBy: { id: "m", name: "Max" } }, "server");
    const [money] = buildRefundMoney(record(next), latestRefund(next), 9, "shift-1")(numbers);
    if (money?.op !== "put") throw new Error("no money");
    expect(money.data).toMatchObject({
      ...{ id: "o1.r1", type: "REFUND", amount: 4, paymentMethod: "CASH", shiftId: "shift-1", userName: "Ana" },
      ...{ authorisedBy: { name: "Max" }, orderId: "o1", notes: "spilt", createdAt: 9 },
    });
    expect(() => checkData(transactions as unknown as AnyCollection, money.data as Transaction)).not.toThrow();
  });

  test("here alone, order and money are one batch, and building twice says the same", () => {
    const build = buildRefundHere(record(paid, { sync: "saved" }), oneLatte);
    expect(build(numbers).map((write) => write.collection)).toEqual(["orders", "transactions"]);
    expect(build(numbers)).toEqual(build(numbers));
  });

  test("what is given out without the server bears an id that nobody else's refund has: its money is always booked", () => {
    const [write, money] = buildRefundHere(record(paid), oneLatte)(numbers);
    if (write?.op !== "put" || money?.op !== "put") throw new Error("no writes");
    expect(latestRefund(write.data as Order).id).toBe("o1.r1.d1");
    expect(money.data).toMatchObject({ id: "o1.r1.d1" });
  });

  test("an order that is filed under another id than the one it bears is refunded there", () => {
    const filed = record({ ...paid, id: "local-1" }, { localId: "local-1.77" });
    const [write] = buildRefundedOrder(filed, oneLatte)(numbers);
    expect(write).toMatchObject({ localId: "local-1.77", data: { id: "local-1" } });
    const next = refundedOrder(filed, oneLatte, "server");
    const [money] = buildRefundMoney({ ...filed, data: next }, latestRefund(next), 9)(numbers);
    expect(money).toMatchObject({ data: { id: "local-1.77.r1", orderId: "local-1.77" } });
    const [here, moneyHere] = buildRefundHere(filed, oneLatte)(numbers);
    expect(here).toMatchObject({ localId: "local-1.77" });
    expect(moneyHere).toMatchObject({ data: { id: "local-1.77.r1.d1", orderId: "local-1.77" } });
  });
});

describe("which way it goes", () => {
  const other = refundedOrder(record(paid), { ...oneLatte, deviceId: "d2" }, "server");
  test.each([
    ["the server is there", record(paid, { createdBy: "d2", deviceId: "d2" }), true, "server"],
    ["offline, sold here", record(paid), false, "here"],
    ["not yet sent", record(paid, { sync: "saved" }), true, "here"],
    ["offline, sold elsewhere", record(paid, { createdBy: "d2" }), false, "never"],
    ["offline, touched elsewhere", record(paid, { deviceId: "d2" }), false, "never"],
    ["offline, refunded elsewhere before", record(other), false, "never"],
    ["in need of attention", record(paid, { sync: "attention" }), true, "never"],
  ])("%s", (_name, each, reached, way) => {
    expect(wayOf(each, reached, "d1")).toBe(way);
  });
});

describe("between the steps", () => {
  const mine = refundedOrder(record(paid), oneLatte, "server");
  const refund = latestRefund(mine);
  const bo = { by: { id: "s2", name: "Bo" }, deviceId: "d2" };
  const theirs = refundedOrder(record(paid), { ...oneLatte, ...bo }, "server");

  test.each(["saved", "sending"] as const)("nothing is decided while it is %s", (sync) => {
    expect(standingOf(record(mine, { sync }), refund)).toBe("waiting");
  });
  test("on the server with our refund in it: it stands", () => {
    expect(standingOf(record(mine), refund)).toBe("stands");
    expect(fasterRefund(mine, refund)).toBeNull();
  });
  test("somebody else was faster: same id, other refund; no money moves", () => {
    expect(standingOf(record(theirs), refund)).toBe("lost");
    expect(fasterRefund(theirs, refund)).toMatchObject({ by: { name: "Bo" } });
  });
  test("the order changed in another way, was refused, or our side waits in a conflict: no money moves", () => {
    expect(standingOf(record(paid), refund)).toBe("lost");
    expect(fasterRefund(paid, refund)).toBeNull();
    expect(standingOf(record(mine, { sync: "attention" }), refund)).toBe("lost");
  });
  test("what this register began and did not finish is found, and nothing else", () => {
    const both = [record(mine), record({ ...theirs, id: "o2" }), record({ ...paid, items: [line("i9", "Mug", 1, 9)] })];
    expect(unfinishedRefunds(both, "d1", () => false)).toEqual([{ record: both[0], refund }]);
    expect(unfinishedRefunds(both, "d1", (id) => id === "o1.r1")).toEqual([]);
  });
});
