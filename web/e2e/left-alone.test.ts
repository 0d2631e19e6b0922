/** Registers that are left alone, cut off, or moved: they lock over everything, update when idle, and nothing of a day is lost. */
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { startFaultProxy } from "../../scripts/support/fault-proxy.ts";
import { seriousFindings } from "./support/axe.ts";
import { collectErrors, launchBrowser, newDevice, SCREENS, screenshotAll } from "./support/browser.ts";
import { plugIn, unplug } from "./support/cable.ts";
import { startBuildProxy } from "./support/newer-build.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

const register = async (name: string, baseURL = server.url) =>
  Register.enrolled(await newDevice(browser, { baseURL }), server, name);
/** The page's clock goes on from so much later. */
const later = (page: Page, minutes: number) =>
  page.evaluate((ms) => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + ms;
  }, minutes * 60_000);
const dialogs = (page: Page) => page.locator('[role="dialog"], [role="alertdialog"]');

test("a shift closed without the server: its report stands, and the shop's day turns final by itself", async () => {
  const cable = await startFaultProxy(server.port);
  await register("Other");
  const till = await register("Cut", cable.url);
  const { page } = till;
  await page.getByTestId("nav-shift").click();
  const isFinal = () => page.getByTestId("day-state").getAttribute("data-final");
  await expect.poll(isFinal).toBe("true");
  await page.getByTestId("float").fill("50");
  await page.getByTestId("open-shift").click();
  await unplug(till.context, cable);
  await page.getByTestId("nav-sell").click();
  await till.sell(0);
  await page.getByTestId("nav-shift").click();
  await expect.poll(isFinal).toBe("false");
  expect(await page.getByTestId("day-behind").textContent()).toContain("Other");
  const expected = (await page.getByTestId("shift-page").getByTestId("report-expected").textContent())!;
  await page.getByTestId("close-shift").click();
  expect(await page.getByTestId("closing-behind").textContent()).toContain("Other");
  await page.getByTestId("counted").fill(expected.replace(/[^\d.]/g, ""));
  await page.getByTestId("close-now").click();
  await page.getByTestId("z-report").waitFor();
  expect(await page.getByTestId("z-report").getByTestId("report-difference").textContent()).toMatch(/^\D*0\.00/);
  // nothing covers the report
  expect(await page.getByTestId("toast").count()).toBe(0);
  await page.keyboard.press("Escape");
  await plugIn(till.context, cable);
  await till.badge("live");
  await expect.poll(isFinal).toBe("true");
  await expect
    .poll(() => database.sql`select data->>'state' as state from records where collection = 'shifts'`)
    .toEqual([{ state: "closed" }]);
  await cable.close();
});

test("what one register could not send is taken over from a file by another, once", async () => {
  const cable = await startFaultProxy(server.port);
  const till = await register("Broken", cable.url);
  const errors = collectErrors(till.context);
  // everything that the app is made of is here
  await till.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await unplug(till.context, cable);
  await till.product(0).click();
  await till.page.getByTestId("pay").click();
  // where the shop has shifts already, this one sells without
  const without = till.page.getByTestId("sell-without");
  await without.or(till.page.getByTestId("pay-confirm")).first().waitFor();
  if (await without.isVisible()) await without.click();
  await till.page.getByTestId("pay-confirm").click();
  await till.page.getByTestId("saved").waitFor();
  const number = (await till.page.getByTestId("saved").getAttribute("data-order-number"))!;
  await till.page.getByTestId("new-sale").click();
  await till.page.getByTestId("pay-dialog").waitFor({ state: "detached" });
  await till.page.getByTestId("sync-badge").click();
  const [download] = await Promise.all([
    till.page.waitForEvent("download"),
    till.page.getByTestId("export-outbox").click(),
  ]);
  const file = { name: "unsent.json", mimeType: "application/json", buffer: await readFile(await download.path()) };
  expect(errors.filter((text) => !/ERR_INTERNET_DISCONNECTED|WebSocket/.test(text))).toEqual([]);
  await till.context.close();

  const other = await register("Spare");
  await other.page.getByTestId("sync-badge").click();
  const report = other.page.getByTestId("import-report");
  await other.page.getByTestId("import-file").setInputFiles(file);
  await expect.poll(() => report.textContent()).toMatch(/3/);
  const stored = () =>
    database.sql`select collection from records where data->>'orderNumber' = ${number} and collection <> 'tickets' order by 1`;
  await expect.poll(stored).toEqual([{ collection: "orders" }, { collection: "transactions" }]);
  await other.badge("live");
  await other.page.getByTestId("import-file").setInputFiles(file);
  await expect.poll(() => report.textContent()).toMatch(/Nothing new.*3 were here already/s);
  expect(await stored()).toHaveLength(2);
  await other.page.keyboard.press("Escape");
  await other.goTo("orders");
  await other.order(number).waitFor();
  await cable.close();
});

