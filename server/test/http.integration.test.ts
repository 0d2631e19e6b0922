/** Push and pull over HTTP, administration, metrics, the log. */
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changesSchema, pushedSchema, type Base } from "@tillwire/protocol/messages";
import { formatSyncToken, parseSyncToken } from "@tillwire/protocol/sync-token";
import { goLive, until } from "./support/live-client.ts";
import { request, startTestServer, type TestServer } from "./support/server.ts";
import { at, NEW, order, put } from "./support/shop-fixture.ts";

let shop: TestServer;
let logged = "";

beforeAll(async () => {
  shop = await startTestServer({ log, allowedOrigins: ["https://friend.example"] });
});
afterAll(() => shop.stop());

const log = pino(
  { level: "debug" },
  new Writable({ write: (chunk, _encoding, done) => ((logged += String(chunk)), done()) }),
);

describe("push and pull", () => {
  test("a device pulls to learn the epoch, pushes, and others see it", async () => {
    const { token } = await shop.enrol();
    const { body: page } = await shop.request(token, "GET", "/api/sync/pull");
    expect(changesSchema.safeParse(page).error).toBeUndefined();
    const push = { id: "p-1", syncToken: page.syncToken, writes: [put("orders", "http-1", order("http-1"))] };
    const { status, body } = await shop.request(token, "POST", "/api/sync/push", push);
    expect(status).toBe(200);
    expect(pushedSchema.safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({ type: "pushed", id: "p-1", results: [{ outcome: "accepted" }] });
    const again = await shop.request(token, "POST", "/api/sync/push", push);
    expect(again.body.results[0]).toMatchObject({ outcome: "duplicate", seq: body.results[0].seq });
    const other = await shop.enrol();
    const since = encodeURIComponent(page.syncToken);
    const seen = await shop.request(other.token, "GET", `/api/sync/pull?since=${since}`);
    expect(seen.body.changes.map(({ localId }: any) => localId)).toContain("http-1");
    expect(seen.body.from).toBe(page.to);
  });

  test("what comes over HTTP reaches live sessions, and the other way round", async () => {
    const live = await goLive(shop.url, "websocket", (await shop.enrol()).token);
    const { token } = await shop.enrol();
    const { body: page } = await shop.request(token, "GET", "/api/sync/pull");
    await shop.request(token, "POST", "/api/sync/push", {
      id: "p",
      syncToken: page.syncToken,
      writes: [put("orders", "over-http", order("over-http"))],
    });
    await live.next("changes", ({ changes }) => changes.some(({ localId }: any) => localId === "over-http"));
    live.send({ type: "push", id: "p", writes: [put("orders", "over-ws", order("over-ws"))] });
    await live.next("pushed");
    const { body } = await shop.request(token, "GET", "/api/sync/pull");
    expect(body.changes.map(({ localId }: any) => localId)).toContain("over-ws");
    live.close();
  });

  test("pages are as long as asked for, and join", async () => {
    const { token } = await shop.enrol();
    const first = (await shop.request(token, "GET", "/api/sync/pull?limit=1")).body;
    expect(first.changes).toHaveLength(1);
    expect(first.to).toBeLessThan(first.head);
    expect(first.digests).toBeUndefined();
    const next = (await shop.request(token, "GET", `/api/sync/pull?limit=500&since=${first.syncToken}`)).body;
    expect(next).toMatchObject({ from: first.to, to: next.head });
    expect(Object.keys(next.digests)).toContain("orders");
  });

  test("a token of another choice of collections, or an unknown collection, is 422", async () => {
    const { token } = await shop.enrol();
    const { syncToken } = (await shop.request(token, "GET", "/api/sync/pull?collections=products,orders")).body;
    const same = await shop.request(token, "GET", `/api/sync/pull?collections=orders,products&since=${syncToken}`);
    expect(same.status).toBe(200);
    expect((await shop.request(token, "GET", `/api/sync/pull?since=${syncToken}`)).body.code).toBe("UNPROCESSABLE");
    expect((await shop.request(token, "GET", "/api/sync/pull?collections=x")).status).toBe(422);
  });

  test("without the epoch in force nothing is decided: 409 RESET says which it is", async () => {
    const { token } = await shop.enrol();
    const { epoch } = parseSyncToken((await shop.request(token, "GET", "/api/sync/pull")).body.syncToken)!;
    const writes = [put("orders", "never", order("never"))];
    for (const syncToken of [null, formatSyncToken({ epoch: "another", cursor: 0, choice: "all" })]) {
      const { status, body } = await shop.request(token, "POST", "/api/sync/push", { id: "p", syncToken, writes });
      expect([status, body.code, body.epoch, body.reason]).toEqual([409, "RESET", epoch, "EPOCH_CHANGED"]);
    }
    const pulled = await shop.request(token, "GET", "/api/sync/pull?since=tw1.another.4.all");
    expect([pulled.status, pulled.body.code]).toEqual([409, "RESET"]);
    expect(JSON.stringify((await shop.request(token, "GET", "/api/sync/pull")).body)).not.toContain("never");
  });
});

describe("administration", () => {
  test("the fleet: who is online, how far, how much waits", async () => {
    const storeId = await shop.openShop("fleet");
    const { token, deviceId } = await shop.enrol({ storeId });
    const away = await shop.enrol({ storeId });
    const status = { cursor: 0, pending: 4, oldestPendingAt: 5, clock: Date.now() + 60_000, digestsEqual: true };
    const live = await goLive(shop.url, "websocket", token, { status, app: { name: "register", version: "9" } });
    live.send({ type: "push", id: "p", writes: [put("orders", "x", order("x"))] });
    await live.next("pushed");
    const fleet = async (): Promise<any[]> =>
      (await shop.admin("GET", `/api/admin/devices?storeId=${storeId}`)).body.devices;
    await until(async () => (await fleet())[0].online);
    const [here, there] = await fleet();
    expect(here).toMatchObject({
      deviceId,
      online: true,
      pending: 4,
      cursor: 0,
      cursorLag: 1,
      app: { version: "9" },
      oldestPendingAt: 5,
    });
    expect(Math.abs(here.clockOffsetMs - 60_000)).toBeLessThan(2_000);
    expect(there).toMatchObject({ deviceId: away.deviceId, online: false, cursor: null, cursorLag: null });
    expect(JSON.stringify([here, there])).not.toContain("token");
    live.close();
    await until(async () => !(await fleet())[0].online);
  });

  test("conflicts are listed, latest first, in pages", async () => {
    const storeId = await shop.openShop("disputes");
    const a = await goLive(shop.url, "websocket", (await shop.enrol({ storeId })).token);
    const push = async (notes: string, syncVersion: number, base: Base): Promise<Base> => {
      a.send({ type: "push", id: notes, writes: [put("orders", "o", order("o", { notes }), syncVersion, base)] });
      return at((await a.next("pushed")).results[0]);
    };
    const first = await push("one", 1, NEW);
    await push("current", 2, first);
    for (const notes of ["two", "three"]) await push(notes, 2, first);
    const latest = (await shop.admin("GET", `/api/admin/conflicts?storeId=${storeId}&limit=1`)).body;
    expect(latest.conflicts).toMatchObject([
      { recordId: "o", kind: "HASH_MISMATCH", client: { data: { notes: "three" } } },
    ]);
    const path = `/api/admin/conflicts?storeId=${storeId}&limit=1&before=${latest.nextBefore}`;
    expect((await shop.admin("GET", path)).body.conflicts).toMatchObject([{ client: { data: { notes: "two" } } }]);
    a.close();
  });

  test("unknown devices and stores are 404", async () => {
    expect((await shop.admin("DELETE", "/api/admin/devices/nobody")).status).toBe(404);
    expect((await shop.admin("GET", "/api/admin/devices?storeId=nowhere")).status).toBe(404);
  });

  test("a wrong admin token is refused", async () => {
    expect((await shop.request("wrong", "GET", "/api/admin/devices")).status).toBe(401);
    const { token } = await shop.enrol();
    expect((await shop.request(token, "POST", "/api/admin/epoch", {})).status).toBe(401);
  });
});

test("the admin token is made on the first start, told once, and kept as a hash", async () => {
  const first = await shop.startNode({ adminToken: null });
  const token = first.newAdminToken!;
  expect((await request(first.url, token, "GET", "/api/admin/stores")).status).toBe(200);
  const second = await shop.startNode({ adminToken: null });
  expect(second.newAdminToken).toBeNull();
  expect((await request(second.url, token, "GET", "/api/admin/stores")).status).toBe(200);
  const rows = await shop.database.sql`select value from settings`;
  expect(JSON.stringify(rows)).not.toContain(token);
});

test("metrics count what happened", async () => {
  const { body } = await shop.request(null, "GET", "/metrics");
  expect(body).toMatch(/tillwire_writes_total\{collection="orders",outcome="accepted"\} [1-9]/);
  expect(body).toMatch(/tillwire_conflicts_total\{collection="orders",kind="HASH_MISMATCH"\} 2/);
  expect(body).toMatch(/tillwire_commit_seconds_count [1-9]/);
  expect(body).toMatch(/tillwire_commit_writes_sum [1-9]/);
  expect(body).toMatch(/tillwire_push_seconds_count [1-9]/);
  expect(body).toMatch(/tillwire_resets_total\{reason="EPOCH_CHANGED"\} [1-9]/);
  expect(body).toMatch(/tillwire_frames_total [1-9]/);
  expect(body).toMatch(/tillwire_queue_depth 0/);
  expect(body).toContain("tillwire_oldest_pending_seconds");
});

test("the node's own doors", async () => {
  expect((await shop.request(null, "GET", "/healthz")).body).toEqual({ status: "ok" });
  expect((await shop.request(null, "GET", "/readyz")).body).toEqual({ status: "ready" });
  expect((await shop.request(null, "GET", "/api/config")).body).toEqual({ protocol: 1, syncIntervalSeconds: 30 });
  const { headers } = await shop.request(null, "GET", "/healthz");
  expect(headers.get("content-security-policy")).toContain("default-src 'self'");
});

test("the log says what happened, without data or tokens", async () => {
  const { token } = await shop.enrol();
  const { body: page } = await shop.request(token, "GET", "/api/sync/pull");
  const secret = order("log-1", { customerName: "Confidential" });
  const other = order("log-1", { customerName: "Confidential too" });
  const { syncToken } = page;
  const push = async (write: object): Promise<Base> =>
    at((await shop.request(token, "POST", "/api/sync/push", { id: "p", syncToken, writes: [write] })).body.results[0]);
  const first = await push(put("orders", "log-1", secret));
  await push(put("orders", "log-1", order("log-1"), 2, first));
  await push(put("orders", "log-1", other, 2, first));
  const lines = logged.split("\n").filter((line) => line.includes("log-1"));
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({
    level: 40,
    msg: "Conflict detected",
    kind: "HASH_MISMATCH",
    storeId: shop.storeId,
  });
  expect(logged).not.toContain("Confidential");
  expect(logged).not.toContain(token);
});
