/** The audit trail: who did what, and nothing secret. */
import { describe, expect, test } from "vitest";
import { goLive, until } from "./support/live-client.ts";
import { request } from "./support/server.ts";
import { order, put } from "./support/shop-fixture.ts";
import { type AdminShop, openAdminShopForEachTest } from "./support/admin-shop.ts";

let here: AdminShop;
openAdminShopForEachTest((opened) => (here = opened));

describe("the audit trail", () => {
  test("tells who did what, latest first, in pages, and never a token or a code", async () => {
    const { body: made } = await here.shop.admin("POST", "/api/admin/enrolments", {
      name: "Bar",
      role: "display",
      storeId: here.storeId,
    });
    const { body: bar } = await here.shop.request(null, "POST", "/api/enrol", { code: made.code, deviceId: "bar" });
    const again = await here.shop.enrol({ storeId: here.storeId, deviceId: "bar" });
    await here.setPolicies({ orders: "MERGE" });
    await here.shop.admin("DELETE", here.inStore("devices/bar"));
    await here.shop.admin("DELETE", here.inStore("devices/bar"));
    const { body: begun } = await here.shop.admin("POST", "/api/admin/epoch", {
      storeId: here.storeId,
      reoffer: false,
    });
    const { entries, nextBefore } = await here.read("audit");
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
    const stored = await here.shop.database.sql`select token_hash from devices where store_id = ${here.storeId}`;
    for (const { token_hash } of stored) expect(text).not.toContain(token_hash);

    const paged = [];
    for (let before = ""; ;) {
      const page = await here.read(`audit?limit=4${before}`);
      paged.push(...page.entries);
      if (page.nextBefore === null) break;
      before = `&before=${page.nextBefore}`;
    }
    expect(paged).toEqual(entries);
    const enrolled = await here.read("audit?action=device.enrolled");
    expect(enrolled.entries.map(({ actor }: any) => actor)).toEqual(["bar", "till-b", "till-a"]);
  });

  test("epochs that the server begins by itself name their reason", async () => {
    const live = await goLive(here.shop.url, "websocket", here.a.token);
    live.send({ type: "push", id: "p", writes: [put("orders", "lost", order("lost"))] });
    await live.next("pushed");
    const { syncToken } = await live.next("changes", ({ to }) => to === 1);
    live.close();
    const { sql } = here.shop.database;
    await sql`delete from records where store_id = ${here.storeId}`;
    await sql`update stores set head = 0 where id = ${here.storeId}`;
    await request(here.shop.url, here.a.token, "GET", `/api/sync/pull?since=${syncToken}`);
    expect((await here.read("audit?action=epoch.begun")).entries).toMatchObject([
      { actor: "server", details: { reason: "CURSOR_AHEAD", reoffer: true, head: 0 } },
    ]);
    await sql`update settings set value = 'other files' where key = 'database_identity'`;
    await here.shop.startNode();
    await until(async () => (await here.read("audit?action=epoch.begun")).entries.length === 2);
    expect((await here.read("audit?action=epoch.begun&limit=1")).entries).toMatchObject([
      { actor: "server", details: { reason: "DATABASE_RESTORED" } },
    ]);
  });

  test("an enrolment that fails leaves no entry", async () => {
    const before = (await here.read("audit")).entries.length;
    await here.shop.request(null, "POST", "/api/enrol", { code: "WRONGONE", deviceId: "till-c" });
    expect((await here.read("audit")).entries).toHaveLength(before);
  });

  test("bad filters are told, and only the administrator reads it", async () => {
    expect((await here.shop.admin("GET", here.inStore("audit?action=Drop%20it"))).body.code).toBe("UNPROCESSABLE");
    expect((await here.shop.admin("GET", here.inStore("audit?before=x"))).body.code).toBe("MALFORMED");
    expect((await request(here.shop.url, here.a.token, "GET", here.inStore("audit"))).status).toBe(401);
  });

  test("S10: entries of another shop don't appear", async () => {
    const elsewhere = await here.shop.openShop("elsewhere");
    await here.shop.enrol({ storeId: elsewhere, deviceId: "stranger" });
    expect(JSON.stringify(await here.read("audit"))).not.toContain("stranger");
    expect((await here.read("audit", elsewhere)).entries).toHaveLength(2);
  });
});
