/** The seed's HTTP API, spoken as existing devices speak it: the wire's bodies, their clocks, ids and numbers. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { goLive } from "./support/live-client.ts";
import { startTestServer, type Answer, type TestServer } from "./support/server.ts";
import { checkStore, order, transaction } from "./support/shop-fixture.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

const wire = (name: string): any =>
  JSON.parse(readFileSync(new URL(`./fixtures/wire/${name}.json`, import.meta.url), "utf8"));

/** A shop of its own for each test, with the two devices that the wire's bodies name. */
let storeId: string;
let abc: string;
let def: string;
beforeEach(async () => {
  storeId = await shop.openShop("seed");
  abc = (await shop.enrol({ storeId, deviceId: "device-abc-123", role: "script" })).token;
  def = (await shop.enrol({ storeId, deviceId: "device-def-456", role: "script" })).token;
});

const send = (token: string, path: string, body: unknown): Promise<Answer> =>
  shop.request(token, "POST", `/api/sync/${path}`, body);
const updates = async (token: string, query = ""): Promise<any> =>
  (await shop.request(token, "GET", `/api/sync/updates${query}`)).body;
const batch = (deviceId: string, more: object = {}): any => ({ deviceId, orders: [], transactions: [], ...more });
const orderItem = (id: string, changes: object = {}, more: object = {}): any => ({
  order: order(id, changes),
  localId: id,
  deviceId: "device-abc-123",
  ...more,
});
const transactionItem = (id: string, changes: object = {}): any => ({
  transaction: transaction(id, changes),
  localId: id,
  deviceId: "device-abc-123",
});
const rows = (table: string): Promise<any[]> =>
  shop.database.sql.unsafe(`select * from ${table} where store_id = $1 order by created_at, id`, [storeId]);

/** What a strict decoder wants of every sync response. */
function expectDecodable(response: any): void {
  expect(typeof response.success).toBe("boolean");
  expect(response).toHaveProperty("serverId");
  expect(Number.isInteger(response.syncedAt)).toBe(true);
  for (const { field, localValue, serverValue, resolution } of response.conflicts) {
    for (const text of [field, localValue, serverValue, resolution]) expect(typeof text).toBe("string");
  }
}

describe("the wire's bodies", () => {
  test("are taken, in the order of the request, and again: nothing doubled, no conflict", async () => {
    const written = wire("batch-defaults-written");
    const omitted = wire("batch-defaults-omitted");
    for (const body of [written, omitted, written, omitted]) {
      const { status, body: answer } = await send(abc, "batch", body);
      expect(status).toBe(200);
      expect(answer).toMatchObject({ success: true, nextSyncToken: expect.any(String) });
      expect(answer.syncedOrders.map(({ serverId }: any) => serverId)).toEqual(
        body.orders.map(({ localId }: any) => localId),
      );
      for (const response of [...answer.syncedOrders, ...answer.syncedTransactions]) {
        expectDecodable(response);
        expect(response).toMatchObject({ success: true, conflicts: [] });
      }
      const nothing = { orders: [], transactions: [], deletedOrderIds: [], deletedTransactionIds: [] };
      expect(answer.serverUpdates).toEqual(nothing);
    }
    expect(await rows("sync_orders")).toHaveLength(2);
    expect(await rows("transactions")).toMatchObject([{ amount: "16.31", order_id: written.orders[0].localId }]);
    await checkStore(shop.database.sql, storeId);
  });

  test("an order is modified, and deleted, each time also twice", async () => {
    await send(abc, "batch", wire("batch-defaults-written"));
    for (const name of ["order-modified", "order-modified", "order-deleted", "order-deleted"]) {
      const { status, body } = await send(abc, "order", wire(name));
      expect([name, status]).toEqual([name, 200]);
      expectDecodable(body);
      expect(body).toMatchObject({ success: true, serverId: wire(name).localId, conflicts: [] });
    }
    expect((await updates(def)).deletedOrderIds).toEqual([wire("order-deleted").localId]);
    // a retry of what has been superseded
    expect((await send(abc, "order", wire("order-modified"))).body.success).toBe(true);
    expect(await rows("sync_orders")).toHaveLength(1);
  });

  test("a number that is taken is amended: the sale is taken, and stays so", async () => {
    await send(abc, "batch", wire("batch-defaults-written"));
    for (let sent = 0; sent < 2; sent++) {
      const { body } = await send(def, "order", wire("order-number-taken"));
      expectDecodable(body);
      expect(body).toMatchObject({ success: true, serverId: wire("order-number-taken").localId });
    }
    const numbers = (await rows("sync_orders")).map(({ order_number }) => order_number).sort();
    expect(numbers).toEqual(["ORD-1001", "ORD-1001-2", "ORD-1002"]);
    // stored otherwise than sent: the device gets its own order back
    const seen = await updates(def);
    const own = seen.orders.find(({ localId }: any) => localId === wire("order-number-taken").localId);
    expect(own.order.orderNumber).toBe("ORD-1001-2");
  });
});

