/** Copied devices: one identity on two machines is noticed, shown, and harmless. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EnrolResponse } from "@tillwire/protocol/messages";
import { connect, goLive, hello, until } from "./support/live-client.ts";
import { startTestServer, type TestServer } from "./support/server.ts";
import { order, put } from "./support/shop-fixture.ts";

let shop: TestServer;
let device: EnrolResponse;
let storeId: string;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());
beforeEach(async () => {
  storeId = await shop.openShop("a shop of its own");
  device = await shop.enrol({ storeId });
});

/** A machine with a local database: what it keeps, it presents. */
interface Machine {
  mark: string | null;
  syncToken: string | null;
}

/** One connection, as far as its frame at the head; the machine keeps what it is given unless the welcome is `lost`. */
async function visit(machine: Machine, { token = device.token, url = shop.url, lost = false } = {}): Promise<any> {
  const client = await connect(url, "websocket");
  client.send(hello(token, { mark: machine.mark, syncToken: machine.syncToken }));
  const welcome = await client.next("welcome");
  const frame = await client.next("changes", ({ to, head }) => to === head);
  client.close();
  if (!lost) {
    machine.mark = welcome.mark;
    machine.syncToken = frame.syncToken;
  }
  return welcome;
}
const newMachine = (): Machine => ({ mark: null, syncToken: null });
const copyOf = (machine: Machine): Machine => ({ ...machine });

async function findings(): Promise<any[]> {
  const { body } = await shop.admin("GET", `/api/admin/audit?storeId=${storeId}&action=device.copied`);
  return body.entries;
}
async function fleet(): Promise<any> {
  return (await shop.admin("GET", `/api/admin/devices?storeId=${storeId}`)).body.devices[0];
}
async function counted(): Promise<number> {
  const { body } = await shop.request(null, "GET", "/metrics");
  return Number(/tillwire_devices_copied_total (\d+)/.exec(body)![1]);
}

test("every welcome brings another mark, and one machine alone is never found", async () => {
  const machine = newMachine();
  const marks = new Set<string>();
  for (let visits = 0; visits < 5; visits++) marks.add((await visit(machine)).mark);
  expect(marks.size).toBe(5);
  expect(await visit(machine)).not.toHaveProperty("copied");
  expect(await fleet()).toMatchObject({ copiedAt: null, attention: [] });
});

test("so it is where each visit goes to another node", async () => {
  const node = await shop.startNode();
  const machine = newMachine();
  for (const url of [shop.url, node.url, shop.url, node.url])
    expect(await visit(machine, { url })).not.toHaveProperty("copied");
  const old = copyOf(machine);
  for (const url of [shop.url, node.url]) await visit(machine, { url });
  expect(await visit(old, { url: node.url })).toMatchObject({ copied: true });
  expect(await visit(machine)).toMatchObject({ copied: true });
});

test("a machine that lost welcomes is never found, however many", async () => {
  const machine = newMachine();
  await visit(machine, { lost: true });
  for (let visits = 0; visits < 3; visits++) {
    await visit(machine);
    for (let losses = 0; losses < 3; losses++) await visit(machine, { lost: true });
  }
  await visit(machine);
  expect(await findings()).toEqual([]);
});

