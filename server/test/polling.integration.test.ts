/** Devices that poll tell of themselves as those with a link do. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EnrolResponse } from "@tillwire/protocol/messages";
import { connect, goLive, hello, until } from "./support/live-client.ts";
import { startTestServer, type TestServer } from "./support/server.ts";

let shop: TestServer;
beforeAll(async () => {
  shop = await startTestServer();
});
afterAll(() => shop.stop());

const pull = async (token: string): Promise<string> =>
  (await shop.request(token, "GET", "/api/sync/pull")).body.syncToken;
const tell = (token: string, body: object) => shop.request(token, "POST", "/api/sync/status", body);
async function fleetOf({ storeId, deviceId }: EnrolResponse): Promise<any> {
  const { body } = await shop.admin("GET", `/api/admin/devices?storeId=${storeId}`);
  return body.devices.find((device: any) => device.deviceId === deviceId);
}

test("how far it is, and what waits on it, is on the fleet page, and told to those who ask who is there", async () => {
  const device = await shop.enrol();
  const watcher = await shop.enrol();
  const client = await goLive(shop.url, "websocket", watcher.token, { presence: true });
  const status = { cursor: 7, pending: 3, oldestPendingAt: 1, failed: 1, conflicts: 0, digestsEqual: false };
  const app = { name: "register", version: "2.0.0" };
  expect(await tell(device.token, { syncToken: null, status, app })).toMatchObject({ status: 200, body: {} });
  await until(async () => (await fleetOf(device)).pending === 3);
  expect(await fleetOf(device)).toMatchObject({
    ...{ online: true, cursor: 7, pending: 3, oldestPendingAt: 1, failed: 1, digestsEqual: false, app },
    attention: ["DIGESTS_DIFFER", "WRITES_REJECTED"],
  });
  const isIt = (told: any): boolean => told.deviceId === device.deviceId && told.pending === 3;
  await client.next("presence", ({ devices }: any) => devices.some(isIt));
  client.close();
});

test("its mark goes on from the welcome's, and a copy that polls beside it is found", async () => {
  const device = await shop.enrol();
  const link = await connect(shop.url, "websocket");
  link.send(hello(device.token, {}));
  let { mark } = await link.next("welcome");
  link.close();
  const syncToken = await pull(device.token);
  const copy = mark;
  for (let polls = 0; polls < 3; polls++) {
    const { body } = await tell(device.token, { syncToken, mark, status: {} });
    expect(body).toEqual({ mark: expect.any(String) });
    mark = body.mark;
  }
  expect((await tell(device.token, { syncToken, status: {} })).body).toEqual({});
  expect((await tell(device.token, { syncToken, mark: copy, status: {} })).body).toMatchObject({ copied: true });
  expect((await fleetOf(device)).attention).toContain("COPIED");
});

test("a mark from before a restore accuses nobody", async () => {
  const device = await shop.enrol();
  for (let polls = 0; polls < 3; polls++) await tell(device.token, { syncToken: null, mark: null, status: {} });
  const syncToken = (await pull(device.token)).replace(/^tw3\.[^.]+/, "tw3.v9-other");
  const { body } = await tell(device.token, { syncToken, mark: "0.old", status: {} });
  expect(body).not.toHaveProperty("copied");
});

test("what is no status is refused, and nobody may tell one who is nobody", async () => {
  const { token } = await shop.enrol();
  expect(await tell(token, { syncToken: null })).toMatchObject({ status: 400, body: { code: "MALFORMED" } });
  expect(await tell("nobody", { syncToken: null, status: {} })).toMatchObject({ status: 401 });
});
