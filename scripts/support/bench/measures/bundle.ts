/** What the register's first load weighs, and when it can be used on a slow machine. */
import { gzipSync } from "node:zlib";
import type { Page, Response } from "playwright-core";
import { newCode } from "../../../../web/e2e/support/register.ts";
import { probeOf } from "../browser/probe.ts";
import { buildApp, newPage, openBrowserShop, PRODUCT, type BrowserShop } from "../browser/shop.ts";
import type { Measure } from "../measure.ts";
import { judgedAt, type Figure } from "../result.ts";
import { median } from "../statistics.ts";

const SLOWED = 4;
/** After what is awaited is drawn: long tasks that begin in it keep people waiting. */
const QUIET_MS = 1_500;
const AWAITED = { product: PRODUCT, form: '[data-testid="enrol-code"]' };

interface Start {
  readonly interactiveMs: number;
  /** gzip, of what the page had fetched when it could be used. */
  readonly kib: number;
  /** A while later. */
  readonly kibLater: number;
}

/** @returns when `name` was drawn and the page had time for a tap, in ms from the navigation */
async function interactiveAt(page: Page, name: keyof typeof AWAITED): Promise<number> {
  await page.waitForSelector(AWAITED[name], { timeout: 60_000 });
  await page.waitForTimeout(QUIET_MS);
  const { until, longTasks } = await probeOf(page);
  const drawnAt = until[name]!;
  const after = longTasks.filter(({ start, ms }) => start + ms > drawnAt && start < drawnAt + QUIET_MS);
  return after.reduce((latest, { start, ms }) => Math.max(latest, start + ms), drawnAt);
}

async function start(page: Page, name: keyof typeof AWAITED, go: () => Promise<unknown>): Promise<Start> {
  const scripts: { at: number; bytes: Promise<number> }[] = [];
  const onResponse = (response: Response): void => {
    if (response.request().resourceType() !== "script") return;
    scripts.push({
      at: response.request().timing().startTime,
      bytes: response.body().then((body) => gzipSync(body).length),
    });
  };
  page.on("response", onResponse);
  const client = await page.context().newCDPSession(page);
  await client.send("Emulation.setCPUThrottlingRate", { rate: SLOWED });
  await go();
  const interactiveMs = await interactiveAt(page, name);
  await client.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  page.off("response", onResponse);
  const origin = await page.evaluate(() => performance.timeOrigin);
  const drawnAt = origin + (await probeOf(page)).until[name]!;
  const sum = async (some: typeof scripts): Promise<number> =>
    (await Promise.all(some.map(({ bytes }) => bytes))).reduce((all, bytes) => all + bytes, 0) / 1024;
  return { interactiveMs, kib: await sum(scripts.filter(({ at }) => at <= drawnAt)), kibLater: await sum(scripts) };
}

interface Visit {
  readonly form: Start;
  readonly first: Start;
  readonly again: Start;
}

async function visit(shop: BrowserShop): Promise<Visit> {
  const stranger = await newPage(shop.server.url, AWAITED);
  const form = await start(stranger, "form", () => stranger.goto("/"));
  await stranger.context().close();
  const code = await newCode(shop.server, "Bundle");
  const page = await newPage(shop.server.url, AWAITED);
  const first = await start(page, "product", () => page.goto(`/#enrol=${code}`));
  await mustSell(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const again = await start(page, "product", () => page.reload());
  await mustSell(page);
  await page.context().close();
  return { form, first, again };
}

/** It only looked usable? A tap tells. */
async function mustSell(page: Page): Promise<void> {
  await page.locator(PRODUCT).first().click();
  await page.getByTestId("cart-line").first().waitFor({ timeout: 5_000 });
}

export const bundle: Measure = {
  name: "bundle",
  title: `Bundle: the register's first load, and when it can be used with the CPU slowed ${SLOWED} times`,
  prepare: buildApp,
  async run(bench) {
    const shop = await openBrowserShop(bench.databases, 0, 0);
    try {
      const visits: Visit[] = [];
      for (let round = 1; round <= bench.rounds; round += 1) {
        bench.progress(`round ${round}`);
        visits.push(await visit(shop));
      }
      const of = (which: keyof Visit, key: keyof Start): number => median(visits.map((each) => each[which][key]));
      const seconds = (what: string, which: keyof Visit): Figure =>
        judgedAt({ what, value: of(which, "interactiveMs") / 1_000, unit: "s" }, { atMost: 1.5 });
      return {
        figures: [
          judgedAt(
            {
              what: "JavaScript until a sale can begin, gzip",
              value: of("first", "kib"),
              unit: "KiB",
              id: "bundle.kib",
            },
            { atMost: 120 },
          ),
          { what: "JavaScript, with what is fetched right after, gzip", value: of("first", "kibLater"), unit: "KiB" },
          { what: "JavaScript of every further start, gzip", value: of("again", "kib"), unit: "KiB" },
          { what: "JavaScript of the page that asks for the code, gzip", value: of("form", "kib"), unit: "KiB" },
          seconds("first load, not enrolled: the code can be typed", "form"),
          seconds("first load by an enrolment link: a product can be tapped", "first"),
          seconds("every further start: a product can be tapped", "again"),
        ],
        notes: [
          "Usable: drawn, and no task over 50 ms that begins within the next 1.5 s is left to end. The first load includes enrolment and the shop's records.",
        ],
      };
    } finally {
      await shop.close();
    }
  },
};