test("a new version waits for people to be done, then loads by itself", async () => {
  const proxy = await startBuildProxy(server.port);
  const till = await register("Updating", proxy.url);
  const { page } = till;
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => Object.assign(globalThis, { before: true })));
  await till.product(0).click();
  proxy.renew();
  await page.evaluate(() => navigator.serviceWorker.ready.then((found) => found.update()));
  await page.getByTestId("update-line").waitFor();
  await later(page, 10);
  await till.badge("live");
  await page.getByTestId("clear-cart").click();
  expect(await page.evaluate(() => "before" in globalThis)).toBe(true);
  await later(page, 10);
  await expect
    .poll(() => page.evaluate(() => "before" in globalThis).catch(() => true), { timeout: 20_000 })
    .toBe(false);
  await till.badge("live");
  expect(await page.getByTestId("update-line").count()).toBe(0);
  await till.context.close();
  await proxy.close();
});

test("light or dark as chosen, whatever the system is; a disk that is nearly full is said in sight", async () => {
  const context = await newDevice(browser, { baseURL: server.url });
  await context.addInitScript(() => {
    StorageManager.prototype.estimate = async () => ({ usage: 95, quota: 100 });
  });
  const { page } = await Register.enrolled(context, server, "Dark");
  expect(await page.getByTestId("storage-line").isVisible()).toBe(true);
  const canvas = () => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--canvas"));
  const light = await canvas();
  await page.getByTestId("nav-settings").click();
  await page.getByTestId("settings-device").click();
  await page.getByTestId("scheme-dark").click();
  const dark = await canvas();
  expect(dark).not.toBe(light);
  await screenshotAll(page, "settings-device");
  expect(await seriousFindings(page)).toEqual([]);
  await page.reload();
  await page.getByTestId("scheme-dark").waitFor();
  expect(await canvas()).toBe(dark);
  await page.getByTestId("scheme-light").click();
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await canvas()).toBe(light);
  await page.getByTestId("scheme-system").click();
  expect(await canvas()).toBe(dark);
});

test("a tablet that is turned keeps the line that is being edited", async () => {
  const till = await register("Turned");
  const { page } = till;
  await page.setViewportSize(SCREENS.tablet);
  await till.product(0).click();
  await page.getByTestId("line-edit").click();
  await page.getByTestId("line-note").fill("no sugar");
  const { width, height } = SCREENS.tablet;
  for (const size of [{ width: height, height: width }, SCREENS.tablet]) {
    await page.setViewportSize(size);
    await page.getByTestId(size.width < 896 ? "cart-open" : "cart-total").waitFor({ state: "attached" });
    expect(await page.getByTestId("line-note").inputValue()).toBe("no sugar");
  }
  await page.getByTestId("line-done").click();
  await expect.poll(() => page.getByTestId("cart-line").textContent()).toContain("no sugar");
});

test("the lock lies over whatever is open: nothing beneath is seen, nor takes a key", async () => {
  const till = await register("Locked");
  const errors = collectErrors(till.context);
  const { page } = till;
  await page.getByTestId("nav-settings").click();
  await page.getByTestId("settings-staff").click();
  await page.locator('[data-testid="staff-row"][data-name="Sam"]').getByTestId("staff-edit").click();
  await page.getByTestId("staff-edit-pin").fill("4711");
  await page.getByTestId("staff-save").click();
  await page.getByTestId("staff-dialog").waitFor({ state: "detached" });
  await page.getByTestId("nav-sell").click();
  await till.product(0).click();
  await page.getByTestId("line-edit").click();
  await page.getByTestId("line-editor").waitFor();
  await later(page, 10);
  const lock = page.getByTestId("lock-screen");
  await lock.waitFor();
  expect(await dialogs(page).count()).toBe(1);
  // keys that would have sold five, changed the page, opened a panel, or closed what lies over them
  for (const key of ["5", "F9", "F8", "Alt+2", "Escape", "?"]) await page.keyboard.press(key);
  for (let steps = 0; steps < 12; steps++) {
    await page.keyboard.press("Tab");
    expect(await lock.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  }
  expect(await dialogs(page).count()).toBe(1);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByTestId("staff-name").filter({ hasText: "Sam" }).click();
  await page.keyboard.type("4711", { delay: 70 });
  await page.keyboard.press("Enter");
  await lock.waitFor({ state: "detached" });
  // the cart is as it was
  expect(await page.getByTestId("cart-line").count()).toBe(1);
  expect(await page.getByTestId("pay").isVisible()).toBe(true);
  expect(await dialogs(page).count()).toBe(0);
  expect(errors).toEqual([]);
});
