/** A customer display beside a register, as customers see it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startFaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { seriousFindings } from "./support/axe.ts";
import { collectErrors, launchBrowser, newDevice, screenshotAll } from "./support/browser.ts";
import { plugIn, unplug } from "./support/cable.ts";
import { newCode, Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
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

const device = (baseURL = server.url) => newDevice(browser, { baseURL, reducedMotion: true });

async function mirroringTill(name: string, baseURL?: string): Promise<Register> {
  const context = await device(baseURL);
  await context.addInitScript(() => localStorage.setItem("tillwire.device", JSON.stringify({ mirrorCart: true })));
  return Register.enrolled(context, server, name);
}
async function customerOf(name: string, baseURL?: string): Promise<Page> {
  const page = await (await device(baseURL)).newPage();
  await page.goto(`/display?mode=customer#enrol=${await newCode(server, `Customer of ${name}`, "display")}`);
  await page.getByTestId("register-choice").filter({ hasText: name }).click();
  await is(page, "idle", "live");
  return page;
}
const is = (page: Page, state: string, trust: string) =>
  page.waitForSelector(`[data-testid="customer"][data-state="${state}"][data-trust="${trust}"]`, { timeout: 25_000 });

test("lines appear as they are rung up; then the total, the change, and the shop's name again", async () => {
  const till = await mirroringTill("Bar");
  const page = await customerOf("Bar");
  const errors = [till.context, page.context()].map((context) => collectErrors(context));
  expect(await page.getByTestId("idle").textContent()).toContain("Welcome");
  await screenshotAll(page, "customer-idle");
  for (const index of [0, 0, 1, 2]) await till.product(index).click();
  await is(page, "selling", "live");
  await expect.poll(() => page.getByTestId("line").count()).toBe(3);
  await expect.poll(() => page.getByTestId("line").first().textContent()).toMatch(/^2/);
  expect(await seriousFindings(page)).toEqual([]);
  await screenshotAll(page, "customer-selling");
  await till.page.getByTestId("pay").click();
  await is(page, "paying", "live");
  const due = await till.page.getByTestId("pay-due").textContent();
  await expect.poll(() => page.getByTestId("total").textContent()).toContain(due?.trim());
  await till.page.getByTestId("pay-dialog").getByRole("button", { name: /100/ }).first().click();
  await till.page.getByTestId("pay-confirm").click();
  await is(page, "paid", "live");
  const change = await till.page.getByTestId("change-due").textContent();
  expect(await page.getByTestId("change").textContent()).toContain(change?.trim());
  expect(await seriousFindings(page)).toEqual([]);
  await screenshotAll(page, "customer-paid");
  await till.page.getByTestId("new-sale").click();
  await till.product(3).click();
  await is(page, "selling", "live");
  expect(await page.getByTestId("line").count()).toBe(1);
  await page.goto("/display"); // chosen once, remembered
  await is(page, "selling", "live");
  expect(errors.flat()).toEqual([]);
});

test("a cart is never shown as live when the display or its register is away; offline one row waits", async () => {
  const [cable, ofDisplay] = [await startFaultProxy(server.port), await startFaultProxy(server.port)];
  const till = await mirroringTill("Door", cable.url);
  const page = await customerOf("Door", ofDisplay.url);
  await till.product(0).click();
  await is(page, "selling", "live");
  await cable.refuse();
  cable.cut();
  await is(page, "selling", "register away");
  expect(await page.getByTestId("stale").textContent()).toContain("register is not connected");
  await screenshotAll(page, "customer-stale");
  await till.badge("offline");
  for (const index of [1, 2, 3]) await till.product(index).click();
  expect(await till.badgeText()).toBe("Offline"); // a mirrored cart is nothing that could be lost
  await cable.heal();
  await is(page, "selling", "live");
  await expect.poll(() => page.getByTestId("line").count()).toBe(4);
  await unplug(page.context(), ofDisplay);
  await is(page, "selling", "display away");
  await plugIn(page.context(), ofDisplay);
  await is(page, "selling", "live");
  for (const each of [cable, ofDisplay]) await each.close();
});
