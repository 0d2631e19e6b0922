/**
 * A day of a shop, from the first link to the Z report: two registers, a kitchen board, a customer display, a cable that breaks, a server
 * that dies. Pictures of each step: test-output/screenshots/whole-day.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFaultProxy, type FaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { Album } from "./support/album.ts";
import { Board } from "./support/board.ts";
import { collectErrors, launchBrowser } from "./support/browser.ts";
import { plugIn, unplug } from "./support/cable.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";
import * as day from "./support/shop-day.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
let cable: FaultProxy;
let [counter, window] = [] as unknown as [Register, Register];
let board: Board;
let customer: Page;
const errors: string[][] = [];
const album = new Album("whole-day");

beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
  cable = await startFaultProxy(server.port);
});
afterAll(async () => {
  await browser.close();
  await cable.close();
  await server.stop();
  await database.drop();
});

async function device(baseURL = server.url, options: { screen?: "tablet"; colorScheme?: "dark" } = {}) {
  const context = await day.shopDevice(browser, { baseURL, ...options });
  errors.push(collectErrors(context));
  return context;
}
/** The first of its name: the second may be meant for paper. Amounts without the space that doesn't break. */
async function textOf(page: Page, testid: string): Promise<string> {
  return ((await page.getByTestId(testid).first().textContent()) ?? "").replace(/\s+/g, " ");
}
/** The sum of a collection's amounts in the database, in cents. */
async function bookedCents(type: string): Promise<number> {
  const [row] = await database.sql<{ cents: number }[]>`
    select coalesce(round(sum((data->>'amount')::numeric) * 100), 0)::int as cents from records
    where collection = 'transactions' and data->>'type' = ${type}`;
  return row!.cents;
}

test(
  "from enrolment to Z reports, through a cut cable and a dead server: every sum is right",
  { timeout: 180_000 },
  async () => {
    await openTheShop();
    const { paid, tab } = await sellInTheMorning();
    await workInTheKitchen(paid);
    await sellThroughFailures();
    await giveMoneyBack(tab);
    await closeTheDay();
    // what a browser says of requests without a network, or to a server that is gone, is no fault of the app
    const own = errors.flat().filter((text) => !/net::ERR_|Failed to fetch|WebSocket connection/.test(text));
    expect(own).toEqual([]);
  },
);

async function openTheShop(): Promise<void> {
  counter = await Register.enrolled(await device(), server, "Theke");
  await album.take(counter.page, "first-register-by-link");
  await day.go(counter, "settings");
  await day.makeGerman(counter, "Café am Markt", "Café am Markt\nMarktplatz 1\n10115 Berlin");
  await counter.page.getByTestId("settings-device").click();
  await counter.page.getByTestId("mirror-cart").click();
  await counter.page.getByTestId("settings-staff").click();
  await day.givePin(counter, "Sam", "4711");
  await day.givePin(counter, "Alex", "2580");
  await album.take(counter.page, "staff-with-pins");
  window = await day.enrolledByHand(await device(cable.url, { screen: "tablet" }), server, "Fenster");
  await window.page.getByTestId("lock-screen").waitFor();
  await album.take(window.page, "second-register-locked");
  board = await Board.enrolled(await device(server.url, { colorScheme: "dark" }), server, "Küche");
  customer = await day.customerDisplay(await device(), server, "Theke");
  await album.take(customer, "customer-display-idle");
  await counter.page.getByTestId("person").click();
  await day.signIn(counter, "Alex", "2580");
  await day.signIn(window, "Sam", "4711");
  await day.openShift(counter, "100");
  await day.openShift(window, "50,00");
  await album.take(window.page, "shift-opened");
  await day.go(counter, "sell");
  await day.go(window, "sell");
}

/** @returns the numbers of an order that was paid, and of one that was held first */
async function sellInTheMorning(): Promise<{ paid: string; tab: string }> {
  const { page } = counter;
  const id = (testid: string) => page.getByTestId(testid);
  await id("product-cappuccino").click();
  await id("variation-large").click();
  await id("option-oat").click();
  await album.take(page, "variations-and-options");
  await id("options-add").click();
  await id("line-edit").first().click();
  await id("line-editor").getByRole("button", { name: "2", exact: true }).click();
  await id("line-discount").click();
  for (const digit of "10") await page.keyboard.press(digit);
  await album.take(page, "quantity-and-discount");
  await id("line-done").click();
  await id("product-banana-bread").click();
  await day.customerSees(customer, "selling");
  await expect.poll(() => customer.getByTestId("line").count()).toBe(2);
  await album.take(customer, "customer-sees-the-cart");
  await album.take(page, "cart");
  // 2 x (4.50 + 0.50) less 10 %, and 3.30: 5.00 from a gift card, the rest in cash
  await id("pay").click();
  await id("pay-gift-card").click();
  await id("pay-partly").click();
  for (const digit of "500") await page.keyboard.press(digit);
  await id("pay-confirm").click();
  await id("payment-part").waitFor();
  for (const digit of "2000") await page.keyboard.press(digit);
  await album.take(page, "paid-in-parts");
  await id("pay-confirm").click();
  const paid = (await id("saved").getAttribute("data-order-number"))!;
  expect(await textOf(page, "change-due")).toBe("12,70 €");
  await day.customerSees(customer, "paid");
  expect(await textOf(customer, "change")).toContain("12,70 €");
  await album.take(customer, "customer-sees-the-change");
  await album.take(page, "saved");
  await id("new-sale").click();

  // kept open, continued, and paid by card
  await id("product-espresso").click();
  await id("cart-note").fill("Tisch 4");
  await id("keep-open").click();
  await day.go(counter, "orders");
  await id("orders-open").click();
  const row = id("order-row").first();
  const tab = (await row.getAttribute("data-order-number"))!;
  await row.click();
  await album.take(page, "held-order");
  await id("order-edit").click();
  await id("product-croissant").click();
  expect(await day.payNow(counter, "pay-card")).toBe(tab);
  return { paid, tab };
}

