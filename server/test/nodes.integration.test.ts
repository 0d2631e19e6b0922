/** Several nodes on one database, restores, a database that goes away, and the end of a node. */
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EnrolResponse } from "@tillwire/protocol/messages";
import type { SyncServer } from "../src/server.ts";
import { connect, goLive, hello, until, type LiveClient } from "./support/live-client.ts";
import { request, startTestServer, type TestServer } from "./support/server.ts";
import { checkStore, order, put } from "./support/shop-fixture.ts";

let shop: TestServer;
let other: SyncServer;
let a: EnrolResponse;
let b: EnrolResponse;
beforeAll(async () => {
  shop = await startTestServer();
  other = await shop.startNode();
  a = await shop.enrol();
  b = await shop.enrol();
});
afterAll(() => shop.stop());

let pushes = 0;
async function push(client: LiveClient, id: string): Promise<any> {
  client.send({ type: "push", id: `p-${(pushes += 1)}`, writes: [put("orders", id, order(id))] });
  return (await client.next("pushed")).results[0];
}
const brings = (id: string) => (frame: any) => frame.changes.some(({ localId }: any) => localId === id);

describe("two nodes", () => {
  test("what one takes, sessions of the other see at once, in one unbroken chain", async () => {
    const here = await goLive(shop.url, "websocket", a.token);
    const there = await goLive(other.url, "socket.io", b.token);
    const startedAt = Date.now();
    await push(here, "from-here");
    await there.next("changes", brings("from-here"));
    expect(Date.now() - startedAt).toBeLessThan(1_500); // by notice, not by the sweep of every 2 s
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => index).map(async (index) => {
        const { body } = await request(index % 2 ? shop.url : other.url, a.token, "GET", "/api/sync/pull");
        const id = `both-${index}`;
        const writes = [put("orders", id, order(id))];
        await request(index % 2 ? shop.url : other.url, a.token, "POST", "/api/sync/push", {
          id,
          syncToken: body.syncToken,
          writes,
        });
      }),
    );
    const head = async (): Promise<number> => (await shop.admin("GET", `/api/admin/devices`)).body.head;
    for (const client of [here, there]) {
      const last = await head();
      await until(() => client.received.some(({ to }) => to >= last));
      let cursor = 0;
      for (const frame of client.received.filter(({ type }) => type === "changes")) {
        expect(frame.from).toBe(cursor);
        cursor = frame.to;
      }
      client.close();
    }
    await checkStore(shop.database.sql, shop.storeId);
  });

  test("commits that nobody was told of are found by the sweep", async () => {
    const client = await goLive(other.url, "websocket", b.token);
    const { epoch } = (
      await shop.database.sql<{ epoch: string }[]>`select epoch from stores where id = ${shop.storeId}`
    )[0]!;
    const groups = [
      {
        grp: 0,
        sender: "server",
        collection: "products",
        local_id: "swept",
        device_id: "server",
        sync_version: 1,
        hash: "0".repeat(64),
        base: "0:",
        outcome: null,
        conflict: null,
        data: null,
      },
    ];
    const rows = [
      {
        grp: 0,
        ord: 0,
        collection: "products",
        local_id: "swept",
        expect_version: 0,
        expect_hash: null,
        sync_version: 1,
        hash: "0".repeat(64),
        created_by: "server",
        device_id: "server",
        deleted: false,
        reoffered: false,
        data: { id: "swept" },
      },
    ];
    await shop.database
      .sql`select commit_writes(${shop.storeId}, ${epoch}, ${JSON.stringify(groups)}::text::json, ${JSON.stringify(rows)}::text::json)`;
    await client.next("changes", brings("swept"));
    client.close();
  });

  test("S11: a device that is revoked on one node is cut on the other within a second", async () => {
    const { token, deviceId } = await shop.enrol();
    const client = await goLive(other.url, "websocket", token);
    const startedAt = Date.now();
    await shop.admin("DELETE", `/api/admin/devices/${deviceId}`);
    expect(await client.closed).toBe(4403);
    expect(Date.now() - startedAt).toBeLessThan(1_000);
  });

  test("so it is when it was revoked behind all nodes' backs", async () => {
    const { token, deviceId } = await shop.enrol();
    const client = await goLive(other.url, "websocket", token);
    await shop.database.sql`select revoke_device(${shop.storeId}, ${deviceId})`;
    client.send({ type: "push", id: "p", writes: [put("orders", "too-late", order("too-late"))] });
    expect(await client.closed).toBe(4403);
    const rows = await shop.database.sql`select 1 from records where local_id = 'too-late'`;
    expect(rows).toHaveLength(0);
  });

  test("a device that is enrolled anew on one node is cut on the other, unless it came with the new token", async () => {
    const { token, deviceId } = await shop.enrol();
    const former = await goLive(other.url, "websocket", token);
    const again = await shop.enrol({ deviceId });
    const present = await goLive(other.url, "websocket", again.token);
    expect(await former.closed).toBe(4401);
    await push(present, "with-the-new-token");
    present.close();
  });

  test("an epoch that begins on one node resets sessions of the other", async () => {
    const storeId = await shop.openShop("two nodes");
    const client = await goLive(other.url, "websocket", (await shop.enrol({ storeId })).token);
    const { body } = await shop.admin("POST", "/api/admin/epoch", { storeId });
    expect(await client.next("reset")).toMatchObject({ epoch: body.epoch });
    await client.next("changes", ({ from }) => from === 0);
    client.close();
  });

  test("presence tells of devices on the other node", async () => {
    const storeId = await shop.openShop("presence");
    const watcher = await goLive(shop.url, "websocket", (await shop.enrol({ storeId })).token, { presence: true });
    const away = await shop.enrol({ storeId });
    const client = await goLive(other.url, "websocket", away.token);
    await watcher.next("presence", ({ devices }) =>
      devices.some((each: any) => each.deviceId === away.deviceId && each.online),
    );
    client.close();
    watcher.close();
  });
});