describe("the seed's tests", () => {
  test("the same order sent 3 and 10 times gives one row", async () => {
    for (let sent = 0; sent < 3; sent++) await send(abc, "order", orderItem("o"));
    expect(await rows("sync_orders")).toHaveLength(1);
    await Promise.all(Array.from({ length: 10 }, () => send(abc, "order", orderItem("o"))));
    const item = orderItem("o");
    await send(abc, "batch", batch("device-abc-123", { orders: Array.from({ length: 10 }, () => item) }));
    expect(await rows("sync_orders")).toHaveLength(1);
  });

  test("server wins on conflict, with the server's value and version unchanged", async () => {
    await send(abc, "order", orderItem("o", { total: 100 }));
    await send(abc, "order", orderItem("o", { total: 150 }, { syncVersion: 2 }));
    const { body } = await send(def, "order", orderItem("o", { total: 120 }));
    expectDecodable(body);
    expect(body).toMatchObject({ success: false, message: "Conflict: server version is newer" });
    expect(body.conflicts).toContainEqual({
      field: "total",
      localValue: "120",
      serverValue: "150",
      resolution: "SERVER_WINS",
    });
    expect(await rows("sync_orders")).toMatchObject([{ total: "150.00", sync_version: 2 }]);
  });

  test("a conflict adds the current record to the updates of its batch", async () => {
    await send(abc, "order", orderItem("o", { total: 100 }));
    await send(abc, "order", orderItem("o", { total: 150 }, { syncVersion: 2 }));
    const first = (await send(def, "batch", batch("device-def-456"))).body;
    expect(first.serverUpdates.orders).toHaveLength(1);
    const acknowledged = { lastSyncTimestamp: 1, orders: [orderItem("o", { total: 120 })] };
    const { body } = await send(def, "batch", batch("device-def-456", acknowledged));
    expect(body.syncedOrders[0].success).toBe(false);
    expect(body.serverUpdates.orders).toMatchObject([{ localId: "o", syncVersion: 2, order: { total: 150 } }]);
  });
});

