/** What people rarely meet and must not be helpless before: deletions, ids that are taken, refusals, copied registers, pages that can't be fetched. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { seriousFindings } from "./support/axe.ts";
import {
  collectErrors,
  INSECURE_HOST,
  launchBrowser,
  newDevice,
  SCREENS,
  type DeviceOptions,
} from "./support/browser.ts";
import { newCode, Register } from "./support/register.ts";
import { Script } from "./support/script.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
let script: Script;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
  const response = await fetch(`${server.url}/api/admin/policies`, {
    method: "PUT",
    headers: { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ policies: { orders: "MANUAL" } }),
  });
  expect(response.status).toBe(200);
  script = await Script.enrolled(server, "Importer");
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

async function newTill(name: string, options: Partial<DeviceOptions> = {}): Promise<Register> {
  const context = await newDevice(browser, { baseURL: server.url, reducedMotion: true, ...options });
  return Register.enrolled(context, server, name);
}

/** An order that is kept open and on the server; it is shown. */
async function openTab(till: Register): Promise<{ number: string; id: string }> {
  const { page } = till;
  await till.goTo("sell");
  await till.product(0).click();
  await page.getByTestId("keep-open").click();
  await till.goTo("orders");
  await page.getByTestId("order-row").first().locator('[data-sync="synced"]').waitFor();
  const number = (await page.getByTestId("order-row").first().getAttribute("data-order-number"))!;
  await till.order(number).click();
  await page.getByTestId("order-detail").waitFor();
  return { number, id: new URL(page.url()).hash.split("/")[1]! };
}

async function openConflict(page: Page): Promise<void> {
  await page.getByTestId("sync-badge").click();
  await page.getByTestId("show-conflicts").click();
  await page.locator('[data-testid="conflict-row"][data-status="open"]').first().click();
  await page.getByTestId("conflict-detail").waitFor();
}
const settled = (page: Page) => page.locator('[data-testid="conflict-detail"][data-status="settled"]').waitFor();

test("two orders under one id: both are kept, each under its own number", async () => {
  const till = await newTill("Till 1");
  const { number, id } = await openTab(till);
  const { data } = await script.read("orders", id);
  expect(await script.create("orders", id, { ...(data as object), orderNumber: "IMPORTED-7" })).toBe("conflict");
  await till.badge("attention");
  await openConflict(till.page);
  expect(await till.page.getByTestId("conflict-facts").textContent()).toContain("under the same id");
  expect(await till.page.getByTestId("pick").count()).toBe(0);
  expect(await seriousFindings(till.page)).toEqual([]);
  await till.page.getByTestId("keep-both").click();
  await settled(till.page);
  await till.badge("live");
  await till.goTo("orders");
  for (const each of [number, "IMPORTED-7"]) await till.order(each).locator('[data-sync="synced"]').waitFor();
  await till.context.close();
});

test("an order that was deleted while it was edited comes back only when somebody says so twice", async () => {
  const till = await newTill("Till 2");
  const { page } = till;
  const { number, id } = await openTab(till);
  // The cart holds the order while it is deleted elsewhere, so that the edit is made on what no longer is.
  await page.getByTestId("order-edit").click();
  await till.product(0).click();
  expect(await script.delete("orders", id)).toBe("accepted");
  await expect.poll(async () => (await script.read("orders", id)).deleted).toBe(true);
  await page.getByTestId("keep-open").click();
  await till.badge("attention");
  await openConflict(page);
  expect(await page.getByTestId("sides").textContent()).toMatch(/Importer.*Deleted/s);
  expect(await page.getByTestId("keep-client").textContent()).toContain("Bring it back");
  await page.getByTestId("keep-client").click();
  await page.keyboard.press("Escape");
  expect(await page.getByTestId("conflict-detail").getAttribute("data-status")).toBe("open");
  await page.getByTestId("keep-client").click();
  await page.getByTestId("settle-confirm").click();
  await settled(page);
  await till.goTo("orders");
  await till.order(number).locator('[data-sync="synced"]').waitFor();
  expect(await script.read("orders", id)).toMatchObject({ deleted: false, data: { orderNumber: number } });
  await till.context.close();
});

