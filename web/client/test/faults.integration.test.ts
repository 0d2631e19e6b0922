/** Cut cables, dying servers and closed apps: nothing lost, nothing doubled, digests equal (S1, S2, S5, S12, L1). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstValueFrom } from "rxjs";
import { startFaultProxy, type FaultProxy } from "../../../scripts/support/fault-proxy.ts";
import { newOrder, TestShop, TRANSPORTS, until, type TestDevice, type TransportName } from "./support/shop.ts";

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.open();
});
afterAll(() => shop.close());

async function cabled(
  name: string,
  transport: TransportName,
  speed = 1,
): Promise<{ device: TestDevice; cable: FaultProxy }> {
  const cable = await startFaultProxy(shop.port);
  return { device: await shop.device(name, transport, cable.url, speed), cable };
}

async function sell(device: TestDevice, count: number): Promise<string[]> {
  // Noise, so that compression leaves something to cut.
  const noise = () => Array.from({ length: 10 }, () => crypto.randomUUID()).join("");
  const made = Array.from({ length: count }, () => newOrder({ notes: noise() }));
  await device.replica.batch(() => made.map((data) => ({ op: "put", collection: "orders", data })));
  return made.map(({ id }) => id);
}

/** Each of the orders once: one version, no conflict. */
async function eachOnce(ids: readonly string[]): Promise<void> {
  const rows = await shop.database.sql<{ local_id: string; sync_version: number }[]>`
    select local_id, sync_version from records where collection = 'orders' and local_id = any(${ids as string[]})`;
  expect(new Map(rows.map((row) => [row.local_id, row.sync_version]))).toEqual(new Map(ids.map((id) => [id, 1])));
  const told = await shop.database.sql`
    select 1 from records where collection = 'conflicts' and data ->> 'recordId' = any(${ids as string[]})`;
  expect(told).toHaveLength(0);
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each([200, 3_000, 12_000])("the cable is cut %i bytes into a push", async (bytes) => {
    const { device, cable } = await cabled(`push ${transport} ${bytes}`, transport);
    await shop.settled(device);
    const cut = cable.cutAfter("up", bytes);
    const ids = await sell(device, 100);
    await cut;
    await cable.heal();
    await shop.settled(device);
    await eachOnce(ids);
    await cable.close();
  });

  test.each([100, 2_000, 10_000])("the cable is cut %i bytes into the results and frames", async (bytes) => {
    const { device, cable } = await cabled(`results ${transport} ${bytes}`, transport);
    await shop.settled(device);
    const cut = cable.cutAfter("down", bytes);
    const ids = await sell(device, 100);
    await cut;
    await cable.heal();
    await shop.settled(device);
    await eachOnce(ids);
    await cable.close();
  });

  test("the cable is cut again and again while a new device catches up", async () => {
    const seller = await shop.device(`seller ${transport}`);
    const ids = await sell(seller, 400);
    await shop.settled(seller);
    const cable = await startFaultProxy(shop.port);
    const cuts = [20_000, 50_000, 120_000].reduce(
      (before, bytes) => before.then(() => cable.cutAfter("down", bytes)),
      Promise.resolve(),
    );
    const device = await shop.device(`late ${transport}`, transport, cable.url);
    await until(device.replica.stats$, ({ lastSyncAt }) => lastSyncAt !== null, 60_000);
    await shop.settled(device, seller);
    expect((await device.orders.query()).filter(({ localId }) => ids.includes(localId))).toHaveLength(400);
    await cable.heal();
    await cable.close();
    void cuts;
  });

  test("the server goes away in the middle of it and comes back", async () => {
    const { device, cable } = await cabled(`restart ${transport}`, transport);
    await shop.settled(device);
    const cut = cable.cutAfter("up", 8_000);
    const ids = await sell(device, 150);
    await cut;
    await shop.stop();
    ids.push(...(await sell(device, 50)));
    await shop.start();
    await cable.heal();
    await shop.settled(device);
    await eachOnce(ids);
    await cable.close();
  });

  test("the app is closed and opened again without a network", async () => {
    const { device, cable } = await cabled(`reopen ${transport}`, transport);
    await shop.settled(device);
    const cut = cable.cutAfter("up", 2_000);
    const ids = await sell(device, 30);
    await cut;
    await cable.refuse();
    await device.close();
    await device.open();
    expect((await firstValueFrom(device.replica.stats$)).pending).toBe(30);
    ids.push(...(await sell(device, 10)));
    await device.close();
    await device.open();
    expect((await device.orders.query()).filter(({ localId }) => ids.includes(localId))).toHaveLength(40);
    await cable.heal();
    await shop.settled(device);
    await eachOnce(ids);
    await cable.close();
  });
});

