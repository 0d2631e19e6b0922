/** Policies of a shop, the audit trail, conflicts as administrators look for them, and the fleet. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EnrolResponse, Result } from "@tillwire/protocol/messages";
import { SHOP_COLLECTIONS } from "@tillwire/protocol/pos/shop";
import type { SyncServer } from "../src/server.ts";
import { goLive, until } from "./support/live-client.ts";
import { ADMIN_TOKEN, request, startTestServer, type TestServer } from "./support/server.ts";
import { at, order, put, transaction } from "./support/shop-fixture.ts";

let shop: TestServer;
let other: SyncServer;
let storeId: string;
let a: EnrolResponse;
let b: EnrolResponse;
beforeAll(async () => {
  shop = await startTestServer();
  other = await shop.startNode();
});
afterAll(() => shop.stop());
beforeEach(async () => {
  storeId = await shop.openShop("a shop of its own");
  a = await shop.enrol({ storeId, deviceId: "till-a" });
  b = await shop.enrol({ storeId, deviceId: "till-b" });
});

async function pushTo(url: string, token: string, ...writes: object[]): Promise<Result[]> {
  const { syncToken } = (await request(url, token, "GET", "/api/sync/pull?limit=1")).body;
  const { body } = await request(url, token, "POST", "/api/sync/push", { id: "p", syncToken, writes });
  return body.results;
}
const push = (token: string, ...writes: object[]): Promise<Result[]> => pushTo(shop.url, token, ...writes);
const inStore = (path: string, store = storeId): string =>
  `/api/admin/${path}${path.includes("?") ? "&" : "?"}storeId=${store}`;
const read = async (path: string, store = storeId): Promise<any> =>
  (await shop.admin("GET", inStore(path, store))).body;
const setPolicies = (policies: object, store = storeId) =>
  shop.admin("PUT", "/api/admin/policies", { policies, storeId: store });

/** An order that a device changes on a base that another one has replaced meanwhile. */
async function clash(id: string, loser: EnrolResponse, more: object = {}, url = shop.url): Promise<Result> {
  const winner = loser === a ? b : a;
  const [made] = await push(winner.token, put("orders", id, order(id, { notes: "made" })));
  await push(winner.token, put("orders", id, order(id, { notes: "server" }), 2, at(made!)));
  const [result] = await pushTo(
    url,
    loser.token,
    put("orders", id, order(id, { notes: "client", ...more }), 2, at(made!)),
  );
  return result!;
}

