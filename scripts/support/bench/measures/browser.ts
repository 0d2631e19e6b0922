/** What people wait for at a register that has sold for long, and has been without a network for long. */
import type { Page } from "playwright-core";
import { newCode } from "../../../../web/e2e/support/register.ts";
import { startFaultProxy, type FaultProxy } from "../../fault-proxy.ts";
import { longTasksSince, pageNow, timed } from "../browser/probe.ts";
import {
  badgeIs,
  buildApp,
  mustHoldOrders,
  newPage,
  openBrowserShop,
  pageScript,
  PRODUCT,
  type BrowserShop,
} from "../browser/shop.ts";
import { onCleanUp } from "../cleanup.ts";
import { prepareDevices, type Bench, type Measure } from "../measure.ts";
import { createOrderSource } from "../orders.ts";
import { judgedAt, judgedBy, type Figure, type MeasureResult } from "../result.ts";
import { curveOf, percentile } from "../statistics.ts";

interface Sizes {
  readonly products: number;
  readonly orders: number;
  readonly pending: number;
  readonly sales: number;
  readonly liveSeconds: number;
}
const WHOLE: Sizes = { products: 20_000, orders: 10_000, pending: 5_000, sales: 30, liveSeconds: 5 };
const QUICK: Sizes = { products: 2_000, orders: 1_000, pending: 500, sales: 5, liveSeconds: 1 };
const WORDS = ["classic lamp", "garden", "iron ham", "SKU-17", "jacket 3"];
const LIVE_PER_SECOND = 20;
const AIM_MS = 50;
/** Thousands of records are made, read and sent. */
const LIMIT_MS = 240_000;
const SAVED = '[data-testid="saved"]';

/** @returns from the tap that confirms the payment until the screen says that it is saved */
async function sell(page: Page, times: number): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < times; i += 1) {
    await page
      .locator(PRODUCT)
      .nth(i % 8)
      .click();
    await page.getByTestId("pay").click();
    const confirm = page.getByTestId("pay-confirm");
    await confirm.waitFor();
    waits.push(await timed(page, "pointerup", SAVED, () => confirm.click()));
    await page.getByTestId("new-sale").click();
    await page.locator(SAVED).waitFor({ state: "detached" });
  }
  return waits;
}

/** Every keystroke, until what it finds is drawn. */
async function search(page: Page): Promise<number[]> {
  const waits: number[] = [];
  const field = page.getByTestId("product-search");
  await field.click();
  for (const word of WORDS) {
    for (const key of word)
      waits.push(await timed(page, "keydown", null, () => page.keyboard.press(key === " " ? "Space" : key)));
    await field.fill("");
  }
  return waits;
}

/** Opening the list, its filters, an order, and scrolling through it. */
async function lookThrough(page: Page): Promise<number[]> {
  const row = '[data-testid="order-row"]';
  const waits = [await timed(page, "click", row, () => page.getByTestId("nav-orders").click())];
  for (const filter of ["open", "paid", "all", "open", "all"])
    waits.push(await timed(page, "click", null, () => page.getByTestId(`orders-${filter}`).click()));
  const rows = page.locator(row);
  await rows.first().hover();
  for (let i = 0; i < 20; i += 1)
    waits.push(await timed(page, "wheel", null, () => page.mouse.wheel(0, i < 10 ? 900 : 20_000)));
  for (let i = 0; i < 5; i += 1) waits.push(await timed(page, "click", null, () => rows.nth(3 + i).click()));
  await page.getByTestId("nav-sell").click();
  await page.locator(PRODUCT).first().waitFor();
  return waits;
}

/** A page of its own start, which the service worker serves. */
async function started(page: Page): Promise<void> {
  await page.reload();
  await page.locator(PRODUCT).first().waitFor({ timeout: 60_000 });
}

async function enrolled(shop: BrowserShop, cable: FaultProxy): Promise<Page> {
  const page = await newPage(cable.url);
  await page.goto(`/#enrol=${await newCode(shop.server, "Measured")}`);
  await badgeIs(page, "live");
  await page.locator(PRODUCT).first().waitFor();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  return page;
}

/** Others sell while somebody sells here. */
async function besideOthers(
  page: Page,
  shop: BrowserShop,
  sizes: Sizes,
): Promise<{ waits: number[]; longTasks: number[] }> {
  const seller = await prepareDevices(
    0,
    { name: "thin", url: shop.server.url },
    { keys: [shop.script] },
    { count: 1, seed: 9 },
  );
  await seller.ask("open", null);
  const from = await pageNow(page);
  const selling = seller.ask("sell", { perSecond: LIVE_PER_SECOND, seconds: sizes.liveSeconds });
  const waits = await sell(page, Math.ceil(sizes.sales / 3));
  await selling;
  await seller.ask("close", null);
  return { waits, longTasks: await longTasksSince(page, from) };
}