describe("items", () => {
  test("an item of another device is that device's record", async () => {
    await send(def, "order", orderItem("o", {}, { deviceId: "device-abc-123" }));
    expect(await rows("sync_orders")).toMatchObject([{ device_id: "device-abc-123" }]);
  });

  test("a bad item gets its own answer in its place", async () => {
    const orders = [5, orderItem("a"), { localId: "b" }, orderItem("c", { total: 1.234 }), orderItem("d")];
    const { body } = await send(abc, "batch", batch("device-abc-123", { orders }));
    expect(body.syncedOrders.map(({ success }: any) => success)).toEqual([false, true, false, false, true]);
    expect(body.syncedOrders.map(({ serverId }: any) => serverId)).toEqual([null, "a", "b", "c", "d"]);
    body.syncedOrders.forEach(expectDecodable);
    expect(body.syncedOrders[3].message).toMatch(/^SCHEMA/);
  });

  test("another device's id in the batch or the query is 403", async () => {
    const { status, body } = await send(abc, "batch", batch("device-def-456"));
    expect([status, body.code]).toEqual([403, "FORBIDDEN"]);
    expect((await shop.request(abc, "GET", "/api/sync/updates?deviceId=device-def-456")).status).toBe(403);
    expect((await shop.request(abc, "GET", "/api/sync/updates?deviceId=device-abc-123")).status).toBe(200);
  });

  test("a serverHash names the base: what others did since is a conflict", async () => {
    await send(abc, "order", orderItem("o"));
    const [{ serverHash }] = (await updates(def)).orders;
    await send(abc, "order", orderItem("o", { notes: "abc" }, { syncVersion: 2 }));
    const { body } = await send(def, "order", orderItem("o", { notes: "def" }, { syncVersion: 5, serverHash }));
    expect(body).toMatchObject({ success: false, message: "Conflict: the record was modified concurrently" });
    expect((await rows("sync_orders"))[0].notes).toBe("abc");
  });

  test("what comes in here reaches live registers, and theirs is in the updates", async () => {
    const register = await goLive(shop.url, "socket.io", (await shop.enrol({ storeId })).token);
    await send(abc, "order", orderItem("o"));
    await register.next("changes", ({ changes }) => changes.some(({ localId }: any) => localId === "o"));
    register.close();
  });
});

describe("ids of five random digits", () => {
  const sale = (id: string, createdAt: number, number: string): any =>
    orderItem(id, { createdAt, orderNumber: number });

  test("a second sale under one id is filed under its own, and later items find it", async () => {
    await send(abc, "order", sale("local-48213", 1_000, "ORD-1"));
    const second = { ...sale("local-48213", 2_000, "ORD-2"), deviceId: "device-def-456" };
    const filed = (await send(def, "order", second)).body;
    expect(filed).toMatchObject({ success: true, serverId: "local-48213.2000" });
    expect((await send(def, "order", second)).body).toMatchObject({ success: true, serverId: "local-48213.2000" });
    const modified = { ...second, syncVersion: 2, order: { ...second.order, notes: "changed" } };
    expect((await send(def, "order", modified)).body).toMatchObject({ success: true, serverId: "local-48213.2000" });
    const found = (await rows("sync_orders")).map(({ id, order_number, notes }) => [id, order_number, notes]);
    expect(found).toEqual([
      ["local-48213", "ORD-1", null],
      ["local-48213.2000", "ORD-2", "changed"],
    ]);
  });

  test("so is one whose id belongs to a deleted sale, and one of the same device", async () => {
    await send(abc, "order", sale("local-1", 1_000, "ORD-1"));
    await send(abc, "order", { ...sale("local-1", 1_000, "ORD-1"), syncStatus: "DELETED", syncVersion: 2 });
    expect((await send(abc, "order", sale("local-1", 3_000, "ORD-3"))).body.serverId).toBe("local-1.3000");
  });

  test("the orderId of transactions is translated, in the same batch or later, and retries stay what they are", async () => {
    await send(abc, "order", sale("local-7", 1_000, "ORD-1"));
    const orders = [{ ...sale("local-7", 2_000, "ORD-1"), deviceId: "device-def-456" }];
    const item = (id: string): any => ({
      ...transactionItem(id, { orderId: "local-7", orderNumber: "ORD-1" }),
      deviceId: "device-def-456",
    });
    const body = batch("device-def-456", { orders, transactions: [item("t-1")], lastSyncTimestamp: 1 });
    for (let sent = 0; sent < 2; sent++) {
      const { body: answer } = await send(def, "batch", body);
      expect(answer.syncedTransactions).toMatchObject([{ success: true, serverId: "t-1", conflicts: [] }]);
      // stored otherwise than sent, so the device is told
      const told = answer.serverUpdates.transactions.find(({ localId }: any) => localId === "t-1");
      expect(told.transaction.orderId).toBe("local-7.2000");
    }
    expect((await send(def, "transaction", item("t-2"))).body.success).toBe(true);
    await send(abc, "transaction", transactionItem("t-3", { orderId: "local-7", orderNumber: "ORD-1" }));
    const found = (await rows("transactions")).map(({ id, order_id }) => [id, order_id]);
    expect(found).toEqual([
      ["t-1", "local-7.2000"],
      ["t-2", "local-7.2000"],
      ["t-3", "local-7"],
    ]);
  });

  test("a transaction that came before its order stays as it was sent", async () => {
    await send(abc, "order", sale("local-9", 1_000, "ORD-1"));
    const early = { ...transactionItem("t", { orderId: "local-9", orderNumber: "ORD-2" }), deviceId: "device-def-456" };
    await send(def, "transaction", early);
    await send(def, "order", { ...sale("local-9", 2_000, "ORD-2"), deviceId: "device-def-456" });
    expect((await send(def, "transaction", early)).body).toMatchObject({ success: true, conflicts: [] });
  });
});