describe("policies", () => {
  test("are as declared until the shop sets its own; null goes back", async () => {
    const before = await read("policies");
    expect(before.version).toBe(0);
    const declared = [...SHOP_COLLECTIONS.values()].filter(({ writableBy }) => writableBy.length > 0);
    expect(before.policies).toEqual(
      declared.map(({ name, policy }) => ({ collection: name, declared: policy, set: null, policy })),
    );
    const { status, body } = await setPolicies({ orders: "MANUAL", products: "CLIENT_WINS" });
    expect(status).toBe(200);
    expect(body.changed).toEqual({
      orders: { from: null, to: "MANUAL" },
      products: { from: null, to: "CLIENT_WINS" },
    });
    expect(body.version).toBe(1);
    expect(body.policies).toContainEqual({
      collection: "orders",
      declared: "SERVER_WINS",
      set: "MANUAL",
      policy: "MANUAL",
    });
    expect(await read("policies")).toEqual({ policies: body.policies, version: 1 });
    const back = (await setPolicies({ orders: null })).body;
    expect(back.changed).toEqual({ orders: { from: "MANUAL", to: null } });
    expect(back.policies).toContainEqual({
      collection: "orders",
      declared: "SERVER_WINS",
      set: null,
      policy: "SERVER_WINS",
    });
    expect(back.policies).toContainEqual(expect.objectContaining({ collection: "products", set: "CLIENT_WINS" }));
  });

  test("what changes nothing is not audited and counts no version", async () => {
    await setPolicies({ orders: "MERGE" });
    expect((await setPolicies({ orders: "MERGE", staff: null })).body).toMatchObject({ changed: {}, version: 1 });
    expect((await setPolicies({})).body).toMatchObject({ changed: {}, version: 1 });
    expect((await read("audit?action=policy.changed")).entries).toHaveLength(1);
  });

  test("one bad name, and nothing is changed: unknown collections, and what only the server writes", async () => {
    for (const bad of ["nothing", "conflicts", "constructor"]) {
      const { status, body } = await setPolicies({ orders: "MANUAL", [bad]: "MERGE" });
      expect([bad, status, body.code]).toEqual([bad, 422, "UNPROCESSABLE"]);
    }
    expect((await setPolicies({ orders: "FIRST_WINS" })).body.code).toBe("MALFORMED");
    expect((await setPolicies({ "Or ders": "MERGE" })).body.code).toBe("MALFORMED");
    expect((await shop.admin("PUT", "/api/admin/policies", {})).body.code).toBe("MALFORMED");
    expect((await setPolicies({ orders: "MERGE" }, "nowhere")).status).toBe(404);
    expect((await request(shop.url, a.token, "PUT", "/api/admin/policies", { policies: {} })).status).toBe(401);
    expect(await read("policies")).toMatchObject({ version: 0 });
    expect((await read("audit?action=policy.changed")).entries).toEqual([]);
  });

  test("a write that is pushed after the answer is decided by the new policy, on whichever node", async () => {
    for (const [policy, outcome] of [
      ["CLIENT_WINS", "merged"],
      ["MANUAL", "conflict"],
      ["SERVER_WINS", "conflict"],
      ["CLIENT_WINS", "merged"],
    ] as const) {
      const id = `two-nodes-${policy}-${(await read("policies")).version}`;
      // Warm: the other node has decided by the policy before.
      await clash(`${id}-before`, a, {}, other.url);
      await setPolicies({ orders: policy });
      expect(await clash(id, a, {}, other.url)).toMatchObject({ outcome, conflict: { policy } });
    }
  });

  test("administrators who set them at once, on two nodes, follow one another in the audit trail", async () => {
    const settings = ["MERGE", "MANUAL", "CLIENT_WINS", "SERVER_WINS"];
    await Promise.all(
      settings.map((orders, index) =>
        request(index % 2 ? shop.url : other.url, ADMIN_TOKEN, "PUT", "/api/admin/policies", {
          policies: { orders },
          storeId,
        }),
      ),
    );
    const { entries } = await read("audit?action=policy.changed");
    const steps = entries.map(({ details }: any) => details.orders).reverse();
    expect(steps.map(({ to }: any) => to).sort()).toEqual([...settings].sort());
    expect(steps.map(({ from }: any) => from)).toEqual([null, ...steps.slice(0, -1).map(({ to }: any) => to)]);
    expect(await read("policies")).toMatchObject({
      version: 4,
      policies: expect.arrayContaining([expect.objectContaining({ collection: "orders", set: steps.at(-1).to })]),
    });
  });

  test("S10: one shop's policies are not another's", async () => {
    const elsewhere = await shop.openShop("elsewhere");
    await setPolicies({ orders: "MANUAL" }, elsewhere);
    expect(await read("policies")).toMatchObject({ version: 0 });
    expect(await clash("own", a)).toMatchObject({ conflict: { policy: "SERVER_WINS" } });
    expect((await read("audit?action=policy.changed")).entries).toEqual([]);
  });

  test("collections that have a policy and no records have digests that fit", async () => {
    await setPolicies({ staff: "MERGE" });
    const page = (await request(shop.url, a.token, "GET", "/api/sync/pull")).body;
    expect(page.digests.staff).toEqual({ count: 0, digest: "0000000000000000" });
  });
});

