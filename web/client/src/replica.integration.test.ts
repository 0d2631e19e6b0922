/** Replicas on IndexedDB (fake-indexeddb) against the real server, over every link. */
import "fake-indexeddb/auto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { hashOf } from "@tillwire/protocol/hash";
import { orders } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import { startTestServer, type TestServer } from "../../../server/test/support/server.ts";
import { order } from "../../../server/test/support/shop-fixture.ts";
import { latest } from "../test/fixtures.ts";
import type { Identity, Replica, ReplicaOptions } from "./api.ts";
import { browserEnvironment } from "./browser.ts";
import type { Environment } from "./environment.ts";
import { openIndexedDb } from "./indexed-db.ts";
import { createReplica } from "./replica.ts";
import { webSocketLinks } from "./transports/websocket.ts";
import { openSocketIo } from "./transports/socket-io.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

const opened: Replica[] = [];
afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
});

function host(deviceId: string): Environment {
  return browserEnvironment({
    // every device has a database of its own, though all run in this process
    openStore: (name) => openIndexedDb(`${deviceId}/${name}`),
    openChannel: () => null,
    locks: null,
    openLink: { "socket.io": openSocketIo, websocket: webSocketLinks((url) => new WebSocket(url)) },
  });
}

async function open(identity: Identity, options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  const collections = SHOP_COLLECTIONS;
  const replica = await createReplica({ url: shop.url, identity, collections, ...options }, host(identity.deviceId));
  opened.push(replica);
  return replica;
}

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 15_000, interval: 10 }).toBe(true);
}

const LINKS: [string, Partial<ReplicaOptions>][] = [
  ["Socket.IO", { live: ["socket.io"] }],
  ["plain WebSocket", { live: ["websocket"] }],
  ["HTTP alone", { live: [], syncIntervalMs: 200 }],
];

describe.each(LINKS)("over %s", (_name, options) => {
  it("sales of two registers reach each other once, digests equal, and survive a restart of the register", async () => {
    const [one, two] = [await shop.enrol(), await shop.enrol()];
    const [a, b] = [await open(one, options), await open(two, options)];
    const ids = Array.from({ length: 20 }, (_, i) => `${one.deviceId}-${i}`);
    for (const id of ids) await a.collection(orders).put(order(id));
    const seen = latest(b.collection(orders).records$);
    await until(() => ids.every((id) => seen.value?.some((record) => record.localId === id)));
    const [statsA, statsB] = [latest(a.stats$), latest(b.stats$)];
    await until(() => [statsA, statsB].every(({ value }) => value?.pending === 0 && value.digestsEqual === true));
    await b.collection(orders).put(order(ids[0]!, { notes: "taken over" }));
    await expect
      .poll(async () => (await a.collection(orders).get(ids[0]!))?.data.notes, { timeout: 10_000 })
      .toBe("taken over");
    await a.close();
    const again = await open(one, options);
    expect((await again.collection(orders).query()).length).toBe(seen.value?.length);
    expect(await again.syncNow()).toMatchObject({ pending: 0, failed: 0 });
  });

  it("the loser of a conflict takes the server's value, and the conflict is in its inbox", async () => {
    const [one, two] = [await shop.enrol(), await shop.enrol()];
    const [a, b] = [await open(one, options), await open(two, options)];
    const id = `conflict-${one.deviceId}`;
    const saved = await a.collection(orders).put(order(id));
    await a.syncNow();
    await b.syncNow();
    await b.collection(orders).put(order(id, { notes: "b" }));
    await b.syncNow();
    await a.collection(orders).put(order(id, { notes: "a" }), { readAt: { version: 1, hash: saved.hash } });
    await a.syncNow();
    const inbox = latest(a.conflicts$);
    await until(() => inbox.value?.some(({ data }) => data.recordId === id) ?? false);
    await expect.poll(async () => (await a.collection(orders).get(id))?.data.notes).toBe("b");
    expect(inbox.value?.find(({ data }) => data.recordId === id)?.data.client.hash).toBe(
      hashOf(order(id, { notes: "a" })),
    );
  });
});

it("a new epoch is read from 0, and what the register holds beyond it is offered again", async () => {
  const identity = await shop.enrol();
  const a = await open(identity, { live: ["websocket"] });
  const stats = latest(a.stats$);
  await a.collection(orders).put(order(`kept-${identity.deviceId}`));
  await until(() => stats.value?.pending === 0 && stats.value.digestsEqual === true);
  await shop.admin("POST", "/api/admin/epoch", { storeId: shop.storeId });
  await a.collection(orders).put(order(`later-${identity.deviceId}`));
  await expect.poll(() => a.syncNow().catch(() => null), { timeout: 10_000 }).toMatchObject({ pending: 0, failed: 0 });
  await until(() => stats.value?.digestsEqual === true);
  expect(await a.collection(orders).get(`kept-${identity.deviceId}`)).toMatchObject({ sync: "synced" });
});

it("a revoked register pauses and keeps what it holds", async () => {
  const identity = await shop.enrol();
  const a = await open(identity, { live: ["websocket"] });
  const link = latest(a.link$);
  await until(() => link.value?.state === "live");
  await shop.admin("DELETE", `/api/admin/devices/${identity.deviceId}`);
  await until(() => link.value?.paused === "reauthenticate");
  await a.collection(orders).put(order(`held-${identity.deviceId}`));
  expect(await a.exportOutbox()).toContain(`held-${identity.deviceId}`);
});
