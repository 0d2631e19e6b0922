/** The register, as people use it: two real browsers, a real server process, a cable that can be cut. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startFaultProxy, type FaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { crashDevice, launchBrowser, launchDevice, newDevice, type DeviceOptions } from "./support/browser.ts";
import { newCode, Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([
    startServer({ where: { databaseUrl: database.url }, env: { SYNC_INTERVAL_SECONDS: "1" } }),
    launchBrowser(),
  ]);
});
// a device that nobody needs any more would go on showing what the others do
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

async function register(name: string, options: Partial<DeviceOptions> = {}): Promise<Register> {
  return Register.enrolled(await newDevice(browser, { baseURL: server.url, ...options }), server, name);
}
async function cabled(name: string): Promise<{ till: Register; cable: FaultProxy }> {
  const cable = await startFaultProxy(server.port);
  return { till: await register(name, { baseURL: cable.url }), cable };
}
async function countOrders(...numbers: string[]): Promise<number[]> {
  const rows = await database.sql<{ order_number: string; count: number }[]>`
    select order_number, count(*)::int as count from sync_orders where order_number = any(${numbers}) group by 1`;
  return numbers.map((number) => rows.find((row) => row.order_number === number)?.count ?? 0);
}

describe("two registers", () => {
  test("an open order of one is edited and paid on the other; a refund made there shows here", async () => {
    const [a, b] = [await register("Tab A"), await register("Tab B")];
    await a.product(0).click();
    await a.page.getByTestId("keep-open").click();
    await b.goTo("orders");
    await b.page.getByTestId("orders-open").click();
    await b.page.getByTestId("order-row").first().click();
    await b.page.getByTestId("order-edit").click();
    await b.product(1).click();
    await b.page.getByTestId("pay").click();
    await b.page.getByTestId("pay-confirm").click();
    const saved = b.page.getByTestId("saved");
    await saved.waitFor();
    const number = (await saved.getAttribute("data-order-number"))!;
    await b.page.getByTestId("new-sale").click();
    await a.goTo("orders");
    await a.order(number).click();
    await a.page.getByTestId("order-refund").click();
    await a.page.getByTestId("order-refund-confirm").click();
    await expect
      .poll(() => database.sql`select order_status, payment_status from sync_orders where order_number = ${number}`)
      .toEqual([{ order_status: "REFUNDED", payment_status: "REFUNDED" }]);
    // the money's transaction follows when the server has taken the order's refund
    const kinds = async () => {
      const rows = await database.sql<
        { type: string }[]
      >`select type from transactions where order_number = ${number} order by created_at`;
      return rows.map(({ type }) => type);
    };
    await expect.poll(kinds).toEqual(["SALE", "REFUND"]);
    await b.goTo("orders");
    await expect.poll(() => b.order(number).textContent()).toContain("Refunded");
  });
});

describe("without a network", () => {
  test("sales go on, wait in sight, and arrive once when the cable is back", async () => {
    const { till, cable } = await cabled("Cut");
    await cable.refuse();
    cable.cut();
    const numbers = [await till.sell(0, 1), await till.sell(2), await till.sell(3)];
    await till.badge("offline");
    expect(await till.badgeText()).toMatch(/Offline.*(3|6)/);
    await till.page.getByTestId("offline-line").waitFor();
    expect(await countOrders(...numbers)).toEqual([0, 0, 0]);
    await cable.heal();
    await till.badge("live");
    await expect.poll(() => countOrders(...numbers)).toEqual([1, 1, 1]);
    await cable.close();
  });

  test("the app starts with the server gone, and has what was sold before", async () => {
    const profile = mkdtempSync(join(tmpdir(), "tillwire-device-"));
    const cable = await startFaultProxy(server.port);
    let till = await Register.enrolled(await launchDevice(profile, { baseURL: cable.url }), server, "Cold start");
    await till.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await cable.refuse();
    cable.cut();
    const first = await till.sell(0);
    // Killed right after the screen said "saved".
    await crashDevice(till.context);
    const context = await launchDevice(profile, { baseURL: cable.url });
    till = new Register(context.pages()[0]!, context);
    await till.page.goto("/");
    const second = await till.sell(1);
    await till.badge("offline");
    await till.page.reload();
    await till.goTo("orders");
    await till.order(first).waitFor();
    await till.order(second).waitFor();
    await cable.heal();
    await till.badge("live");
    await expect.poll(() => countOrders(first, second)).toEqual([1, 1]);
    await context.close();
    await cable.close();
    rmSync(profile, { recursive: true, force: true });
  });

  test("the server is killed and comes back: what was sold meanwhile arrives without a reload", async () => {
    const till = await register("Killed");
    const before = await till.sell(0);
    await server.kill("SIGKILL");
    const meanwhile = await till.sell(1);
    await server.start();
    await till.badge("live");
    await expect.poll(() => countOrders(before, meanwhile), { timeout: 20_000 }).toEqual([1, 1]);
  });
});

test("live links blocked by a proxy: HTTP batches carry on; unblocked: live again without a reload", async () => {
  const { till, cable } = await cabled("Blocked");
  cable.blockLive();
  await till.badge("polling");
  const number = await till.sell(0);
  await expect.poll(() => countOrders(number), { timeout: 10_000 }).toEqual([1]);
  // What others sell comes at the interval that the server was given: a second here, not the default of 30.
  const theirs = await (await register("Not blocked")).sell(1);
  await till.goTo("orders");
  await till.order(theirs).waitFor({ timeout: 10_000 });
  await cable.heal();
  await till.badge("live");
  await cable.close();
});

test("two tabs of one register: one leads, both show the same, nothing is sent twice", async () => {
  const first = await register("Tabs");
  const second = new Register(await first.context.newPage(), first.context);
  await second.page.goto("/");
  await second.badge("live");
  const numbers = [await first.sell(0), await second.sell(1)];
  for (const tab of [first, second]) {
    await tab.goTo("orders");
    for (const number of numbers) await tab.order(number).waitFor();
  }
  await expect.poll(() => countOrders(...numbers)).toEqual([1, 1]);
  await first.page.close();
  await second.goTo("sell");
  const third = await second.sell(2);
  await expect.poll(() => countOrders(third), { timeout: 20_000 }).toEqual([1]);
});

test("a wrong code is refused in words; a typed one enrols", async () => {
  const context = await newDevice(browser, { baseURL: server.url, screen: "phone" });
  const till = new Register(await context.newPage(), context);
  await till.page.goto("/");
  await till.page.getByTestId("enrol-code").fill("WRQNGC2D");
  await till.page.getByTestId("enrol-submit").click();
  await till.page.getByRole("alert").first().waitFor();
  await till.page.getByTestId("enrol-code").fill(await newCode(server, "Typed"));
  await till.page.getByTestId("enrol-submit").click();
  await till.badge("live");
  expect(new URL(till.page.url()).hash).toBe("");
});