describe("the audit trail", () => {
  test("tells who did what, latest first, in pages, and never a token or a code", async () => {
    const { body: made } = await shop.admin("POST", "/api/admin/enrolments", { name: "Bar", role: "display", storeId });
    const { body: bar } = await shop.request(null, "POST", "/api/enrol", { code: made.code, deviceId: "bar" });
    const again = await shop.enrol({ storeId, deviceId: "bar" });
    await setPolicies({ orders: "MERGE" });
    await shop.admin("DELETE", inStore("devices/bar"));
    await shop.admin("DELETE", inStore("devices/bar"));
    const { body: begun } = await shop.admin("POST", "/api/admin/epoch", { storeId, reoffer: false });
    const { entries, nextBefore } = await read("audit");
    expect(nextBefore).toBeNull();
    expect(entries.slice(0, 7).map(({ actor, action, details }: any) => [actor, action, details])).toMatchObject([
      ["admin", "epoch.begun", { reason: "ADMINISTRATOR", reoffer: false, head: 0, epoch: begun.epoch }],
      ["admin", "device.revoked", { deviceId: "bar", name: "bar", role: "register" }],
      ["admin", "policy.changed", { orders: { from: null, to: "MERGE" } }],
      ["bar", "device.reenrolled", { deviceId: "bar", registerCode: again.registerCode }],
      ["admin", "enrolment.made", { name: "bar", role: "register" }],
      ["bar", "device.enrolled", { deviceId: "bar", name: "Bar", role: "display", registerCode: bar.registerCode }],
      ["admin", "enrolment.made", { name: "Bar", role: "display", expiresAt: made.expiresAt }],
    ]);
    for (const { at: time } of entries) expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
    const text = JSON.stringify(entries);
    for (const secret of [made.code, bar.token, again.token]) expect(text).not.toContain(secret);
    const stored = await shop.database.sql`select token_hash from devices where store_id = ${storeId}`;
    for (const { token_hash } of stored) expect(text).not.toContain(token_hash);

    const paged = [];
    for (let before = ""; ;) {
      const page = await read(`audit?limit=4${before}`);
      paged.push(...page.entries);
      if (page.nextBefore === null) break;
      before = `&before=${page.nextBefore}`;
    }
    expect(paged).toEqual(entries);
    const enrolled = await read("audit?action=device.enrolled");
    expect(enrolled.entries.map(({ actor }: any) => actor)).toEqual(["bar", "till-b", "till-a"]);
  });

  test("epochs that the server begins by itself name their reason", async () => {
    const live = await goLive(shop.url, "websocket", a.token);
    live.send({ type: "push", id: "p", writes: [put("orders", "lost", order("lost"))] });
    await live.next("pushed");
    const { syncToken } = await live.next("changes", ({ to }) => to === 1);
    live.close();
    const { sql } = shop.database;
    await sql`delete from records where store_id = ${storeId}`;
    await sql`update stores set head = 0 where id = ${storeId}`;
    await request(shop.url, a.token, "GET", `/api/sync/pull?since=${syncToken}`);
    expect((await read("audit?action=epoch.begun")).entries).toMatchObject([
      { actor: "server", details: { reason: "CURSOR_AHEAD", reoffer: true, head: 0 } },
    ]);
    await sql`update settings set value = 'other files' where key = 'database_identity'`;
    await shop.startNode();
    await until(async () => (await read("audit?action=epoch.begun")).entries.length === 2);
    expect((await read("audit?action=epoch.begun&limit=1")).entries).toMatchObject([
      { actor: "server", details: { reason: "DATABASE_RESTORED" } },
    ]);
  });

  test("an enrolment that fails leaves no entry", async () => {
    const before = (await read("audit")).entries.length;
    await shop.request(null, "POST", "/api/enrol", { code: "WRONGONE", deviceId: "till-c" });
    expect((await read("audit")).entries).toHaveLength(before);
  });

  test("bad filters are told, and only the administrator reads it", async () => {
    expect((await shop.admin("GET", inStore("audit?action=Drop%20it"))).body.code).toBe("UNPROCESSABLE");
    expect((await shop.admin("GET", inStore("audit?before=x"))).body.code).toBe("MALFORMED");
    expect((await request(shop.url, a.token, "GET", inStore("audit"))).status).toBe(401);
  });

  test("S10: entries of another shop don't appear", async () => {
    const elsewhere = await shop.openShop("elsewhere");
    await shop.enrol({ storeId: elsewhere, deviceId: "stranger" });
    expect(JSON.stringify(await read("audit"))).not.toContain("stranger");
    expect((await read("audit", elsewhere)).entries).toHaveLength(2);
  });
});