interface Drained {
  readonly waits: number[];
  readonly longTasks: number[];
  readonly ms: number;
}

/** Without a network thousands of sales wait; people go on selling; then the network is back. */
async function awayAndBack(bench: Bench, page: Page, cable: FaultProxy, sizes: Sizes): Promise<Drained> {
  await cable.refuse();
  cable.cut();
  await badgeIs(page, "offline");
  bench.progress(`${sizes.pending} sales wait`);
  await page.evaluate(await pageScript());
  const source = createOrderSource(77, "PENDING");
  const sold = Array.from({ length: sizes.pending }, () => source.next());
  await page.evaluate((orders) => window.benchQueue(orders), sold);
  await started(page);
  const badge = page.locator('[data-testid="sync-badge"]');
  const waiting = Number(await badge.getAttribute("data-count"));
  if (waiting < sizes.pending) throw new Error(`${waiting} writes wait, not ${sizes.pending}`);
  const waits = await sell(page, sizes.sales);
  bench.progress("the network is back");
  const from = await pageNow(page);
  await cable.heal();
  // as browsers tell when a network is back
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await badgeIs(page, "live");
  return { waits, longTasks: await longTasksSince(page, from), ms: (await pageNow(page)) - from };
}

async function measure(bench: Bench, shop: BrowserShop, sizes: Sizes): Promise<MeasureResult> {
  const cable = await startFaultProxy(shop.server.port);
  onCleanUp(() => cable.close());
  bench.progress("a register is enrolled");
  const page = await enrolled(shop, cable);
  await started(page);
  await badgeIs(page, "live");
  bench.progress("selling, searching, looking through the orders");
  await sell(page, 3);
  const sales = await sell(page, sizes.sales);
  const searches = await search(page);
  const looks = await lookThrough(page);
  const live = await besideOthers(page, shop, sizes);
  const away = await awayAndBack(bench, page, cable, sizes);
  const soldHere = 3 + 2 * sizes.sales + live.waits.length;
  await mustHoldOrders(
    shop.databaseUrl,
    shop.script.storeId,
    sizes.orders + sizes.pending + soldHere + LIVE_PER_SECOND * sizes.liveSeconds,
  );
  await page.context().close();
  await cable.close();
  const p95 = (what: string, waits: readonly number[]): Figure =>
    judgedAt({ what: `${what}: p95`, value: percentile(waits, 0.95), unit: "ms" }, { atMost: AIM_MS });
  const longest = (what: string, tasks: readonly number[]): Figure => {
    const value = Math.max(0, ...tasks);
    return judgedBy(
      { what: `longest task ${what} (${tasks.length} over 50 ms)`, value, unit: "ms" },
      "none over 50 ms",
      value <= AIM_MS,
    );
  };
  const series = [
    { name: "tap to saved", points: curveOf(sales) },
    { name: `with ${sizes.pending} pending`, points: curveOf(away.waits) },
    { name: "keystroke in the search", points: curveOf(searches) },
    { name: "in the list of orders", points: curveOf(looks) },
  ];
  return {
    figures: [
      p95("tap to saved", sales),
      p95(`tap to saved with ${sizes.pending} sales pending, offline`, away.waits),
      p95(`tap to saved while others sell ${LIVE_PER_SECOND}/s`, live.waits),
      p95(`a keystroke in the search over ${sizes.products} products`, searches),
      p95(`a tap or a flick in a list of ${sizes.orders} orders`, looks),
      longest(`while others sell ${LIVE_PER_SECOND}/s`, live.longTasks),
      longest(`while ${sizes.pending} sales leave`, away.longTasks),
      { what: `${sizes.pending} sales left`, value: (sizes.pending * 1_000) / away.ms, unit: "orders/s" },
    ],
    plots: [{ title: "Until drawn", x: "share", y: "ms", logY: true, series }],
    notes: [
      "From the event's own time to the frame that shows it, in Chromium without a GPU. One round, of many taps.",
    ],
  };
}

export const browser: Measure = {
  name: "browser",
  title: "Browser: what a person at the register waits for",
  prepare: buildApp,
  limitMs: LIMIT_MS,
  async run(bench) {
    const sizes = bench.quick ? QUICK : WHOLE;
    bench.progress(`${sizes.products} products and ${sizes.orders} orders are made`);
    const shop = await openBrowserShop(bench.databases, sizes.orders, sizes.products);
    try {
      return await measure(bench, shop, sizes);
    } finally {
      await shop.close();
    }
  },
};
