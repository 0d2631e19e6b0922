/** The devices of a shop as administrators see them. */
import { describe, expect, test } from "vitest";
import { goLive, until } from "./support/live-client.ts";
import { type AdminShop, openAdminShopForEachTest } from "./support/admin-shop.ts";

let here: AdminShop;
openAdminShopForEachTest((opened) => (here = opened));

describe("the fleet", () => {
  const device = async (deviceId: string): Promise<any> =>
    (await here.read("devices")).devices.find((each: any) => each.deviceId === deviceId);

  test("a device that is away with unsent writes, or never came back, is shown with what it last told", async () => {
    const status = { pending: 3, oldestPendingAt: 1_767_225_600_000, failed: 1 };
    const live = await goLive(here.shop.url, "websocket", here.a.token, { status });
    await until(async () => (await device("till-a")).online);
    expect(await device("till-a")).toMatchObject({ attention: ["WRITES_REJECTED"] });
    live.close();
    await until(async () => !(await device("till-a")).online);
    expect(await device("till-a")).toMatchObject({
      pending: 3,
      oldestPendingAt: 1_767_225_600_000,
      attention: ["WRITES_REJECTED", "HOLDS_UNSENT"],
    });
    await here.shop.admin("DELETE", here.inStore("devices/till-a"));
    expect(await device("till-a")).toMatchObject({ pending: 3, attention: [] });
  });

  test("a wiped browser that enrols as the same device gets a new register code, and what it held stays told", async () => {
    const live = await goLive(here.shop.url, "websocket", here.a.token, { status: { pending: 2 } });
    await until(async () => (await device("till-a")).pending === 2);
    live.close();
    const again = await here.shop.enrol({ storeId: here.storeId, deviceId: "till-a" });
    expect(again.registerCode).not.toBe(here.a.registerCode);
    await until(async () => !(await device("till-a")).online);
    expect(await device("till-a")).toMatchObject({
      registerCode: again.registerCode,
      pending: 2,
      attention: ["HOLDS_UNSENT"],
    });
    const fresh = await goLive(here.shop.url, "websocket", again.token, { status: { pending: 0 } });
    await until(async () => (await device("till-a")).pending === 0);
    fresh.close();
    expect((await here.read("audit?action=device.reenrolled")).entries).toMatchObject([
      { actor: "till-a", details: { registerCode: again.registerCode } },
    ]);
  });

  test("S12: a device whose digests differ is shown, and counted once", async () => {
    const count = async (): Promise<number> =>
      Number(
        /tillwire_digest_mismatches_total (\d+)/.exec((await here.shop.request(null, "GET", "/metrics")).body)![1],
      );
    const before = await count();
    const live = await goLive(here.shop.url, "websocket", here.a.token, {
      status: { digestsEqual: true, digestMismatches: 0 },
    });
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
