/**
 * The pictures of the README: a shop of its own for a minute, two registers, a kitchen board and a customer display, looked at while they
 * work. `npm run screenshots`
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { launchBrowser, SCREENS } from "../web/e2e/support/browser.ts";
import { Board } from "../web/e2e/support/board.ts";
import { Register } from "../web/e2e/support/register.ts";
import { startServer } from "../web/e2e/support/server-process.ts";
import { customerDisplay, customerSees, go, payNow, sellNow } from "../web/e2e/support/shop-day.ts";
import { ensureWebBuilt } from "./support/build-web.mjs";

const docs = resolve(import.meta.dirname, "../docs");
const WEBP_QUALITY = 82;
const MAX_BYTES = 80_000;
/** A shop that is open, wherever and whenever this runs: the time zone in which it is eleven. */
const TIME_ZONE = `Etc/GMT${new Date().getUTCHours() >= 11 ? "+" : ""}${new Date().getUTCHours() - 11}`;
/** What each order of the morning is made of; plain products, which open no dialog. */
const MORNING = [
  ["espresso", "croissant"],
  ["mocha", "carrot-cake", "still-water"],
  ["avocado-toast", "orange-juice"],
  ["filter-coffee", "filter-coffee", "cinnamon-roll"],
  ["quiche", "iced-tea"],
] as const;

if (!(await ensureWebBuilt())) process.exit(1);
const dataDir = mkdtempSync(join(tmpdir(), "tillwire-screenshots-"));
// PostgreSQL runs as another user where this one is root
chmodSync(dataDir, 0o755);
const server = await startServer({ where: { dataDir } });
const browser = await launchBrowser();
try {
  await takeAll();
} finally {
  await browser.close();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function takeAll(): Promise<void> {
  const counter = await Register.enrolled(await device(), server, "Counter");
  await counter.page.evaluate(() => localStorage.setItem("tillwire.device", JSON.stringify({ mirrorCart: true })));
  await counter.page.reload();
  await counter.badge("live");
  const window = await Register.enrolled(await device({ viewport: SCREENS.tablet }), server, "Window");
  const board = await Board.enrolled(await device({ colorScheme: "dark" }), server, "Kitchen");
  const customer = await customerDisplay(await device({ viewport: SCREENS.tablet }), server, "Counter");
  const numbers: string[] = [];
  for (const [index, products] of MORNING.entries())
    numbers.push(await sellNow(index % 2 ? window : counter, products, index % 3 ? "pay-cash" : "pay-card"));
  for (const number of numbers) await board.shows(number, "new");
  for (const count of [5, 3, 1]) for (const number of numbers.slice(0, count)) await board.bump(number);

  // a cart with all that a cart can have, and the customer's view of it
  const { page } = counter;
  await page.getByTestId("product-cappuccino").click();
  await page.getByTestId("variation-large").click();
  await page.getByTestId("option-oat").click();
  await page.getByTestId("options-add").click();
  for (const product of ["croissant", "croissant", "blueberry-muffin"])
    await page.getByTestId(`product-${product}`).click();
  await page.getByTestId("cart-note").fill("To take away");
  await page.getByTestId("cart-note").blur();
  await customerSees(customer, "selling");
  await customer.getByTestId("line").nth(2).waitFor();
  await take(page, "register-selling");
  await take(customer, "customer-display");

  // what the counter has just sold, on the other register and on the board
  const last = await payNow(counter);
  await board.shows(last, "new");
  await go(window, "orders");
  await window.order(last).click();
  await window.page.getByTestId("seen-by").filter({ hasText: "all" }).waitFor();
  await take(window.page, "register-orders");
  await take(board.page, "kitchen-board");
}

async function device(options: BrowserContextOptions = {}) {
  return browser.newContext({
    ...{ baseURL: server.url, viewport: SCREENS.desktop, deviceScaleFactor: 1.5, reducedMotion: "reduce" },
    timezoneId: TIME_ZONE,
    ...options,
  });
}

async function take(page: Page, name: string): Promise<void> {
  // what has just changed is marked for a moment
  await page.locator("[data-marked]").first().waitFor({ state: "detached" });
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: WEBP_QUALITY });
  await session.detach();
  mkdirSync(docs, { recursive: true });
  const path = join(docs, `${name}.webp`);
  writeFileSync(path, Buffer.from(data, "base64"));
  const { size } = statSync(path);
  console.log(`${relative(process.cwd(), path)}: ${Math.ceil(size / 1000)} kB`);
  if (size > MAX_BYTES) throw new Error(`${name} is larger than a README should load`);
}
