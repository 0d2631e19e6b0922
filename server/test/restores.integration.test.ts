/** How a server notices that its database was put back, and that nobody but its own word can make it believe so. */
import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { formatSyncToken, parseSyncToken } from "@tillwire/protocol/sync-token";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../src/embedded-postgres.ts";
import { migrate } from "../src/migrate.ts";
import { createSyncServer, type SyncServer } from "../src/server.ts";
import { connect, goLive, hello } from "./support/live-client.ts";
import { ADMIN_TOKEN, request, startTestServer, type TestServer } from "./support/server.ts";
import { order, put } from "./support/shop-fixture.ts";

describe("a sync token", () => {
  let shop: TestServer;
  beforeAll(async () => {
    shop = await startTestServer();
  });
  afterAll(() => shop.stop());

  const epochOf = async (): Promise<unknown> =>
    (await shop.database.sql`select epoch from stores where id = ${shop.storeId}`)[0]!["epoch"];
  const pull = (token: string, since: string) => shop.request(token, "GET", `/api/sync/pull?since=${since}`);

  test.each<[string, (position: { epoch: string; cursor: number; choice: string }) => string]>([
    ["without a signature, as former versions gave it,", (position) => formatSyncToken(position)],
    ["with an invented signature", (position) => formatSyncToken(position, () => "AAAAAAAAAAAAAAAAAAAAAA")],
    ["that claims a cursor ahead of the head", (position) => formatSyncToken({ ...position, cursor: 10 ** 9 })],
    ["that claims a later epoch", (position) => formatSyncToken({ ...position, epoch: "v999999-x" }, () => "AAAA")],
  ])("%s leads to a reset and begins no epoch", async (_, forge) => {
    const { token } = await shop.enrol();
    const witness = await goLive(shop.url, "websocket", token);
    const before = await epochOf();
    const { syncToken } = (await shop.request(token, "GET", "/api/sync/pull")).body;
    const forged = forge(parseSyncToken(syncToken)!);
    expect((await pull(token, forged)).body).toMatchObject({ code: "RESET", epoch: before, reoffer: true });
    const writes = [put("orders", "never", order("never"))];
    const pushed = await shop.request(token, "POST", "/api/sync/push", { id: "p", syncToken: forged, writes });
    expect([pushed.status, pushed.body.code]).toEqual([409, "RESET"]);
    const seed = await shop.enrol({ deviceId: "seed" });
    const batch = { deviceId: "seed", orders: [], transactions: [], syncToken: forged };
    const answer = await shop.request(seed.token, "POST", "/api/sync/batch", batch);
    expect([answer.status, answer.body.code]).toEqual([409, "RESET"]);
    const status = { syncToken: forged, mark: "0.of-nobody", status: {} };
    const told = await shop.request(token, "POST", "/api/sync/status", status);
    expect([told.status, told.body.copied]).toEqual([200, undefined]);
    const link = await connect(shop.url, "websocket");
    link.send(hello(token, { syncToken: forged, mark: "0.of-nobody" }));
    expect(await link.next("welcome")).not.toHaveProperty("copied");
    expect(await link.next("reset")).toMatchObject({ epoch: before, reoffer: true });
    link.close();
    expect(await epochOf()).toBe(before);
    expect(witness.received.filter(({ type }) => type === "reset")).toEqual([]);
    witness.close();
    // At most one: the token of what follows is the server's own.
    const next = (await shop.request(token, "GET", "/api/sync/pull")).body.syncToken;
    expect((await pull(token, next)).status).toBe(200);
  });

  test("of another node of the same database is as good", async () => {
    const other = await shop.startNode();
    const { token } = await shop.enrol();
    const { syncToken } = (await request(other.url, token, "GET", "/api/sync/pull")).body;
    expect((await pull(token, syncToken)).status).toBe(200);
  });

  test("of another shop, however far that shop's epochs have come, begins none here", async () => {
    const here = await shop.openShop("here");
    const elsewhere = await shop.openShop("elsewhere");
    for (let n = 0; n < 3; n++) await shop.request(ADMIN_TOKEN, "POST", "/api/admin/epoch", { storeId: elsewhere });
    const stranger = await shop.enrol({ storeId: elsewhere });
    const { syncToken } = (await shop.request(stranger.token, "GET", "/api/sync/pull")).body;
    expect(parseSyncToken(syncToken)!.epoch).toMatch(/^v3-/);
    const epochHere = async () => (await shop.database.sql`select epoch from stores where id = ${here}`)[0]!["epoch"];
    const before = await epochHere();
    const { token } = await shop.enrol({ storeId: here });
    expect((await pull(token, syncToken)).body).toMatchObject({ code: "RESET", epoch: before });
    expect(await epochHere()).toBe(before);
  });

  test.each(["pull", "push", "updates"] as const)(
    "ahead of the head begins an epoch at the door %s, once",
    async (door) => {
      const storeId = await shop.openShop(`put back, ${door}`);
      const { token } = await shop.enrol({ storeId });
      const writes = [put("orders", "o", order("o"))];
      const start = (await shop.request(token, "GET", "/api/sync/pull")).body.syncToken;
      await shop.request(token, "POST", "/api/sync/push", { id: "p", syncToken: start, writes });
      const { syncToken } = (await shop.request(token, "GET", "/api/sync/pull")).body;
      const { nextSyncToken } = (await shop.request(token, "GET", "/api/sync/updates")).body;
      await shop.database.sql`delete from records where store_id = ${storeId}`;
      await shop.database.sql`update store_collections set count = 0, digest = 0 where store_id = ${storeId}`;
      await shop.database.sql`update stores set head = 0 where id = ${storeId}`;
      const late = [put("orders", "late", order("late"))];
      const ask = {
        pull: () => pull(token, syncToken),
        push: () => shop.request(token, "POST", "/api/sync/push", { id: "q", syncToken, writes: late }),
        updates: () => shop.request(token, "GET", `/api/sync/updates?since=${nextSyncToken}`),
      }[door];
      const { status, body } = await ask();
      expect([status, body.code, body.reoffer]).toEqual([409, "RESET", true]);
      expect(body.epoch).not.toBe(parseSyncToken(syncToken)!.epoch);
      expect((await ask()).body.epoch).toBe(body.epoch);
      expect(await shop.database.sql`select from records where store_id = ${storeId}`).toHaveLength(0);
    },
  );
});

