/** Refunds of two real registers against a real server: however they cross, money is handed out once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ReplicaRecord } from "@tillwire/client/api";
import type { Order } from "@tillwire/protocol/pos/orders";
import type { Refund } from "@tillwire/protocol/pos/refunds";
import type { Transaction } from "@tillwire/protocol/pos/transactions";
import { TestShop, type TestDevice } from "../../../client/test/support/shop.ts";
import { order } from "../../testing/conflict-fixtures.ts";
import { GivenRefunds } from "./given-refunds.ts";
import { buildRefundedOrder, latestRefund, refundedOrder, wayOf, type RefundRequest } from "./refund.ts";
import { Refunds, type RefundOutcome } from "./refunding.ts";

let shop: TestShop;
let [left, right] = [] as unknown as [TestDevice, TestDevice];
beforeAll(async () => {
  shop = await TestShop.open();
  [left, right] = [await shop.device("Left"), await shop.device("Right")];
});
afterAll(() => shop.close());

function refundsOf({ replica }: TestDevice): Refunds {
  return new Refunds({ replica, now: Date.now, shiftId: () => "shift-1", kitchen: () => ({ now: 5, categories: [] }) });
}
function request(device: TestDevice, itemId = "i1"): RefundRequest {
  const { deviceId, name } = device.identity;
  return {
    ...{ lines: [{ itemId, quantity: 1 }], method: "CASH", reason: "", by: { id: deviceId, name } },
    ...{ authorisedBy: null, deviceId, at: 5 },
  };
}
/** A paid order made by `left`, that both have from the server. */
async function sold(id: string): Promise<void> {
  const paid = order({ id, orderNumber: `N-${id}`, paymentStatus: "PAID", orderStatus: "COMPLETED" });
  await left.orders.put(paid);
  for (const device of [left, right])
    await device.until(device.orders.record$(id), (record) => record?.sync === "synced");
}
async function shown(device: TestDevice, id: string): Promise<ReplicaRecord<Order>> {
  return (await device.orders.get(id))!;
}
async function refund(device: TestDevice, id: string): Promise<RefundOutcome> {
  const { outcome } = await refundsOf(device).refund(await shown(device, id), request(device), "server");
  return outcome;
}
async function moneyOf(id: string): Promise<Transaction[]> {
  const rows = await shop.database.sql<{ data: Transaction }[]>`
    select data from records where collection = 'transactions' and data->>'orderId' = ${id}`;
  return rows.map(({ data }) => data);
}

test("both refund the same line at once: one tells to give the money back, the other who was faster", async () => {
  for (const id of ["a1", "a2", "a3"]) {
    await sold(id);
    const outcomes = await Promise.all([refund(left, id), refund(right, id)]);
    await shop.settled(left, right);
    const [given, lost] = outcomes.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
    expect(given?.kind).toBe("given");
    expect(lost).toMatchObject({ kind: "lost", faster: { by: given?.refund.by } });
    expect(await moneyOf(id)).toMatchObject([{ type: "REFUND", amount: 4, shiftId: "shift-1" }]);
    expect((await shown(left, id)).data.refunds).toEqual([given?.refund]);
  }
});

test("somebody else's refund that came while a person was choosing: no money, and who was faster is told", async () => {
  await sold("e1");
  const record = await shown(right, "e1");
  const given = await refund(left, "e1");
  await right.until(right.orders.record$("e1"), (now) => now?.data.refunds?.length === 1);
  const { outcome } = await refundsOf(right).refund(record, request(right), "server");
  expect(await outcome).toMatchObject({ kind: "lost", faster: given.refund });
  await shop.settled(left, right);
  expect(await moneyOf("e1")).toHaveLength(1);
});

test("a register that ends between the steps completes the refund when it starts again, once", async () => {
  await sold("b1");
  const record = await shown(left, "b1");
  const began = latestRefund(refundedOrder(record, request(left), "server"));
  await left.replica.batch(buildRefundedOrder(record, request(left)));
  await left.until(left.orders.record$("b1"), (now) => now?.sync === "synced");
  await left.close();
  await left.open();
  const ended: RefundOutcome[] = [];
  const again = refundsOf(left);
  await Promise.all([again.takeUp((each) => ended.push(each)), refundsOf(left).takeUp((each) => ended.push(each))]);
  await expect.poll(() => ended.length).toBe(2); // two tabs
  expect(ended[0]).toMatchObject({ kind: "given", refund: began });
  await shop.settled(left, right);
  expect(await moneyOf("b1")).toMatchObject([{ id: "b1.r1", amount: 4 }]);
  await again.takeUp((each) => ended.push(each));
  expect(ended).toHaveLength(2);
});