describe("restores", () => {
  test("a database that lost commits under live sessions begins a new epoch", async () => {
    const storeId = await shop.openShop("rolled back");
    const { token } = await shop.enrol({ storeId });
    const client = await goLive(shop.url, "websocket", token);
    for (const id of ["kept", "lost"]) await push(client, id);
    await until(() => client.received.some(({ to }) => to === 2));
    const { sql } = shop.database;
    // what a restore to before the last commit leaves
    await sql`delete from records where store_id = ${storeId} and seq = 2`;
    await sql`update stores set head = 1 where id = ${storeId}`;
    const reset = await client.next("reset");
    expect(reset).toMatchObject({ reoffer: true });
    const frame = await client.next("changes", ({ from, to }) => from === 0 && to === 1);
    expect(frame.changes).toHaveLength(1);
    client.close();
  });

  test("a database with another identity begins new epochs for all shops", async () => {
    const { sql } = shop.database;
    const epochs = async (): Promise<Map<string, string>> =>
      new Map(
        (await sql<{ id: string; epoch: string }[]>`select id, epoch from stores`).map(({ id, epoch }) => [id, epoch]),
      );
    const before = await epochs();
    await sql`update settings set value = 'other files' where key = 'database_identity'`;
    await shop.startNode();
    await until(async () => [...(await epochs())].every(([id, epoch]) => epoch !== before.get(id)));
    await until(
      async () =>
        (await sql`select 1 from settings where key = 'database_identity' and value <> 'other files'`).length === 1,
    );
  });
});

test("connections to the database that break are made again; listening too", async () => {
  const here = await goLive(shop.url, "websocket", (await shop.enrol()).token);
  const there = await goLive(other.url, "websocket", (await shop.enrol()).token);
  await shop.database
    .sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tillwire' and datname = current_database()`;
  await until(async () => (await shop.request(null, "GET", "/readyz")).status === 200);
  const result = async (): Promise<boolean> => {
    here.send({
      type: "push",
      id: `again-${(pushes += 1)}`,
      writes: [put("orders", "after-the-break", order("after-the-break"))],
    });
    const answer = await Promise.race([here.next("pushed"), here.next("error")]);
    return answer.type === "pushed";
  };
  await until(result);
  await there.next("changes", brings("after-the-break"));
  here.close();
  there.close();
});

test("a node that ends finishes its commits, tells its sessions, and refuses the rest", async () => {
  const node = await shop.startNode({ log: pino({ level: "silent" }) });
  const { token } = await shop.enrol();
  const socket = await goLive(node.url, "websocket", token);
  const socketIo = await goLive(node.url, "socket.io", (await shop.enrol()).token);
  const stranger = await connect(node.url, "websocket");
  const ids = Array.from({ length: 300 }, (_, index) => `draining-${index}`);
  socket.send({ type: "push", id: "last", writes: ids.map((id) => put("orders", id, order(id))) });
  socket.send({ type: "ping" });
  await socket.next("pong"); // the push is under way
  const ended = node.close();
  const { results } = await socket.next("pushed");
  expect(results.every(({ outcome }: any) => outcome === "accepted")).toBe(true);
  for (const client of [socket, socketIo, stranger])
    expect(await client.next("error")).toMatchObject({ code: "SHUTTING_DOWN" });
  expect(await socket.closed).toBe(1012);
  await socketIo.closed;
  await ended;
  await expect(connect(node.url, "websocket")).rejects.toThrow();
  const stored = await shop.database.sql`select 1 from records where local_id like 'draining-%'`;
  expect(stored).toHaveLength(300);
  const again = await connect(shop.url, "websocket");
  again.send(hello(token));
  await again.next("welcome");
  again.close();
});