describe("conflicts", () => {
  const ids = async (query: string): Promise<string[]> =>
    (await read(`conflicts${query}`)).conflicts.map(({ recordId }: any) => recordId);

  test("are found by status, record, device, kind, policy and collection; the counts are of the whole shop", async () => {
    await clash("settled-1", a);
    await setPolicies({ orders: "MANUAL" });
    await clash("open-1", a);
    const open = await clash("open-2", b);
    await push(a.token, put("transactions", "t-1", transaction("t-1")));
    await push(b.token, put("transactions", "t-1", transaction("t-1", { amount: 9 })));
    const counts = { open: 3, settled: 1 };
    expect(await read("conflicts")).toMatchObject({ ...counts, nextBefore: null });
    expect(await ids("")).toEqual(["t-1", "open-2", "open-1", "settled-1"]);
    expect(await ids("?status=open")).toEqual(["t-1", "open-2", "open-1"]);
    expect(await ids("?status=settled")).toEqual(["settled-1"]);
    expect(await ids("?collection=transactions")).toEqual(["t-1"]);
    expect(await ids("?recordId=open-1")).toEqual(["open-1"]);
    expect(await ids("?kind=ID_TAKEN")).toEqual(["t-1"]);
    expect(await ids("?policy=SERVER_WINS")).toEqual(["settled-1"]);
    expect(await ids("?status=open&policy=MANUAL&collection=orders&deviceId=till-b")).toEqual(["open-2", "open-1"]);
    expect(await ids("?deviceId=nobody")).toEqual([]);
    expect(await read("conflicts?recordId=none")).toMatchObject({ conflicts: [], nextBefore: null, ...counts });

    const server = open.data as object;
    const settling = {
      ...put("orders", "open-2", server, open.syncVersion! + 1, at(open)),
      resolves: open.conflict!.id,
    };
    expect(await push(a.token, settling)).toMatchObject([{ outcome: "duplicate" }]);
    expect(await read("conflicts?status=open")).toMatchObject({ open: 2, settled: 2 });
    expect(await ids("?status=settled")).toEqual(["open-2", "settled-1"]);
    expect(await ids("?deviceId=server")).toEqual(["settled-1"]);
  });

  test("are searched by id, number and names on both sides; as text, not as a pattern", async () => {
    await clash("find-me", a, { customerName: "Zoë O'Hara 100%_sure" });
    await clash("other", a, { customerName: "Somebody" });
    expect(await ids("?q=FIND-ME")).toEqual(["find-me"]);
    expect(await ids("?q=n-find")).toEqual(["find-me"]);
    expect(await ids(`?q=${encodeURIComponent("zoë o'hara")}`)).toEqual(["find-me"]);
    expect(await ids(`?q=${encodeURIComponent("100%_")}`)).toEqual(["find-me"]);
    expect(await ids("?q=flat%20white")).toEqual(["other", "find-me"]);
    expect(await ids("?q=4.54")).toEqual(["other", "find-me"]);
    for (const nothing of ["%", "_", "find%", "fin_", "\\", "customerName", "HASH_MISMATCH"])
      expect([nothing, await ids(`?q=${encodeURIComponent(nothing)}`)]).toEqual([
        nothing,
        nothing === "%" || nothing === "_" ? ["find-me"] : [],
      ]);
  });

  test("come in pages that join, whatever the filter", async () => {
    for (let index = 0; index < 5; index++) await clash(`p-${index}`, index % 2 ? b : a);
    const all = [];
    for (let before = ""; ;) {
      const page = await read(`conflicts?limit=2&q=p-${before}`);
      all.push(...page.conflicts.map(({ recordId }: any) => recordId));
      if (page.nextBefore === null) break;
      before = `&before=${page.nextBefore}`;
    }
    expect(all).toEqual(["p-4", "p-3", "p-2", "p-1", "p-0"]);
  });

  test("in a shop with very many, a page looks at some of them and says where to go on", async () => {
    await clash("needle", a);
    const { sql } = shop.database;
    await sql`
      insert into records (store_id, collection, local_id, seq, sync_version, server_hash, created_by, device_id, deleted, data, created_at, updated_at)
      select ${storeId}, 'conflicts', 'c-' || n, 1000 + n, 1, repeat('0', 64), 'server', 'server', false,
        jsonb_build_object('recordId', 'straw-' || n, 'status', 'settled', 'client', '{"data":{}}'::jsonb, 'server', '{"data":{}}'::jsonb), now(), now()
      from generate_series(1, 4500) n`;
    const pages = [];
    for (let before = ""; ;) {
      const page = await read(`conflicts?q=needle${before}`);
      pages.push(page.conflicts.map(({ recordId }: any) => recordId));
      if (page.nextBefore === null) break;
      before = `&before=${page.nextBefore}`;
    }
    expect(pages).toEqual([[], [], ["needle"]]);
    expect(await ids("?recordId=needle")).toEqual(["needle"]);
  });

  test("so it does where they are many bytes", async () => {
    await clash("needle", a);
    // texts that don't pack
    await shop.database.sql`
      insert into records (store_id, collection, local_id, seq, sync_version, server_hash, created_by, device_id, deleted, data, created_at, updated_at)
      select ${storeId}, 'conflicts', 'c-' || n, 1000 + n, 1, repeat('0', 64), 'server', 'server', false,
        jsonb_build_object('recordId', 'straw', 'server', jsonb_build_object('data', text)), now(), now()
      from generate_series(1, 20) n, (select string_agg(md5(i::text), '') as text from generate_series(1, 32000) i) t`;
    const page = await read("conflicts?q=needle");
    expect(page.conflicts).toEqual([]);
    expect(await ids(`?q=needle&before=${page.nextBefore}`)).toEqual(["needle"]);
  });

  test("large ones end a page early", async () => {
    for (let index = 0; index < 4; index++)
      await clash(`big-${index}`, a, { customerName: "x".repeat(200_000), notes: "y".repeat(50_000) });
    await shop.database.sql`
      update records set data = jsonb_set(data, '{server,data,customerName}', to_jsonb(repeat('z', 200000))) where store_id = ${storeId} and collection = 'conflicts'`;
    const first = await read("conflicts");
    expect(first.conflicts.length).toBeLessThan(4);
    const rest = await read(`conflicts?before=${first.nextBefore}`);
    expect([...first.conflicts, ...rest.conflicts].map(({ recordId }: any) => recordId)).toEqual([
      "big-3",
      "big-2",
      "big-1",
      "big-0",
    ]);
  });

  test("bad filters are 422 and say which", async () => {
    for (const bad of [
      "status=done",
      "collection=Or",
      "recordId=a%20b",
      "deviceId=%00",
      "kind=MISMATCH",
      "policy=FIRST",
      `q=${"x".repeat(101)}`,
      "q=%00",
      "q=a%0Ab",
    ]) {
      const { status, body } = await shop.admin("GET", inStore(`conflicts?${bad}`));
      expect([bad, status, body.code]).toEqual([bad, 422, "UNPROCESSABLE"]);
      expect(body.detail).toContain(bad.split("=")[0]);
    }
    expect((await shop.admin("GET", inStore("conflicts?q=a&q=b"))).body.code).toBe("MALFORMED");
    expect((await shop.admin("DELETE", inStore("devices/%00"))).status).toBe(422);
  });

  test("S10: conflicts of the same record ids in another shop are not listed, nor counted", async () => {
    const elsewhere = await shop.openShop("elsewhere");
    await clash("same", a);
    expect(await read("conflicts", elsewhere)).toEqual({ conflicts: [], nextBefore: null, open: 0, settled: 0 });
    expect(await read("conflicts?recordId=same&q=same", elsewhere)).toMatchObject({ conflicts: [] });
  });
});