describe("a copy", () => {
  test("is found, shown and counted once, and both machines go on", async () => {
    const original = newMachine();
    await visit(original);
    await visit(original);
    const copy = copyOf(original);
    const before = await counted();
    await visit(copy);
    await visit(original);
    const seen = [await visit(copy), await visit(original), await visit(copy)];
    expect(seen.some(({ copied }) => copied === true)).toBe(true);
    expect(seen.at(-1).copied).toBe(true);
    await until(async () => (await findings()).length === 1);
    expect((await findings())[0]).toMatchObject({ actor: "server", details: { deviceId: device.deviceId } });
    expect(await counted()).toBe(before + 1);
    const shown = await fleet();
    expect(shown.attention).toEqual(["COPIED"]);
    expect(Math.abs(shown.copiedAt - Date.now())).toBeLessThan(10_000);
    for (const machine of [original, copy]) {
      const client = await goLive(shop.url, "websocket", device.token, machine);
      const id = machine === copy ? "by-copy" : "by-original";
      client.send({ type: "push", id: "p", writes: [put("orders", id, order(id))] });
      expect((await client.next("pushed")).results).toMatchObject([{ outcome: "accepted" }]);
      client.close();
    }
  });

  test("is told again the day after, if it goes on", async () => {
    const original = newMachine();
    await visit(original);
    const copy = copyOf(original);
    await Promise.all([visit(copy), visit(original)]);
    for (let visits = 0; visits < 3; visits++) await visit(visits % 2 ? copy : original);
    await until(async () => (await findings()).length === 1);
    await shop.database.sql`update devices set copied_at = copied_at - interval '25 hours' where store_id = ${storeId}`;
    for (let visits = 0; visits < 4; visits++) await visit(visits % 2 ? copy : original);
    await until(async () => (await findings()).length === 2);
  });

  test("that was put back from an old backup of the machine is found at its first hello", async () => {
    const machine = newMachine();
    await visit(machine);
    const old = copyOf(machine);
    for (let visits = 0; visits < 3; visits++) await visit(machine);
    expect(await visit(old)).toMatchObject({ copied: true });
  });

  test("is told to who watches presence, until a person takes the warning back", async () => {
    const watcher = await goLive(shop.url, "websocket", (await shop.enrol({ storeId })).token, { presence: true });
    const machine = newMachine();
    await visit(machine);
    const old = copyOf(machine);
    for (let visits = 0; visits < 2; visits++) await visit(machine);
    await visit(old);
    const tells = (copied: true | undefined) => (message: any) =>
      message.devices.some((each: any) => each.deviceId === device.deviceId && each.copied === copied);
    await watcher.next("presence", tells(true));
    watcher.skip("presence");
    const path = `/api/admin/devices/${device.deviceId}/copied?storeId=${storeId}`;
    expect((await shop.admin("DELETE", path)).status).toBe(204);
    expect((await shop.admin("DELETE", path)).status).toBe(204);
    await watcher.next("presence", tells(undefined));
    watcher.close();
    expect(await fleet()).toMatchObject({ copiedAt: null, attention: [] });
    const { body } = await shop.admin("GET", `/api/admin/audit?storeId=${storeId}&action=device.copy-cleared`);
    expect(body.entries).toMatchObject([{ actor: "admin", details: { deviceId: device.deviceId } }]);
    expect((await shop.admin("DELETE", `/api/admin/devices/nobody/copied?storeId=${storeId}`)).status).toBe(404);
  });
});

test("a device that is enrolled anew starts without marks and without a warning", async () => {
  const machine = newMachine();
  await visit(machine);
  const old = copyOf(machine);
  for (let visits = 0; visits < 2; visits++) await visit(machine);
  await visit(old);
  expect(await fleet()).toMatchObject({ attention: ["COPIED"] });
  const { token } = await shop.enrol({ storeId, deviceId: device.deviceId });
  expect(await fleet()).toMatchObject({ copiedAt: null, attention: [] });
  expect(await visit(machine, { token })).not.toHaveProperty("copied");
  expect(await visit(machine, { token })).not.toHaveProperty("copied");
});

describe("a restored database accuses nobody", () => {
  test("a hello that names another epoch, is ahead of the head, or names none is given a mark", async () => {
    const machine = newMachine();
    for (let visits = 0; visits < 3; visits++) await visit(machine);
    const mark = "1.of-another-history";
    await shop.admin("POST", "/api/admin/epoch", { storeId });
    expect(await visit({ ...machine, mark })).not.toHaveProperty("copied");
    expect(await visit({ syncToken: null, mark })).not.toHaveProperty("copied");
    expect(await findings()).toEqual([]);
  });

  test("one whose loss the sync tokens don't show neither: marks above the last one prove it", async () => {
    const machine = newMachine();
    await visit(machine);
    await visit(machine);
    const [backup] = await shop.database.sql`select mark, mark_before from devices where store_id = ${storeId}`;
    for (let visits = 0; visits < 4; visits++) await visit(machine);
    await shop.database.sql`
      update devices set mark = ${backup!.mark}, mark_before = ${backup!.mark_before} where store_id = ${storeId}`;
    for (let visits = 0; visits < 3; visits++) expect(await visit(machine)).not.toHaveProperty("copied");
  });
});

test("a client that keeps no marks changes nothing for the one that does", async () => {
  const machine = newMachine();
  await visit(machine);
  for (let visits = 0; visits < 3; visits++) await goLive(shop.url, "websocket", device.token).then((c) => c.close());
  expect(await visit(machine)).not.toHaveProperty("copied");
  expect(await visit(machine)).not.toHaveProperty("copied");
});

test("marks that nobody gave are a finding and no error", async () => {
  const machine = newMachine();
  await visit(machine);
  for (const mark of ["x", "99999999999999999999999.x", "'; drop table devices; --", "💳"])
    expect((await visit({ ...machine, mark })).mark).toMatch(/^\d+\.[0-9a-f]{18}$/);
  await until(async () => (await findings()).length === 1);
});

test("S10: the same deviceId in two shops is two devices", async () => {
  const elsewhere = await shop.openShop("elsewhere");
  const namesake = await shop.enrol({ storeId: elsewhere, deviceId: device.deviceId });
  const here = newMachine();
  const there = newMachine();
  for (let visits = 0; visits < 3; visits++) {
    expect(await visit(here)).not.toHaveProperty("copied");
    expect(await visit(there, { token: namesake.token })).not.toHaveProperty("copied");
  }
});
