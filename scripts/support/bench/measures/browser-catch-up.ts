/** A new register reads 10,000 orders into IndexedDB, while somebody already works with it. */
import type { Page } from "playwright-core";
import { newCode } from "../../../../web/e2e/support/register.ts";
import { longTasksSince, probeOf, timed } from "../browser/probe.ts";
import { badgeIs, buildApp, newPage, openBrowserShop, PRODUCT, type BrowserShop } from "../browser/shop.ts";
import type { Bench, Measure } from "../measure.ts";
import { judgedAt, type Figure } from "../result.ts";
import { median, percentile } from "../statistics.ts";

interface CatchUp {
  readonly perSecond: number;
  readonly tapsMs: number[];
  readonly longTasks: number[];
}

/** From the answer to its enrolment: opening the database and the link are part of it. */
async function round(shop: BrowserShop, orders: number): Promise<CatchUp> {
  const page = await newPage(shop.server.url);
  const code = await newCode(shop.server, "Catch-up");
  await page.goto(`/#enrol=${code}`);
  await badgeIs(page, "catching-up", 30_000);
  const tapsMs = await tapUntilLive(page);
  await badgeIs(page, "live");
  const { badge } = await probeOf(page);
  const began = await page.evaluate(() => {
    const requests = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    return requests.find(({ name }) => name.endsWith("/api/enrol"))!.responseEnd;
  });
  const ended = badge.findLast(({ state }) => state === "live")!.at;
  const longTasks = await longTasksSince(page, began);
  await mustHaveAll(shop, orders);
  await page.context().close();
  return { perSecond: (orders * 1_000) / (ended - began), tapsMs, longTasks };
}

/** Somebody taps products as soon as there are any. */
async function tapUntilLive(page: Page): Promise<number[]> {
  const taps: number[] = [];
  const isLive = (): Promise<boolean> => page.locator('[data-testid="sync-badge"][data-state="live"]').isVisible();
  const product = page.locator(PRODUCT).first();
  while (!(await isLive()))
    if (await product.isVisible()) taps.push(await timed(page, "click", null, () => product.click()));
  return taps;
}

/** @throws unless the server was told that this register, the last one, has everything and equals it */
async function mustHaveAll({ server }: BrowserShop, orders: number): Promise<void> {
  const url = `${server.url}/api/admin/devices`;
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${server.adminToken}` } });
    const { head, devices } = (await answer.json()) as { head: number; devices: { cursor: number }[] };
    const cursor = devices.at(-1)?.cursor ?? 0;
    if (cursor === head && head >= orders) return;
    if (performance.now() > deadline) throw new Error(`the register is at ${cursor} of ${head}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

export const browserCatchUp: Measure = {
  name: "browser-catch-up",
  title: "Catch-up in Chromium: a new register reads everything into IndexedDB",
  prepare: buildApp,
  async run(bench: Bench) {
    const orders = bench.quick ? 2_000 : 10_000;
    bench.progress(`the app is built, ${orders} orders are made`);
    const shop = await openBrowserShop(bench.databases, orders, 0);
    try {
      const rounds: CatchUp[] = [];
      for (let n = 1; n <= bench.rounds; n += 1) {
        bench.progress(`round ${n}`);
        rounds.push(await round(shop, orders));
      }
      const taps = rounds.flatMap(({ tapsMs }) => tapsMs);
      const longest = Math.max(0, ...rounds.flatMap(({ longTasks }) => longTasks));
      const figures: Figure[] = [
        judgedAt(
          {
            what: `${orders} orders`,
            value: median(rounds.map(({ perSecond }) => perSecond)),
            unit: "records/s",
            id: "catch-up.browser",
          },
          { atLeast: 8_000 },
        ),
        judgedAt(
          { what: "a tap on a product meanwhile, until drawn: p95", value: percentile(taps, 0.95), unit: "ms" },
          { atMost: 50 },
        ),
        judgedAt({ what: "the longest task meanwhile", value: longest, unit: "ms" }, { atMost: 50 }),
      ];
      const notes = [
        `The register itself, over Socket.IO, from the answer to its enrolment until it says "live", which it does with equal digests only; ${taps.length} taps.`,
      ];
      return { figures, notes };
    } finally {
      await shop.close();
    }
  },
};
