/** Money that goes back, orders that are found, tabs that change hands, receipts. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFaultProxy, type FaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { seriousFindings } from "./support/axe.ts";
import { collectErrors, launchBrowser, newDevice, screenshotAll } from "./support/browser.ts";
import { plugIn, unplug } from "./support/cable.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
let [left, right] = [] as unknown as [Register, Register];
const cables = new Map<Register, FaultProxy>();
const errors: string[][] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
  [left, right] = await Promise.all(["Left", "Right"].map(newTill) as [Promise<Register>, Promise<Register>]);
});
afterAll(async () => {
  await browser.close();
  for (const cable of cables.values()) await cable.close();
  await server.stop();
  await database.drop();
});

async function newTill(name: string): Promise<Register> {
  const cable = await startFaultProxy(server.port);
  const context = await newDevice(browser, { baseURL: cable.url, reducedMotion: true });
  errors.push(collectErrors(context));
  const till = await Register.enrolled(context, server, name);
  till.page.setDefaultTimeout(8_000);
  cables.set(till, cable);
  return till;
}
/** An order sold here with two pieces of one product, chosen at both registers. */
async function soldAndChosen(): Promise<string> {
  await left.goTo("sell");
  for (let piece = 0; piece < 2; piece++) await left.page.getByTestId("product-espresso").click();
  const number = await left.sell();
  for (const till of [left, right]) {
    await till.goTo("orders");
    await till.order(number).locator('[data-sync="synced"]').waitFor();
    await till.order(number).click();
  }
  return number;
}

test("a line is given back, and what is left by another register; the receipts are copies", async () => {
  const number = await soldAndChosen();
  const { page } = left;
  await page.getByTestId("seen-by").waitFor();
  await page.getByTestId("order-refund").click();
  await page.getByTestId("refund-line").getByRole("button").first().click();
  await page.getByTestId("refund-reason").fill("Spilt");
  expect(await seriousFindings(page)).toEqual([]);
  await screenshotAll(page, "refund-dialog");
  await page.getByTestId("order-refund-confirm").click();
  await page.getByTestId("refund-given").waitFor();
  await screenshotAll(page, "refund-given");
  await page.getByTestId("refund-done").click();
  await page.getByTestId("line-returned").waitFor();
  await right.page.getByTestId("line-returned").waitFor();
  await right.page.getByTestId("order-refund").click();
  await right.page.getByTestId("order-refund-confirm").click();
  await right.page.getByTestId("refund-given").waitFor();
  await right.page.getByTestId("refund-done").click();
  await page.locator('[data-testid="order-detail"][data-state="refunded"]').waitFor();
  expect(await page.locator('[data-testid="order-payment"][data-type="REFUND"]').count()).toBe(2);
  expect(await page.getByTestId("order-refund").count()).toBe(0);

  // what the printer gets is taken down while the browser would print
  await page.evaluate(() => {
    window.print = () => (document.title = document.querySelector(".print-only")?.textContent ?? "nothing");
  });
  await page.getByTestId("order-print").click();
  await expect.poll(() => page.title()).toMatch(new RegExp(`COPY.*${number}`, "s"));
  await screenshotAll(page, "order-refunded");
});

test("both give the same line back at once: one is told to, the other not to", async () => {
  const number = await soldAndChosen();
  for (const { page } of [left, right]) await page.getByTestId("order-refund").click();
  await Promise.all([left, right].map(({ page }) => page.getByTestId("order-refund-confirm").click()));
  const said = await Promise.all(
    [left, right].map(async ({ page }) => {
      await page.locator('[data-testid="refund-given"], [data-testid="refund-lost"]').waitFor();
      return (await page.getByTestId("refund-given").count()) === 1;
    }),
  );
  expect(said.filter(Boolean)).toHaveLength(1);
  const loser = said[0] ? right : left;
  await screenshotAll(loser.page, "refund-lost");
  for (const { page } of [left, right]) await page.getByTestId("refund-done").click();
  await left.badge("live");
  const rows = await database.sql`select 1 from records where collection = 'transactions'
    and data->>'type' = 'REFUND' and data->>'orderNumber' = ${number}`;
  expect(rows).toHaveLength(1);
});

test("offline the own sale is given back, another register's is not", async () => {
  const number = await soldAndChosen();
  for (const till of [left, right]) {
    await unplug(till.context, cables.get(till)!);
    await till.badge("offline");
    await till.page.getByTestId("order-refund").click();
  }
  expect(await right.page.getByTestId("order-refund-confirm").isDisabled()).toBe(true);
  await right.page.keyboard.press("Escape");
  await left.page.getByTestId("order-refund-confirm").click();
  await left.page.getByTestId("refund-given").waitFor();
  await left.page.getByTestId("refund-done").click();
  for (const till of [left, right]) {
    await plugIn(till.context, cables.get(till)!);
    await till.badge("live");
  }
  await right.page
    .locator(`[data-testid="order-detail"][data-order-number="${number}"][data-state="refunded"]`)
    .waitFor();
});

test("an open order is found, tells who has it, and is taken over", async () => {
  await left.goTo("sell");
  await left.page.getByTestId("product-espresso").click();
  await left.page.getByTestId("keep-open").click();
  await left.goTo("orders");
  await left.page.getByTestId("orders-open").click();
  const number = (await left.page.getByTestId("order-row").first().getAttribute("data-order-number"))!;
  await left.order(number).click();
  await left.page.getByTestId("order-edit").click();
  const { page } = right;
  await right.goTo("orders");
  await page.getByTestId("orders-search").fill(number.toLowerCase());
  await expect.poll(() => page.getByTestId("order-row").count()).toBe(1);
  await page.getByTestId("orders-filter").click();
  await page.getByTestId("filter-period").selectOption("yesterday");
  await expect.poll(() => page.getByTestId("order-row").count()).toBe(0);
  await page.getByTestId("filter-period").selectOption("today");
  await right.order(number).click();
  await page.getByTestId("order-holder").waitFor();
  expect(await page.getByTestId("order-holder").textContent()).toContain("Left");
  // a mark that fades is seen between two colours
  await page.locator('[data-testid="order-row"][data-marked]').waitFor({ state: "detached" });
  expect(await seriousFindings(page)).toEqual([]);
  await screenshotAll(page, "orders-filtered");
  await page.getByTestId("order-edit").click();
  await page.getByTestId("take-over-confirm").click();
  await left.page.getByTestId("taken-over").waitFor();
  await expect.poll(() => left.page.getByTestId("taken-over").textContent()).toContain("Right");
  await left.page.getByTestId("leave-order").click();
  await left.page.getByTestId("taken-over").waitFor({ state: "detached" });
});

test("a printer that is missing says so, and the sale stands", async () => {
  const number = await soldAndChosen();
  const { page } = left;
  await page.getByTestId("printer-open").click();
  await page.getByTestId("paper-w58").check();
  await page.getByTestId("print-way").selectOption("usb");
  expect(await seriousFindings(page)).toEqual([]);
  await screenshotAll(page, "printer-setup");
  await page.keyboard.press("Escape");
  await page.getByTestId("order-print").click();
  await page.getByTestId("print-failed").waitFor();
  expect(
    await page.locator(`[data-testid="order-detail"][data-order-number="${number}"]`).getAttribute("data-state"),
  ).toBe("paid");
  await left.badge("live");
  expect(errors.flat().filter((text) => !/ERR_INTERNET_DISCONNECTED|Failed to fetch|ERR_FAILED/.test(text))).toEqual(
    [],
  );
});