async function workInTheKitchen(number: string): Promise<void> {
  await board.shows(number, "new");
  await album.take(board.page, "board-new-tickets");
  await board.bump(number);
  await board.bump(number);
  await board.shows(number, "ready");
  await album.take(board.page, "board-ready");
  await board.bump(number);
  await board.showsNot(number);
}

async function sellThroughFailures(): Promise<void> {
  await unplug(window.context, cable);
  await window.badge("offline");
  await day.sellNow(window, ["espresso"]);
  await day.sellNow(window, ["croissant"]);
  await expect.poll(() => window.badgeText()).toMatch(/^Offline · [1-9]/);
  await album.take(window.page, "offline-sales-wait");
  await server.kill("SIGKILL");
  await counter.badge("offline");
  const number = await day.sellNow(counter, ["still-water"]);
  await album.take(counter.page, "no-server");
  await board.is("stale");
  await album.take(board.page, "board-dimmed");
  await server.start();
  await counter.badge("live");
  await board.is("live");
  await board.shows(number, "new");
  await album.take(board.page, "board-live-again");
}

async function giveMoneyBack(number: string): Promise<void> {
  const { page } = counter;
  await day.go(counter, "orders");
  await page.getByTestId("orders-paid").click();
  await counter.order(number).click();
  await page.getByTestId("order-refund").click();
  await page.getByTestId("refund-none").click();
  await page.getByTestId("refund-line").first().getByRole("button").last().click();
  expect(await textOf(page, "refund-amount")).toContain("2,60 €");
  await page.getByTestId("refund-reason").fill("Kalt serviert");
  await album.take(page, "refund-of-a-line");
  await page.getByTestId("order-refund-confirm").click();
  await page.getByTestId("authorise").waitFor();
  await album.take(page, "manager-asked");
  await day.typePin(counter, "4711");
  await page.getByTestId("refund-given").waitFor();
  await album.take(page, "refunded");
  await page.getByTestId("refund-done").click();
}

async function closeTheDay(): Promise<void> {
  const { page } = counter;
  await day.go(counter, "shift");
  await day.moveCash(counter, "cash-in", "20", "Wechselgeld");
  await day.moveCash(counter, "cash-out", "12,50", "Milch");
  // 100.00 + 7.30 + 2.20 + 20.00 - 12.50
  await expect.poll(() => textOf(page, "report-expected")).toBe("117,00 €");
  expect(await page.getByTestId("day-state").getAttribute("data-final")).toBe("false");
  expect(await textOf(page, "day-behind")).toContain("Fenster");
  await album.take(page, "x-report-day-provisional");
  await page.getByTestId("close-shift").click();
  await page.getByTestId("counted").fill("117");
  await album.take(page, "drawer-counted");
  await page.getByTestId("close-now").click();
  // 12.30 + 5.00 + 2.20, less 2.60
  await expect.poll(() => textOf(page, "z-report")).toMatch(/19,50 €.*-2,60 €.*16,90 €.*117,00 €.*117,00 €.*0,00 €/);
  await album.take(page, "z-report");
  await page.keyboard.press("Escape");
  await page.getByTestId("z-report").waitFor({ state: "detached" });

  // the other register comes back: the day is known to be final, without anybody doing anything
  await plugIn(window.context, cable);
  await window.badge("live");
  await page.locator('[data-testid="day-state"][data-final="true"]').waitFor();
  await album.take(page, "day-final");
  await day.go(window, "shift");
  await window.page.getByTestId("close-shift").click();
  await window.page.getByTestId("counted").fill("54,50");
  await window.page.getByTestId("close-now").click();
  await window.page.locator('[data-testid="z-report"], [data-testid="authorise"]').first().waitFor();
  if ((await window.page.getByTestId("authorise").count()) > 0) await day.typePin(window, "4711");
  // 50.00 + 2.60 + 2.40 expected, fifty cents less counted
  await expect.poll(() => textOf(window.page, "z-report")).toMatch(/55,00 €.*54,50 €.*-0,50 €/);
  await album.take(window.page, "z-report-with-difference");
  await expect.poll(() => bookedCents("SALE")).toBe(2450);
  expect(await bookedCents("REFUND")).toBe(260);
  await expect
    .poll(
      () => database.sql`select data->>'state' as state, data->>'difference' as difference from records
      where collection = 'shifts' order by data->>'registerName' desc`,
    )
    .toEqual([
      { state: "closed", difference: "0" },
      { state: "closed", difference: "-0.5" },
    ]);
}
