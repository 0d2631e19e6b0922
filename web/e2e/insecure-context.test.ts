/** Plain http at the address of a LAN: no service worker, no crypto.subtle, no Web Locks. Selling and sync go on as ever. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { collectErrors, INSECURE_HOST, launchBrowser, newDevice } from "./support/browser.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

test("sells, syncs, leads by lease and sells on without the server; only a reload then is not possible, and that is said", async () => {
  const context = await newDevice(browser, { baseURL: `http://${INSECURE_HOST}:${server.port}`, reducedMotion: true });
  const errors = collectErrors(context);
  const till = await Register.enrolled(context, server, "LAN");
  const { page } = till;
  const missing = await page.evaluate(() => [
    isSecureContext,
    "serviceWorker" in navigator,
    "locks" in navigator,
    "subtle" in crypto && crypto.subtle !== undefined,
  ]);
  expect(missing).toEqual([false, false, false, false]);
  const first = await till.sell(0, 1);
  await till.badge("live");
  const [row] = await database.sql`
    select 1 from records where collection = 'orders' and data->>'orderNumber' = ${first}`;
  expect(row).toBeDefined();

  await page.getByTestId("sync-badge").click();
  const panel = page.getByTestId("sync-panel");
  await panel.waitFor();
  const facts = (await panel.getByTestId("link-facts").textContent()) ?? "";
  expect(facts).toContain("This tab");
  expect(facts).toMatch(/Not possible over plain http.*do not reload.*by https/s);
  await page.keyboard.press("Escape");

  // a second tab sees the same truth, and takes over when the first one is gone
  const second = new Register(await context.newPage(), context);
  await second.page.goto("/");
  await second.badge("live");
  await page.close();
  await context.setOffline(true);
  await second.badge("offline");
  await second.sell(2);
  await context.setOffline(false);
  await second.badge("live");
  const orders = await database.sql`select 1 from records where collection = 'orders'`;
  expect(orders.length).toBe(2);
  // what a browser says of every page on plain http, and of requests without a network
  const own = errors.filter((error) => !/Cross-Origin-Opener-Policy|ERR_INTERNET_DISCONNECTED/.test(error));
  expect(own).toEqual([]);
});
