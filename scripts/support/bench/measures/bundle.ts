/** What the register's first load weighs, and when it can be used on a slow machine. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
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
  /** gzip, of all scripts fetched until then and right after, dialogs and pages that nobody has opened yet included. */
  readonly kib: number;
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
  const scripts = weighScripts(page);
  const client = await page.context().newCDPSession(page);
  await client.send("Emulation.setCPUThrottlingRate", { rate: SLOWED });
  await go();
  const interactiveMs = await interactiveAt(page, name);
  await client.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  return { interactiveMs, kib: await scripts.kib() };
}

/** The scripts that a page fetches from now on. */
function weighScripts(page: Page): { kib(): Promise<number> } {
  const sizes: Promise<number>[] = [];
  const onResponse = (response: Response): void => {
    if (response.request().resourceType() !== "script") return;
    sizes.push(response.body().then((body) => gzipSync(body).length));
  };
  page.on("response", onResponse);
  return {
    async kib() {
      page.off("response", onResponse);
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1024;
    },
  };
}

/** What the page itself names, and the register's texts: the build's own "first load". Everything else is fetched before it is asked for. */
function isFirstLoad(path: string): boolean {
  const html = readFileSync(resolve(import.meta.dirname, "../../../../web/dist/index.html"), "utf8");
  return html.includes(path) || path.startsWith("/assets/register-");
}

/** All that a sale takes: every other script is refused, and somebody sells. @returns KiB, gzip */
async function sellWithFirstLoad(page: Page): Promise<number> {
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  await client.send("Network.setBypassServiceWorker", { bypass: true });
  await page.route("**/assets/*.js", (route, request) =>
    isFirstLoad(new URL(request.url()).pathname) ? route.fallback() : route.abort(),
  );
  const scripts = weighScripts(page);
  await page.reload();
  await mustSell(page);
  return scripts.kib();
}

interface Visit {
  readonly form: Start;
  readonly first: Start;
  readonly again: Start;
  readonly neededKib: number;
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
  const neededKib = await sellWithFirstLoad(page);
  await page.context().close();
  return { form, first, again, neededKib };
}

/** It only looked usable? A tap tells. */
async function mustSell(page: Page): Promise<void> {
  const lines = page.getByTestId("cart-line");
  await page.locator(PRODUCT).first().click({ timeout: 30_000 });
  await lines.first().waitFor({ timeout: 5_000 });
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
      type Which = "form" | "first" | "again";
      const of = (which: Which, key: keyof Start): number => median(visits.map((each) => each[which][key]));
      const seconds = (what: string, which: Which): Figure =>
        judgedAt({ what, value: of(which, "interactiveMs") / 1_000, unit: "s" }, { atMost: 1.5 });
      const kib = (what: string, value: number): Figure => ({ what, value, unit: "KiB" });
      return {
        figures: [
          judgedAt(
            {
              ...kib("JavaScript that a sale takes, gzip", median(visits.map(({ neededKib }) => neededKib))),
              id: "bundle.kib",
            },
            { atMost: 120 },
          ),
          kib("JavaScript, with the dialogs and pages fetched ahead, gzip", of("first", "kib")),
          kib("JavaScript of the page that asks for the code, gzip", of("form", "kib")),
          seconds("first load, not enrolled: the code can be typed", "form"),
          seconds("first load by an enrolment link: a product can be tapped", "first"),
          seconds("every further start: a product can be tapped", "again"),
        ],
        notes: [
          "What a sale takes: every other script is refused, and a product is put into the cart. Dialogs, pages and the Socket.IO client are fetched ahead, beside it, since the server may be away when they are opened.",
          "Usable: drawn, and no task over 50 ms that begins within the next 1.5 s is left to end. The first load includes enrolment and the shop's records.",
        ],
      };
    } finally {
      await shop.close();
    }
  },
};