describe("S5: a database that was put back without a word and has grown beyond what a device has read", () => {
  const TABLES = ["records", "record_history", "decided_writes", "store_collections"] as const;
  let shop: TestServer;
  beforeAll(async () => {
    shop = await startTestServer();
  });
  afterAll(() => shop.stop());

  const pull = async (token: string, since?: string) =>
    (await shop.request(token, "GET", `/api/sync/pull${since ? `?since=${since}` : ""}`)).body;
  const push = (token: string, syncToken: string, ...writes: unknown[]) =>
    shop.request(token, "POST", "/api/sync/push", { id: "p", syncToken, writes });

  /** Keeps the shop's rows; what it returns puts them back. */
  async function copyOf(storeId: string): Promise<() => Promise<void>> {
    const { sql } = shop.database;
    const name = (table: string) => sql(`${table}_${storeId.replaceAll("-", "_")}`);
    for (const table of TABLES)
      await sql`create table ${name(table)} as select * from ${sql(table)} where store_id = ${storeId}`;
    const [{ head, stamp }] = (await sql`select head, stamp from stores where id = ${storeId}`) as any;
    return async () => {
      for (const table of TABLES) {
        await sql`delete from ${sql(table)} where store_id = ${storeId}`;
        await sql`insert into ${sql(table)} select * from ${name(table)}`;
      }
      await sql`update stores set head = ${head}, stamp = ${stamp} where id = ${storeId}`;
    };
  }

  /** A shop of two devices: one has read what was lost and is away, the other has gone on where the copy stood. */
  async function setUp(grownBy: number, supersedes = false) {
    const storeId = await shop.openShop(`put back ${grownBy} ${supersedes}`);
    const [away, busy] = [(await shop.enrol({ storeId })).token, (await shop.enrol({ storeId })).token];
    const start = (await pull(away)).syncToken;
    await push(busy, start, put("orders", "kept", order("kept")));
    const putBack = await copyOf(storeId);
    await push(busy, start, put("orders", "lost-1", order("lost-1")), put("orders", "lost-2", order("lost-2")));
    const { syncToken } = await pull(away);
    expect(parseSyncToken(syncToken)!.cursor).toBe(3);
    await putBack();
    const writes = Array.from({ length: grownBy }, (_, i) => put("orders", `new-${i}`, order(`new-${i}`)));
    await push(busy, start, ...writes);
    if (supersedes) {
      // The change that has the cursor's seq is found in the history alone.
      const { changes } = await pull(busy);
      for (const { localId, syncVersion, hash, data } of changes)
        await push(
          busy,
          start,
          put("orders", localId, { ...data, notes: "later" }, syncVersion + 1, { version: syncVersion, hash }),
        );
    }
    return { storeId, away, busy, syncToken };
  }

  test.each<[string, number, boolean]>([
    ["to its cursor", 2, false],
    ["beyond it", 3, false],
    ["beyond it, its changes superseded", 3, true],
  ])("%s: one hello proves it, and what was lost is offered again", async (_, grownBy, supersedes) => {
    const { storeId, away, busy, syncToken } = await setUp(grownBy, supersedes);
    const client = await goLive(shop.url, "websocket", away, { syncToken });
    expect(await client.next("reset")).toMatchObject({ reason: "CURSOR_AHEAD", reoffer: true });
    // Told by itself: frames from 0 in the new epoch came before this link counted as live.
    const { syncToken: current } = client.received.findLast(({ type }) => type === "changes");
    client.close();
    const offered = { ...put("orders", "lost-2", order("lost-2")), base: null, reoffer: true, deviceId: "till" };
    const { body } = await push(away, current, offered);
    expect(body.results).toMatchObject([{ localId: "lost-2", outcome: "accepted" }]);
    const { changes } = await pull(busy, undefined);
    expect(changes.map(({ localId }: any) => localId)).toContain("lost-2");
    const epochs = await shop.database
      .sql`select from audit_log where store_id = ${storeId} and action = 'epoch.begun'`;
    expect(epochs).toHaveLength(1);
  });

  test.each(["pull", "push"] as const)("the door %s says so", async (door) => {
    const { away, syncToken } = await setUp(door === "pull" ? 4 : 5);
    const body = door === "pull" ? await pull(away, syncToken) : (await push(away, syncToken)).body;
    expect(body).toMatchObject({ code: "RESET", reason: "CURSOR_AHEAD", reoffer: true });
  });

  test("who read no further than the copy goes on, and so does who shows a token of the former version", async () => {
    const { storeId, busy } = await setUp(6);
    const page = await shop.request(busy, "GET", "/api/sync/pull?limit=1");
    expect(parseSyncToken(page.body.syncToken)!.cursor).toBe(1);
    expect((await pull(busy, page.body.syncToken)).changes).toHaveLength(6);
    const before = await shop.database
      .sql`update records set stamp = null where store_id = ${storeId} and seq = 1 returning seq`;
    expect(before).toHaveLength(1);
    // Changes from before there were stamps bear none, and so do their tokens.
    const early = (await shop.request(busy, "GET", "/api/sync/pull?limit=1")).body.syncToken;
    expect(parseSyncToken(early)!.stamp).toBeNull();
    expect((await pull(busy, early)).changes).toHaveLength(6);
  });
});

