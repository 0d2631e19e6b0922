/** A register without a finger or a mouse: sold, paid and given back by keys alone. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { collectErrors, launchBrowser, newDevice } from "./support/browser.ts";
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

const MOST_STEPS = 80;
/** As people do who see where the focus is. */
async function tabTo(page: Page, testid: string): Promise<void> {
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    if (await focusedIs(page, testid)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${testid} can't be reached by Tab`);
}
function focusedIs(page: Page, testid: string): Promise<boolean> {
  return page.evaluate((id) => (document.activeElement as HTMLElement | null)?.dataset["testid"] === id, testid);
}

test("a product is found, sold, paid and given back by keys alone", async () => {
  const { page, context } = await Register.enrolled(await newDevice(browser, { baseURL: server.url }), server, "Keys");
  const errors = collectErrors(context);
  await page.keyboard.press("/");
  // as fast as people are; faster is a barcode scanner
  await page.keyboard.type("carrot cake", { delay: 60 });
  await page.keyboard.press("Enter");
  await page.getByTestId("cart-line").waitFor();
  await page.keyboard.press("F9");
  await expect.poll(() => focusedIs(page, "pay-confirm")).toBe(true);
  await page.keyboard.press("Enter");
  const saved = page.getByTestId("saved");
  await saved.waitFor();
  const number = (await saved.getAttribute("data-order-number"))!;
  await expect.poll(() => focusedIs(page, "new-sale")).toBe(true);
  await page.keyboard.press("Enter");
  await page.getByTestId("pay-dialog").waitFor({ state: "detached" });
  expect(await page.getByTestId("cart-line").count()).toBe(0);

  await page.keyboard.press("Alt+2");
  await page.getByTestId("order-row").first().waitFor();
  await tabTo(page, "order-row");
  await page.keyboard.press("Enter");
  await page.locator(`[data-testid="order-detail"][data-order-number="${number}"]`).waitFor();
  await tabTo(page, "order-refund");
  await page.keyboard.press("Enter");
  await page.getByTestId("refund-dialog").waitFor();
  await tabTo(page, "order-refund-confirm");
  await page.keyboard.press("Enter");
  await page.getByTestId("refund-given").waitFor();
  await tabTo(page, "refund-done");
  await page.keyboard.press("Enter");
  await page.locator('[data-testid="order-detail"][data-state="refunded"]').waitFor();
  expect(errors).toEqual([]);
});
