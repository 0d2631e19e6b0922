/** The cases that every local store is put to, on the IndexedDB of a real Chromium. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { build, type Rolldown } from "vite";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCAL_STORE_CASES } from "../client/src/local-store-cases.ts";
import { launchBrowser } from "./support/browser.ts";

let site: Server;
let browser: Browser;
let page: Page;
beforeAll(async () => {
  const script = await bundled(resolve(import.meta.dirname, "support/local-store-page.ts"));
  site = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(
      isScript ? script : `<!doctype html><title>cases</title><script type="module" src="/page.js"></script>`,
    );
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  browser = await launchBrowser();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => "runCase" in globalThis);
});
afterAll(async () => {
  await browser.close();
  site.closeAllConnections();
  site.close();
});

async function bundled(entry: string): Promise<string> {
  const built = (await build({
    ...{ configFile: false, logLevel: "error", root: resolve(import.meta.dirname, "..") },
    build: { write: false, minify: false, lib: { entry, formats: ["es"], fileName: "page" } },
  })) as Rolldown.RolldownOutput[];
  return built[0]!.output[0].code;
}

interface InPage {
  runCase(name: string): Promise<string>;
  isEqual(a: unknown, b: unknown): boolean;
}

test.each(Object.keys(LOCAL_STORE_CASES))("Chromium's IndexedDB: %s", async (name) => {
  expect(await page.evaluate((each) => (globalThis as unknown as InPage).runCase(each), name)).toBe("");
});

test("what the page compares with can tell a difference", async () => {
  const pairs = [
    ...[
      [1, 2],
      [[1], [1, 2]],
      [[], {}],
      [{ a: 1 }, { a: 2 }],
      [{ a: 1 }, { b: 1 }],
    ],
    ...[
      [null, {}],
      [{ a: { b: [1] } }, { a: { b: [2] } }],
    ],
  ];
  const equal = await page.evaluate(
    (all) => all.filter(([a, b]) => (globalThis as unknown as InPage).isEqual(a, b)),
    pairs,
  );
  expect(equal).toEqual([]);
  expect(await page.evaluate(() => (globalThis as unknown as InPage).runCase("no such case"))).not.toBe("");
});
