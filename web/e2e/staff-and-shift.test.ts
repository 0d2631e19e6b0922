/** People sign in with PINs, a drawer is opened, counted and closed, a manager lets differences pass. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { seriousFindings } from "./support/axe.ts";
import { collectErrors, launchBrowser, newDevice, screenshotAll } from "./support/browser.ts";
import { newCode, Register } from "./support/register.ts";
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

const register = async (name: string) =>
  Register.enrolled(await newDevice(browser, { baseURL: server.url }), server, name);
/** As `register`, where people must sign in. */
async function locked(name: string): Promise<Register> {
  const context = await newDevice(browser, { baseURL: server.url });
  const page = await context.newPage();
  await page.goto(`/#enrol=${await newCode(server, name)}`);
  await page.getByTestId("lock-screen").waitFor();
  return new Register(page, context);
}
const go = (till: Register, place: string) => till.page.getByTestId(`nav-${place}`).click();

async function givePin(till: Register, name: string, pin: string): Promise<void> {
  const { page } = till;
  await page.locator(`[data-testid="staff-row"][data-name="${name}"]`).getByTestId("staff-edit").click();
  await page.getByTestId("staff-edit-pin").fill(pin);
  await page.getByTestId("staff-save").click();
  await page.getByTestId("staff-dialog").waitFor({ state: "detached" });
}
async function type(till: Register, pin: string): Promise<void> {
  // as fast as people are; faster is a barcode scanner
  await till.page.keyboard.type(pin, { delay: 70 });
  await till.page.keyboard.press("Enter");
}
async function signIn(till: Register, name: string, pin: string): Promise<void> {
  await till.page.getByTestId("staff-name").filter({ hasText: name }).click();
  await type(till, pin);
  await till.page.getByTestId("lock-screen").waitFor({ state: "detached" });
}

test("staff sign in, sell on a shift, and close it with a manager's leave", async () => {
  const till = await register("Front");
  const errors = collectErrors(till.context);
  const { page } = till;
  await go(till, "settings");
  await page.getByTestId("shop-save").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByTestId("settings-device").click();
  await page.getByTestId("settings-staff").click();
  await givePin(till, "Sam", "4711");
  await givePin(till, "Alex", "2580");
  expect(await seriousFindings(page)).toEqual([]);

  // the cart outlives whoever made it
  await go(till, "sell");
  await till.product(0).click();
  await page.getByTestId("person").click();
  await page.getByTestId("lock-screen").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByTestId("staff-name").filter({ hasText: "Alex" }).click();
  await type(till, "1111");
  await expect.poll(() => page.getByTestId("pin-problem").textContent()).toMatch(/not right/);
  await type(till, "2580");
  await page.getByTestId("lock-screen").waitFor({ state: "detached" });
  expect(await page.getByTestId("person").textContent()).toContain("Alex");

  await go(till, "shift");
  await page.getByTestId("float").fill("100");
  await page.getByTestId("open-shift").click();
  await page.getByTestId("cash-out").click();
  await page.getByTestId("cash-amount").fill("12,50");
  await page.getByTestId("cash-reason").fill("Milk");
  await page.getByTestId("cash-save").click();
  await page.getByTestId("cash-dialog").waitFor({ state: "detached" });
  await go(till, "sell");
  const number = await till.sell();
  const sold = async () => database.sql<{ who: string; shift: string | null; amount: string }[]>`
    select data->>'userName' as who, data->>'shiftId' as shift, data->>'amount' as amount from records
    where collection = 'transactions' and data->>'orderNumber' = ${number}`;
  await expect.poll(sold).toMatchObject([{ who: "Alex" }]);
  const [sale] = await sold();
  expect(sale!.shift).toBeTruthy();
  await go(till, "shift");
  const expected = (await page.getByTestId("shift-page").getByTestId("report-expected").textContent())!;
  expect(expected).toContain((87.5 + Number(sale!.amount)).toFixed(2));
  expect(await seriousFindings(page)).toEqual([]);
  await screenshotAll(page, "shift-open");

  await page.getByTestId("close-shift").click();
  await page.getByTestId("counted").fill("90");
  await page.getByTestId("close-now").click();
  await page.getByTestId("authorise").waitFor();
  await screenshotAll(page, "authorise");
  expect(await seriousFindings(page)).toEqual([]);
  await type(till, "4711");
  await page.getByTestId("z-report").waitFor();
  expect(await page.getByTestId("z-report").textContent()).toContain("Sam");
  await screenshotAll(page, "z-report");
  await expect
    .poll(
      () => database.sql`select data->>'number' as number, data->>'state' as state,
      data->'authorisedBy'->>'name' as by from records where collection = 'shifts'`,
    )
    .toEqual([{ number: "1", state: "closed", by: "Sam" }]);
  await page.keyboard.press("Escape");
  expect(await page.getByTestId("former-shift").count()).toBe(1);

  // from now on selling asks for a shift, and lets go without one
  await go(till, "sell");
  await till.product(1).click();
  await page.getByTestId("pay").click();
  await page.getByTestId("shift-first").waitFor();
  await page.getByTestId("sell-without").click();
  await page.getByTestId("pay-confirm").click();
  await page.getByTestId("new-sale").click();
  await go(till, "settings");
  await page.getByTestId("settings-unlock").waitFor();
  expect(errors).toEqual([]);
});

test("another register locks as soon as a manager has a PIN; five wrong PINs make it wait, over a reload too", async () => {
  const till = await locked("Back");
  const { page } = till;
  await page.getByTestId("lock-screen").waitFor();
  await page.getByTestId("staff-name").filter({ hasText: "Sam" }).click();
  for (let count = 0; count < 5; count++) {
    await page.keyboard.type("0000");
    await expect.poll(() => page.getByTestId("pin-problem").textContent()).toBe("");
    await page.getByTestId("pin-enter").click();
    await expect.poll(() => page.getByTestId("pin-problem").textContent()).toMatch(/not right|Wait/);
  }
  await expect.poll(() => page.getByTestId("pin-problem").textContent()).toMatch(/Wait \d+ s/);
  await page.reload();
  await page.getByTestId("staff-name").filter({ hasText: "Sam" }).click();
  await expect.poll(() => page.getByTestId("pin-problem").textContent()).toMatch(/Wait \d+ s/);
  const other = await locked("Third");
  await signIn(other, "Sam", "4711");
  await go(other, "shift");
  await other.page.getByTestId("former-shift").first().waitFor();
  // the register that was closed here is live and sent everything
  await expect.poll(() => other.page.getByTestId("day-state").getAttribute("data-final")).toBe("true");
});