describe("updates", () => {
  const ids = (answer: any): string[] => answer.serverUpdates.orders.map(({ localId }: any) => localId);
  const sync = async (lastSyncTimestamp: number | null, token = def, deviceId = "device-def-456"): Promise<any> =>
    (await send(token, "batch", batch(deviceId, { lastSyncTimestamp }))).body;

  test("a changed lastSyncTimestamp acknowledges the answer, the same one repeats it, null begins again", async () => {
    await send(abc, "order", orderItem("a"));
    expect(ids(await sync(null))).toEqual(["a"]);
    expect(ids(await sync(null))).toEqual(["a"]);
    expect(ids(await sync(111))).toEqual([]);
    await send(abc, "order", orderItem("b"));
    // the answer was lost: the device sends the same value again
    expect(ids(await sync(111))).toEqual(["b"]);
    expect(ids(await sync(111))).toEqual(["b"]);
    await send(abc, "order", orderItem("c"));
    expect(ids(await sync(111))).toEqual(["b", "c"]);
    // its clock runs backwards: a value is no cursor
    expect(ids(await sync(5))).toEqual([]);
    expect(ids(await sync(null))).toEqual(["a", "b", "c"]);
  });

  test("a first value starts from 0", async () => {
    await send(abc, "order", orderItem("a"));
    expect(ids(await sync(Date.now()))).toEqual(["a"]);
  });

  test("a sync token goes on where it stands, and one of another epoch is a reset", async () => {
    await send(abc, "order", orderItem("a"));
    const { nextSyncToken } = await sync(null);
    await send(abc, "order", orderItem("b"));
    const { body } = await send(def, "batch", batch("device-def-456", { syncToken: nextSyncToken }));
    expect(ids(body)).toEqual(["b"]);
    const other = nextSyncToken.replace(/^tw3\.[^.]+/, "tw3.another");
    const orders = [orderItem("never")];
    const refused = await send(def, "batch", batch("device-def-456", { syncToken: other, orders }));
    expect([refused.status, refused.body.code]).toEqual([409, "RESET"]);
    expect(await rows("sync_orders")).toHaveLength(2);
    expect((await shop.request(def, "GET", `/api/sync/updates?since=${other}`)).status).toBe(409);
  });

  test("a device's own changes are left out, others' are items as it would send them", async () => {
    await send(abc, "order", orderItem("mine"));
    await send(def, "order", orderItem("theirs", {}, { deviceId: "device-def-456" }));
    const seen = await updates(abc, "?deviceId=device-abc-123");
    expect(seen.orders).toEqual([
      {
        order: expect.objectContaining({ id: "theirs" }),
        localId: "theirs",
        syncStatus: "SYNCED",
        syncVersion: 1,
        deviceId: "device-def-456",
        lastSyncedAt: expect.any(Number),
        serverHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
    expect(seen).toMatchObject({ transactions: [], deletedOrderIds: [], deletedTransactionIds: [], hasMore: false });
  });

  test("what another device changed of its own records comes back", async () => {
    await send(abc, "order", orderItem("o"));
    await send(def, "order", orderItem("o", { notes: "def" }, { syncVersion: 2 }));
    expect((await updates(abc)).orders).toMatchObject([{ localId: "o", syncVersion: 2, order: { notes: "def" } }]);
  });

  test("since takes a sync token, epoch milliseconds with overlap, or nothing", async () => {
    await send(abc, "order", orderItem("a"));
    const { nextSyncToken } = await updates(def);
    await send(abc, "order", orderItem("b"));
    const seen = async (since: string): Promise<string[]> =>
      (await updates(def, `?since=${since}`)).orders.map(({ localId }: any) => localId);
    expect(await seen(nextSyncToken)).toEqual(["b"]);
    expect(await seen(String(Date.now()))).toEqual(["a", "b"]);
    await shop.database
      .sql`update records set updated_at = now() - interval '6 minutes' where store_id = ${storeId} and local_id = 'a'`;
    expect(await seen(String(Date.now()))).toEqual(["b"]);
    expect(await seen("0")).toEqual(["a", "b"]);
    expect(await seen("")).toEqual(["a", "b"]);
    expect((await shop.request(def, "GET", "/api/sync/updates?since=yesterday")).status).toBe(422);
  });

  test("answers hold at most 500 updates, and what is left follows", async () => {
    const orders = Array.from({ length: 1_100 }, (_, index) => orderItem(`o-${index}`));
    const filed = (await send(abc, "batch", batch("device-abc-123", { orders }))).body;
    expect(filed.syncedOrders.every(({ success }: any) => success)).toBe(true);
    const seen = new Set<string>();
    for (const [timestamp, expected] of [
      [null, 500],
      [1, 500],
      [2, 100],
      [3, 0],
    ] as const) {
      const answer = await sync(timestamp);
      expect(ids(answer)).toHaveLength(expected);
      for (const id of ids(answer)) seen.add(id);
    }
    expect(seen.size).toBe(1_100);
    const page = await updates(def);
    expect([page.orders.length, page.hasMore]).toEqual([500, true]);
    const next = await updates(def, `?since=${page.nextSyncToken}`);
    expect([next.orders.length, next.hasMore]).toEqual([500, true]);
  });

  test("a device hears nothing of another shop", async () => {
    const elsewhere = await shop.openShop("elsewhere");
    const stranger = (await shop.enrol({ storeId: elsewhere, deviceId: "device-abc-123" })).token;
    await send(stranger, "order", orderItem("theirs"));
    expect((await updates(def)).orders).toEqual([]);
    await send(abc, "order", orderItem("theirs"));
    expect(await rows("sync_orders")).toHaveLength(1);
  });
});

test("a batch of 5,000 items is taken whole, one more is refused", async () => {
  const orders = Array.from({ length: 5_000 }, (_, index) => orderItem(`many-${index}`, { items: [] }));
  const { status, body } = await send(abc, "batch", batch("device-abc-123", { orders }));
  expect(status).toBe(200);
  expect(body.syncedOrders.filter(({ success }: any) => success)).toHaveLength(5_000);
  const more = await send(abc, "batch", batch("device-abc-123", { orders: [...orders, orders[0]] }));
  expect([more.status, more.body.code]).toEqual([400, "MALFORMED"]);
  await checkStore(shop.database.sql, storeId);
});

test("a revoked device is refused at every door", async () => {
  await shop.admin("DELETE", `/api/admin/devices/device-abc-123?storeId=${storeId}`);
  for (const path of ["batch", "order", "transaction"]) {
    const { status, body } = await send(abc, path, {});
    expect([status, body.code]).toEqual([401, "DEVICE_REVOKED"]);
  }
});
