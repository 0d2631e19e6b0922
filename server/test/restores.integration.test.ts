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
import { goLive } from "./support/live-client.ts";
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