test("live links are blocked by a proxy: HTTP carries on; unblocked, the device is live again by itself", async () => {
  const { device, cable } = await cabled("blocked", "socket.io");
  const other = await shop.device("free", "websocket");
  await until(device.replica.link$, ({ state }) => state === "live");
  cable.blockLive();
  await until(device.replica.link$, ({ state }) => state === "polling");
  const ids = await sell(device, 5);
  await until(device.replica.stats$, ({ pending }) => pending === 0);
  await until(other.orders.records$, (orders) => orders.filter(({ localId }) => ids.includes(localId)).length === 5);
  const [theirs] = await sell(other, 1);
  await until(device.orders.records$, (orders) => orders.some(({ localId }) => localId === theirs));
  await cable.heal();
  await until(device.replica.link$, ({ state }) => state === "live", 60_000);
  await shop.settled(device, other);
  await eachOnce([...ids, theirs!]);
  await cable.close();
});

test("L4: a half-open link is noticed: connected, something pending, and no result for 30 s", async () => {
  const { device, cable } = await cabled("stalled", "websocket", 20);
  await shop.settled(device);
  cable.stall();
  const ids = await sell(device, 3);
  await until(device.replica.link$, ({ state }) => state !== "live");
  await cable.heal();
  await shop.settled(device);
  await eachOnce(ids);
  await cable.close();
});

test("two devices change one order at once, and one deletes what another changes: one outcome everywhere, the loser kept", async () => {
  const [a, b] = [await shop.device("both a", "socket.io"), await shop.device("both b", "http")];
  const [one, two] = [newOrder(), newOrder()];
  await a.orders.put(one);
  await a.orders.put(two);
  await shop.settled(a, b);
  const [readOne, readTwo] = [(await b.orders.get(one.id))!.readAt, (await b.orders.get(two.id))!.readAt];
  await Promise.all([
    a.orders.put({ ...one, notes: "a" }, { readAt: readOne }),
    b.orders.put({ ...one, notes: "b" }, { readAt: readOne }),
    a.orders.delete(two.id, { readAt: readTwo }),
    b.orders.put({ ...two, notes: "b" }, { readAt: readTwo }),
  ]);
  await shop.settled(a, b);
  const conflicts = await until(a.replica.conflicts$, (all) => all.length >= 2);
  const about = (id: string) => conflicts.filter(({ data }) => data.recordId === id);
  expect(about(one.id)).toHaveLength(1);
  expect(about(two.id)).toHaveLength(1);
  const loser = about(one.id)[0]!.data.client.data as { notes: string };
  const winner = (await a.orders.get(one.id))!.data.notes;
  expect([winner, loser.notes].sort()).toEqual(["a", "b"]);
});

test("S7: edits made while a push is in flight end in the last one, without a conflict", async () => {
  const { device, cable } = await cabled("editor", "websocket");
  await shop.settled(device);
  cable.delay(30);
  const order = newOrder();
  for (let i = 0; i < 25; i++) {
    await device.orders.put({ ...order, notes: `edit ${i}` });
    if (i % 5 === 0)
      await until(device.replica.outbox$, (rows) => rows.some(({ state }) => state === "sent") || rows.length === 0);
  }
  await shop.settled(device);
  expect((await shop.serverOrders()).get(order.id)!.data.notes).toBe("edit 24");
  const told = await shop.database.sql`
    select 1 from records where collection = 'conflicts' and data ->> 'recordId' = ${order.id}`;
  expect(told).toHaveLength(0);
  await cable.close();
});