test("without the server the own sale is refunded at once, another register's is not, and what was asked waits", async () => {
  await sold("c1");
  await sold("c2");
  const record = await shown(right, "c1");
  await shop.stop();
  const { outcome } = await refundsOf(right).refund(record, request(right), "server");
  let decided = false;
  void outcome.then(() => (decided = true));
  expect(wayOf(await shown(right, "c2"), false, right.identity.deviceId)).toBe("never");
  const own = await shown(left, "c2");
  expect(wayOf(own, false, left.identity.deviceId)).toBe("here");
  const here = await refundsOf(left).refund(own, request(left), "here");
  expect(await here.outcome).toMatchObject({ kind: "given", refund: { amount: 4 } });
  expect(decided).toBe(false);
  await shop.start();
  expect(await outcome).toMatchObject({ kind: "given" });
  await shop.settled(left, right);
  expect(await moneyOf("c1")).toHaveLength(1);
  expect(await moneyOf("c2")).toHaveLength(1);
});

/** Refunds a coffee at `left` without the server, while `right`, with it, does something else; until both agree. */
async function refundedHere(id: string, meanwhile: () => Promise<unknown>): Promise<{ here: Refund; twice: string[] }> {
  await sold(id);
  const own = await shown(left, id);
  await shop.stop();
  const { refund: here, outcome } = await refundsOf(left).refund(own, request(left), "here");
  expect(await outcome).toMatchObject({ kind: "given" });
  await left.close();
  await shop.start();
  await meanwhile();
  await left.open();
  const twice: string[] = [];
  const kitchen = () => ({ now: 5, categories: [] });
  const given = new GivenRefunds(left.replica, kitchen, (order, refund) => twice.push(`${order.id} ${refund.id}`));
  await left.until(left.replica.conflicts$, (all) => all.some(({ data }) => data.recordId === id));
  // either is the end of it
  await expect
    .poll(async () => {
      const { data, sync } = await shown(left, id);
      return twice.length > 0 || (sync === "synced" && data.refunds?.some((each) => each.id === here.id));
    })
    .toBe(true);
  await shop.settled(left, right);
  given.close();
  return { here, twice };
}

test("refunded here without the server, and at another register meanwhile: both drawers' money is booked, and it is told", async () => {
  const { here, twice } = await refundedHere("f1", async () => {
    const all = { ...request(right), lines: [{ itemId: "i1", quantity: 2 }] };
    const { outcome } = await refundsOf(right).refund(await shown(right, "f1"), all, "server");
    expect(await outcome).toMatchObject({ kind: "given" });
  });
  expect(twice).toEqual([`f1 ${here.id}`]);
  expect((await moneyOf("f1")).map(({ id }) => id).sort()).toEqual(["f1.r1", here.id].sort());
  expect((await shown(right, "f1")).data.refunds).toMatchObject([{ id: "f1.r1" }]);
  expect((await shown(left, "f1")).sync).toBe("synced");
});

test("refunded here without the server, while another register changed the order: the refund is put into it again", async () => {
  const { here, twice } = await refundedHere("g1", async () => {
    await right.orders.put({ ...(await shown(right, "g1")).data, notes: "for Ann" });
    await right.until(right.orders.record$("g1"), (now) => now?.sync === "synced");
  });
  expect(twice).toEqual([]);
  expect(await moneyOf("g1")).toHaveLength(1);
  expect((await shown(right, "g1")).data).toMatchObject({ notes: "for Ann", refunds: [here] });
});

test("an order that changed in another way at once: no money, and no conflict is left for people", async () => {
  await shop.admin("PUT", "/policies", { policies: { orders: "MANUAL" } });
  await sold("d1");
  const record = await shown(right, "d1");
  await left.orders.put({ ...(await shown(left, "d1")).data, notes: "for Ann" });
  await left.until(left.orders.record$("d1"), (now) => now?.sync === "synced");
  const { outcome } = await refundsOf(right).refund(record, request(right), "server");
  expect(await outcome).toMatchObject({ kind: "lost", faster: null, order: { notes: "for Ann" } });
  await shop.settled(left, right);
  await right.until(right.replica.conflicts$, (all) => all.every(({ data }) => data.status === "settled"));
  expect(await moneyOf("d1")).toEqual([]);
  expect((await shown(right, "d1")).data.refunds ?? []).toEqual([]);
});