describe("the fleet", () => {
  const device = async (deviceId: string): Promise<any> =>
    (await read("devices")).devices.find((each: any) => each.deviceId === deviceId);

  test("a device that is away with unsent writes, or never came back, is shown with what it last told", async () => {
    const status = { pending: 3, oldestPendingAt: 1_767_225_600_000, failed: 1 };
    const live = await goLive(shop.url, "websocket", a.token, { status });
    await until(async () => (await device("till-a")).online);
    expect(await device("till-a")).toMatchObject({ attention: ["WRITES_REJECTED"] });
    live.close();
    await until(async () => !(await device("till-a")).online);
    expect(await device("till-a")).toMatchObject({
      pending: 3,
      oldestPendingAt: 1_767_225_600_000,
      attention: ["WRITES_REJECTED", "HOLDS_UNSENT"],
    });
    await shop.admin("DELETE", inStore("devices/till-a"));
    expect(await device("till-a")).toMatchObject({ pending: 3, attention: [] });
  });

  test("a wiped browser that enrols as the same device gets a new register code, and what it held stays told", async () => {
    const live = await goLive(shop.url, "websocket", a.token, { status: { pending: 2 } });
    await until(async () => (await device("till-a")).pending === 2);
    live.close();
    const again = await shop.enrol({ storeId, deviceId: "till-a" });
    expect(again.registerCode).not.toBe(a.registerCode);
    await until(async () => !(await device("till-a")).online);
    expect(await device("till-a")).toMatchObject({
      registerCode: again.registerCode,
      pending: 2,
      attention: ["HOLDS_UNSENT"],
    });
    const fresh = await goLive(shop.url, "websocket", again.token, { status: { pending: 0 } });
    await until(async () => (await device("till-a")).pending === 0);
    fresh.close();
    expect((await read("audit?action=device.reenrolled")).entries).toMatchObject([
      { actor: "till-a", details: { registerCode: again.registerCode } },
    ]);
  });

  test("S12: a device whose digests differ is shown, and counted once", async () => {
    const count = async (): Promise<number> =>
      Number(/tillwire_digest_mismatches_total (\d+)/.exec((await shop.request(null, "GET", "/metrics")).body)![1]);
    const before = await count();
    const live = await goLive(shop.url, "websocket", a.token, { status: { digestsEqual: true, digestMismatches: 0 } });
    const told = { type: "status", digestsEqual: false, digestMismatches: 1 };
    for (const message of [told, told, told, { type: "ping" }]) live.send(message);
    await live.next("pong");
    expect(await count()).toBe(before + 1);
    await until(async () => (await device("till-a")).digestMismatches === 1);
    expect(await device("till-a")).toMatchObject({ digestsEqual: false, attention: ["DIGESTS_DIFFER"] });
    live.send({ type: "status", digestsEqual: true });
    await until(async () => (await device("till-a")).digestsEqual);
    expect(await device("till-a")).toMatchObject({ digestMismatches: 1, attention: [] });
    live.close();
  });
});
