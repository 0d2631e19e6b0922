/** A register's local database copied to a second machine, with the real client: noticed, shown, and no sale lost or counted twice. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import type { EnrolResponse } from "@tillwire/protocol/messages";
import { orders } from "@tillwire/protocol/pos/orders";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { Replica } from "./api.ts";
import { browserEnvironment } from "./browser.ts";
import { MemoryDatabase, openMemoryStore } from "./memory-store.ts";
import { createReplica } from "./replica.ts";
import { openSocketIo } from "./transports/socket-io.ts";
import { webSocketLinks } from "./transports/websocket.ts";
import { latest } from "../test/fixtures.ts";
import { startTestServer, type TestServer } from "../../../server/test/support/server.ts";
import { checkStore, order } from "../../../server/test/support/shop-fixture.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

const NOWHERE = "http://127.0.0.1:1";

function start(identity: EnrolResponse, disk: MemoryDatabase, url = shop.url): Promise<Replica> {
  const environment = browserEnvironment({
    openStore: async () => openMemoryStore(disk),
    openChannel: () => null,
    locks: null,
    openLink: { "socket.io": openSocketIo, websocket: webSocketLinks((address) => new WebSocket(address)) },
  });
  const options = { live: ["websocket"], presence: true } as const;
  return createReplica({ url, identity, collections: SHOP_COLLECTIONS, ...options }, environment);
}

/** Rows are never changed in place. */
function copyOf(disk: MemoryDatabase): MemoryDatabase {
  const copy = new MemoryDatabase();
  for (const table of ["meta", "counters", "overlays", "outbox"] as const)
    for (const [key, row] of disk[table]) (copy[table] as Map<unknown, unknown>).set(key, row);
  for (const [generation, records] of disk.generations) copy.generations.set(generation, new Map(records));
  return copy;
}

async function sellOffline(identity: EnrolResponse, disk: MemoryDatabase, id: string): Promise<void> {
  const replica = await start(identity, disk, NOWHERE);
  await replica.collection(orders).put(order(id));
  await replica.close();
}

test(
  "S2, S8: both machines sell on, what both hold is taken once, and both are told",
  { timeout: 60_000 },
  async () => {
    const identity = await shop.enrol();
    const disk = new MemoryDatabase();
    const before = await start(identity, disk);
    await before.collection(orders).put(order("before"));
    await before.syncNow();
    await before.close();
    await sellOffline(identity, disk, "unsent");
    const otherDisk = copyOf(disk);

    const machines = [await start(identity, disk), await start(identity, otherDisk)];
    await machines[0]!.collection(orders).put(order("by-the-original"));
    await machines[1]!.collection(orders).put(order("by-the-copy"));
    const copied = machines.map(({ copied$ }) => latest(copied$));
    // Each comes back once: the second hello of whoever was first bears an outdated mark.
    for (const index of [0, 1]) {
      await machines[index]!.syncNow();
      await machines[index]!.close();
      machines[index] = await start(identity, index === 0 ? disk : otherDisk);
      copied[index] = latest(machines[index].copied$);
    }
    await expect.poll(() => copied.map(({ value }) => value), { timeout: 20_000 }).toEqual([true, true]);

    const ids = ["before", "unsent", "by-the-original", "by-the-copy"];
    const stats = machines.map(({ stats$ }) => latest(stats$));
    for (const [index, replica] of machines.entries()) {
      await replica.syncNow();
      const held = await replica.collection(orders).query();
      expect(held.map(({ localId }) => localId).sort()).toEqual([...ids].sort());
      await expect.poll(() => stats[index]!.value?.digestsEqual).toBe(true);
    }
    const rows = await shop.database.sql`select local_id, sync_version from records where collection = 'orders'`;
    expect(rows).toHaveLength(ids.length);
    expect(rows.every(({ sync_version }) => sync_version === 1)).toBe(true);
    await checkStore(shop.database.sql, shop.storeId);
    const { body } = await shop.admin("GET", "/api/admin/audit?action=device.copied");
    expect(body.entries).toMatchObject([{ details: { deviceId: identity.deviceId } }]);

    // One of them is enrolled anew: the warning is over, and the other machine's token with it.
    const anew = await shop.enrol({ deviceId: identity.deviceId });
    expect(anew.registerCode).not.toBe(identity.registerCode);
    await machines[0]!.close();
    const kept = await start(anew, disk);
    const stillCopied = latest(kept.copied$);
    await expect.poll(() => stillCopied.value).toBe(false);
    await kept.collection(orders).put(order("after"));
    expect(await kept.syncNow()).toMatchObject({ pending: 0 });
    expect((await shop.request(identity.token, "GET", "/api/sync/pull")).status).toBe(401);
    for (const replica of [kept, machines[1]!]) await replica.close();
  },
);