test("a deleted order is found among the deleted ones, and brought back from its history", async () => {
  const till = await newTill("Till 3");
  const { page } = till;
  const { number, id } = await openTab(till);
  await script.delete("orders", id);
  await till.order(number).waitFor({ state: "detached" });
  await page.getByTestId("orders-deleted").click();
  const row = page.locator(`[data-testid="deleted-order"][data-order-number="${number}"]`);
  await row.waitFor();
  expect(await row.textContent()).toContain("deleted by Importer");
  expect(await seriousFindings(page)).toEqual([]);
  await row.click();
  await expect.poll(() => page.getByTestId("version").count()).toBe(2);
  await page.getByTestId("bring-back").click();
  await page.getByTestId("bring-back-confirm").click();
  await expect.poll(() => page.getByTestId("version").count()).toBe(3);
  await page.goBack();
  await row.waitFor({ state: "detached" });
  await page.getByTestId("orders-all").click();
  await till.order(number).waitFor();
  await till.context.close();
});

test("what may not be brought back is refused in words", async () => {
  const till = await newTill("Till 4");
  const { page } = till;
  const { number } = await openTab(till);
  await page.getByTestId("order-pay").click();
  await page.getByTestId("pay-confirm").click();
  await page.getByTestId("new-sale").click();
  await till.goTo("orders");
  await till.order(number).locator('[data-sync="synced"]').waitFor();
  await till.order(number).click();
  await page.getByTestId("order-history").click();
  await expect.poll(() => page.getByTestId("version").count()).toBe(3); // made, taken into a cart, paid
  await page.getByTestId("bring-back").last().click();
  await page.getByTestId("bring-back-confirm").click();
  const refusal = page.getByTestId("history").getByRole("alert");
  await refusal.waitFor();
  expect(await refusal.textContent()).toMatch(/not brought back.*can’t be changed like that/s);
  expect(await page.getByTestId("version").count()).toBe(3);
  await till.badge("live");
  await till.context.close();
});

test("a copied register says what to do, is set up anew once nothing is unsent, and the warning is taken back", async () => {
  const till = await newTill("Copied", { screen: "phone" });
  const { page } = till;
  await database.sql`update devices set copied_at = now() where name = 'Copied'`;
  await page.reload();
  await page.getByTestId("copied-line").waitFor();
  await till.product(0).click();
  await page.getByTestId("sync-badge").click();
  expect(await page.getByTestId("set-up-anew").isDisabled()).toBe(true);
  expect(await page.getByTestId("anew-blocked").textContent()).toContain("the cart is not empty");
  expect(await seriousFindings(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await till.badge("live");
  await page.getByTestId("sync-badge").click();
  await page.getByTestId("set-up-anew").click();
  await page.getByTestId("set-up-anew-confirm").click();
  await page.getByTestId("enrol-code").fill(await newCode(server, "Its own"));
  await page.getByTestId("enrol-submit").click();
  await till.badge("live");
  expect(await page.getByTestId("copied-line").count()).toBe(0);
  expect(await page.getByRole("contentinfo").textContent()).toContain("Its own");
  await page.setViewportSize(SCREENS.desktop);
  await till.sell(0);
  await till.badge("live");

  const office = await till.context.newPage();
  await office.goto("/admin");
  await office.getByTestId("admin-token").fill(server.adminToken);
  await office.getByTestId("admin-enter").click();
  const device = office.locator('[data-testid="device"][data-name="Copied"]');
  await device.getByTestId("copied").waitFor();
  await device.getByTestId("clear-copied").click();
  await device.getByTestId("copied").waitFor({ state: "detached" });
  await office.getByTestId("admin-audit").click();
  await office.locator('[data-action="device.copy-cleared"]').waitFor();
  await till.context.close();
});

test("a page that is being fetched shows its outline; one that could not be comes by a button, over plain http too", async () => {
  // where there is no service worker that would hold it already
  const context = await newDevice(browser, { baseURL: `http://${INSECURE_HOST}:${server.port}`, reducedMotion: true });
  const page = context.pages()[0] ?? (await context.newPage());
  const errors = collectErrors(context);
  let reachable = false;
  let refused = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/assets/inbox-*.js", async (route) => {
    await held;
    if (reachable) return route.continue();
    refused++;
    return route.abort();
  });
  const till = await Register.enrolled(context, server, "Plain");
  await till.product(0).click();
  await page.getByTestId("sync-badge").click();
  await page.getByTestId("show-conflicts").click();
  await page.getByTestId("page-skeleton").waitFor();
  release();
  // once more by itself, with the page loaded again; then it is up to people
  await expect.poll(() => refused).toBe(2);
  await page.getByTestId("not-loaded").waitFor();
  reachable = true;
  await page.getByTestId("load-again").click();
  await page.getByTestId("inbox").waitFor();
  // the cart outlived it
  await till.goTo("sell");
  expect(await page.getByTestId("pay").isEnabled()).toBe(true);
  expect(errors.filter((text) => !/ERR_FAILED|Failed to fetch|Cross-Origin-Opener-Policy/.test(text))).toEqual([]);
  await context.close();
});