describe("the data directory of the embedded PostgreSQL", () => {
  const root = mkdtempSync(join(tmpdir(), "tillwire-files-"));
  chmodSync(root, 0o755);
  const dataDir = join(root, "data");
  let database: EmbeddedPostgres | undefined;
  let server: SyncServer | undefined;

  async function start(): Promise<SyncServer> {
    database = await startEmbeddedPostgres({ dataDir, log: () => undefined });
    const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
    await migrate(sql, resolve(import.meta.dirname, "../../migrations"));
    await sql.end();
    server = await createSyncServer({
      ...{ databaseUrl: database.url, collections: SHOP_COLLECTIONS, host: "127.0.0.1", adminToken: ADMIN_TOKEN },
      firstShop: { name: "Corner Café", records: [] },
    });
    return server;
  }
  async function stop(): Promise<void> {
    await server?.close();
    await database?.stop();
    server = undefined;
    database = undefined;
  }
  afterAll(async () => {
    await stop();
    rmSync(root, { recursive: true, force: true });
  });

  test("put back from a copy, twice: each time what proves it begins one epoch; recovered to a point in time: at once", async () => {
    const { url, admin } = await start();
    const { code } = await admin.createEnrolment({ name: "Till", role: "register" }, url);
    const { token } = (await request(url, null, "POST", "/api/enrol", { code })).body;
    const ask = (path: string) => request(server!.url, token, "GET", path);
    const sell = async (id: string, syncToken: string): Promise<string> => {
      const body = { id, syncToken, writes: [put("orders", id, order(id))] };
      expect((await request(server!.url, token, "POST", "/api/sync/push", body)).status).toBe(200);
      return (await ask(`/api/sync/pull?since=${syncToken}`)).body.syncToken;
    };
    const first = (await ask("/api/sync/pull")).body.syncToken;
    await stop();
    cpSync(dataDir, join(root, "copy"), { recursive: true, preserveTimestamps: true });
    chownLike(dataDir, join(root, "copy"));
    const putBack = async (): Promise<void> => {
      await stop();
      rmSync(dataDir, { recursive: true });
      cpSync(join(root, "copy"), dataDir, { recursive: true, preserveTimestamps: true });
      chownLike(join(root, "copy"), dataDir);
      await start();
    };

    await start();
    const ahead = await sell("lost", first);
    await putBack();
    // The same files, as far as PostgreSQL can tell: the device's cursor alone tells.
    expect((await ask(`/api/sync/pull?since=${first}`)).status).toBe(200);
    const once = (await ask(`/api/sync/pull?since=${ahead}`)).body;
    expect(once).toMatchObject({ code: "RESET", reason: "CURSOR_AHEAD", reoffer: true });

    const beyond = (await ask("/api/sync/pull")).body.syncToken;
    expect(parseSyncToken(beyond)).toMatchObject({ epoch: once.epoch, cursor: 0 });
    await putBack();
    // Not ahead by its cursor, but from an epoch that this copy has never heard of.
    const twice = (await ask(`/api/sync/pull?since=${beyond}`)).body;
    expect(twice).toMatchObject({ code: "RESET", reason: "EPOCH_CHANGED", reoffer: true });
    expect(twice.epoch).not.toBe(once.epoch);
    const again = [ahead, beyond, first].map(async (each) => (await ask(`/api/sync/pull?since=${each}`)).body.epoch);
    expect(new Set(await Promise.all(again))).toEqual(new Set([twice.epoch]));

    await stop();
    // What a recovery to a point in time leaves: the same files on a new timeline.
    const cluster = join(dataDir, "cluster");
    writeFileSync(join(cluster, "recovery.signal"), "");
    chownLike(cluster, join(cluster, "recovery.signal"));
    writeFileSync(join(cluster, "postgresql.auto.conf"), "restore_command = 'false'\n");
    await start();
    const { epoch, reoffer } = (await ask(`/api/sync/pull?since=${first}`)).body;
    expect([epoch === twice.epoch, reoffer]).toEqual([false, true]);
    expect(parseSyncToken((await ask("/api/sync/pull")).body.syncToken)!.epoch).toBe(epoch);
  }, 60_000);
});

/** A copy that root makes belongs to root; PostgreSQL wants its own. */
function chownLike(original: string, copy: string): void {
  const { uid, gid } = statSync(original);
  chownSync(copy, uid, gid);
  if (!statSync(original).isDirectory() || !statSync(copy).isDirectory()) return;
  for (const name of readdirSync(original)) chownLike(join(original, name), join(copy, name));
}
