/** Existing devices send back orders that a register has worked on: what they know nothing of is not lost by it. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { hashOf } from "@tillwire/protocol/hash";
import type { Order } from "@tillwire/protocol/pos/orders";
import { refundAmount, refundId, type RefundLine } from "@tillwire/protocol/pos/refunds";
import { startTestServer, type Answer, type TestServer } from "./support/server.ts";
import { checkStore } from "./support/shop-fixture.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

const wire = (name: string): any =>
  JSON.parse(readFileSync(new URL(`./fixtures/wire/${name}.json`, import.meta.url), "utf8"));
const DEVICE = "device-abc-123";
const [PAID, OPEN] = wire("batch-defaults-written").orders.map(({ localId }: any) => localId) as [string, string];

let storeId: string;
let older: string;
let register: string;
beforeEach(async () => {
  storeId = await shop.openShop("older");
  older = (await shop.enrol({ storeId, deviceId: DEVICE, role: "script" })).token;
  register = (await shop.enrol({ storeId })).token;
  await send("batch", wire("batch-defaults-written"));
});

const send = (path: string, body: unknown): Promise<Answer> => shop.request(older, "POST", `/api/sync/${path}`, body);

/** As the register's replica sees it. */
async function read(localId: string): Promise<{ syncVersion: number; hash: string; data: Order; syncToken: string }> {
  const { body } = await shop.request(register, "GET", "/api/sync/pull");
  const change = body.changes.find((each: any) => each.localId === localId);
  return { ...change, syncToken: body.syncToken };
}
/** The register edits the order, on what it sees. */
async function edit(localId: string, change: (order: Order) => Order): Promise<Order> {
  const { syncVersion, hash, data: before, syncToken } = await read(localId);
  const data = change(before);
  const base = { version: syncVersion, hash };
  const put = {
    collection: "orders",
    localId,
    op: "put",
    syncVersion: syncVersion + 1,
    base,
    hash: hashOf(data),
    data,
  };
  const { body } = await shop.request(register, "POST", "/api/sync/push", { id: "p", syncToken, writes: [put] });
  expect(body.results).toMatchObject([{ outcome: "accepted" }]);
  return data;
}
/** What such a device makes of an order that it was sent: what it knows, with its own defaults; and then its change. */
async function sentBack(name: string, localId: string, change: object): Promise<any> {
  const known = wire(name).orders?.find((item: any) => item.localId === localId) ?? wire(name);
  const { data, syncVersion } = await read(localId);
  const order = Object.fromEntries(Object.keys(known.order).map((key) => [key, (data as any)[key] ?? null]));
  return { ...known, syncVersion: syncVersion + 1, syncStatus: "MODIFIED", order: { ...order, ...change } };
}

const sam = { id: "sam", name: "Sam" };
/** One of the two flat whites is given back at the register. */
const refunded = (order: Order): Order => {
  const lines: RefundLine[] = [{ itemId: order.items[0]!.id, quantity: 1 }];
  const refund = { id: refundId(PAID, order), at: 5, lines, amount: refundAmount(order, lines), by: sam };
  return { ...order, userId: "sam", userName: "Sam", refunds: [{ ...refund, method: "CASH" as const }] };
};

test.each(["batch-defaults-written", "batch-defaults-omitted"])(
  "retries of %s after a register refunded and opened those orders change nothing",
  async (name) => {
    const given = await edit(PAID, refunded);
    const opened = await edit(OPEN, (order) => ({ ...order, holder: { deviceId: "d", name: "Front", at: 5 } }));
    for (let sent = 0; sent < 2; sent++) {
      const { body } = await send("batch", wire(name));
      expect(body.syncedOrders).toMatchObject([{ success: true }, { success: true }]);
    }
    expect((await read(PAID)).data).toEqual(given);
    expect((await read(OPEN)).data).toEqual(opened);
  },
);

test("a paid order that is sent back with another note, or as refunded, keeps its refunds, and who gave them", async () => {
  const given = await edit(PAID, refunded);
  const noted = await sentBack("batch-defaults-omitted", PAID, { notes: "for Ann" });
  const { body } = await send("order", noted);
  expect(body).toMatchObject({ success: true });
  expect(body.conflicts.map(({ field }: any) => field)).toEqual(["notes"]);
  expect((await read(PAID)).data).toMatchObject({ notes: "for Ann", refunds: given.refunds, userName: "Sam" });
  const all = { paymentStatus: "REFUNDED", orderStatus: "REFUNDED" };
  const whole = await sentBack("batch-defaults-written", PAID, all);
  expect((await send("order", whole)).body).toMatchObject({ success: true });
  expect((await read(PAID)).data).toMatchObject({ ...all, refunds: given.refunds });
  const { syncVersion } = await read(PAID);
  // a lost answer: the very same again
  expect((await send("order", whole)).body).toMatchObject({ success: true });
  expect((await read(PAID)).syncVersion).toBe(syncVersion);
  await checkStore(shop.database.sql, storeId);
});

test("an open order that a register was paid for can be given back by the device that made it", async () => {
  await edit(OPEN, (order) => ({
    ...{ ...order, paymentStatus: "PAID", orderStatus: "COMPLETED", tip: 0.46, userId: "sam", userName: "Sam" },
    payments: [{ id: "t", method: "CASH", amount: 5 }],
  }));
  const back = await sentBack("order-modified", OPEN, { paymentStatus: "REFUNDED", orderStatus: "REFUNDED" });
  expect((await send("order", back)).body).toMatchObject({ success: true });
  expect((await read(OPEN)).data).toMatchObject({
    ...{ paymentStatus: "REFUNDED", tip: 0.46, payments: [{ amount: 5 }], userName: "Sam" },
  });
});

test("the wire's own modification, older than the register's, leaves the register's in place", async () => {
  const opened = await edit(OPEN, (order) => ({ ...order, notes: "window", userName: "Sam" }));
  expect((await send("order", wire("order-modified"))).body).toMatchObject({ success: false });
  expect((await read(OPEN)).data).toEqual(opened);
  // and once it counts on from what it was sent, it is taken, with what it knows nothing of
  const paid = await sentBack("order-modified", OPEN, { paymentStatus: "PAID", orderStatus: "COMPLETED" });
  expect((await send("order", paid)).body).toMatchObject({ success: true });
  expect((await read(OPEN)).data).toMatchObject({ paymentStatus: "PAID", notes: "window", userName: "Sam" });
});

test.each(["CLIENT_WINS", "MERGE", "MANUAL"])(
  "nothing of it is lost under %s, where the device names its base",
  async (policy) => {
    await shop.admin("PUT", "/api/admin/policies", { policies: { orders: policy } });
    const { hash: serverHash } = await read(PAID);
    const given = await edit(PAID, refunded);
    const noted = { ...(await sentBack("batch-defaults-written", PAID, { notes: "for Ann" })), serverHash };
    await send("order", noted);
    expect((await read(PAID)).data).toMatchObject({ refunds: given.refunds, userName: "Sam" });
    await checkStore(shop.database.sql, storeId);
  },
);
