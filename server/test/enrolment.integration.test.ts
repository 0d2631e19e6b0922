/** Codes that make devices. */
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enrolResponseSchema } from "@tillwire/protocol/messages";
import { goLive } from "./support/live-client.ts";
import { LIMITS } from "@tillwire/protocol/limits";
import { systemRuntime } from "../src/runtime.ts";
import { request, startTestServer, type TestServer } from "./support/server.ts";

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

describe("enrolment", () => {
  const code = async (role = "register"): Promise<string> =>
    (await shop.admin("POST", "/api/admin/enrolments", { name: "Till", role, storeId: shop.storeId })).body.code;
  const redeem = (body: object) => shop.request(null, "POST", "/api/enrol", body);

  test("a display's link leads to the display", async () => {
    const { body } = await shop.admin("POST", "/api/admin/enrolments", { name: "Stove", role: "display" });
    expect(body.link).toBe(`${shop.url}/display#enrol=${body.code}`);
  });

  test("a code makes a device, once", async () => {
    const { body: made } = await shop.admin("POST", "/api/admin/enrolments", { name: "Till", role: "register" });
    expect(made.code).toMatch(/^[2-9A-HJKMNP-TV-Z]{8}$/);
    expect(made.link).toBe(`${shop.url}/#enrol=${made.code}`);
    expect(made.expiresAt - Date.now()).toBeGreaterThan(9 * 60_000);
    const { body } = await redeem({ code: made.code });
    expect(enrolResponseSchema.safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({ storeId: shop.storeId, storeName: "Corner Café", name: "Till", role: "register" });
    expect(body.registerCode).toMatch(/^[A-Z]\d+$/);
    const second = await redeem({ code: made.code });
    expect([second.status, second.body.code]).toEqual([422, "CODE_INVALID"]);
    expect(logged).not.toContain(body.token);
  });

  test("a code is good for one of many who come at once", async () => {
    const single = await code();
    const answers = await Promise.all(Array.from({ length: 8 }, () => redeem({ code: single })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test("people may type it in small letters, with spaces", async () => {
    const typed = (await code()).toLowerCase().replace(/^(....)/, "$1 ");
    expect((await redeem({ code: typed })).status).toBe(200);
  });

  test("an expired code is refused", async () => {
    const late = await code();
    await shop.database.sql`update enrolments set expires_at = now() - interval '1 second' where used_at is null`;
    expect((await redeem({ code: late })).body.code).toBe("CODE_INVALID");
  });

  test("a device that enrols again has a new token and register code; the old ones are over", async () => {
    const before = await shop.enrol({ deviceId: "till-7" });
    const live = await goLive(shop.url, "websocket", before.token);
    const after = await shop.enrol({ deviceId: "till-7" });
    expect(after.deviceId).toBe("till-7");
    expect(after.registerCode).not.toBe(before.registerCode);
    expect(await live.next("error")).toMatchObject({ code: "UNAUTHENTICATED" });
    expect((await shop.request(before.token, "GET", "/api/sync/pull")).status).toBe(401);
    expect((await shop.request(after.token, "GET", "/api/sync/pull")).status).toBe(200);
  });

  test("the name of the server itself is no deviceId, and five tries use a code up", async () => {
    const tried = await code();
    for (let index = 0; index < 5; index++) {
      expect((await redeem({ code: tried, deviceId: "server" })).body.code).toBe("UNPROCESSABLE");
    }
    expect((await redeem({ code: tried })).body.code).toBe("CODE_INVALID");
  });

  test("guessing is slowed per address", async () => {
    const node = await shop.startNode({ runtime: { ...systemRuntime, now: () => 1_767_225_600_000 } });
    const guess = () => request(node.url, null, "POST", "/api/enrol", { code: "WRONGONE" });
    for (let index = 0; index < LIMITS.enrolmentsPerMinute; index++) expect((await guess()).status).toBe(422);
    const slowed = await guess();
    expect(slowed).toMatchObject({ status: 429 });
    expect(Number(slowed.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});
