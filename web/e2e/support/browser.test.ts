import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { freePort } from "@tillwire/server/free-port";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectErrors, crashDevice, INSECURE_HOST, launchBrowser, launchDevice, newDevice } from "./browser.ts";
import { SCREENS, screenshotAll } from "./browser.ts";

let site: Server;
let baseURL: string;
let browser: Browser;

beforeAll(async () => {
  site = createServer((request, response) => {
    const script = request.url?.endsWith(".js");
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? "" : "<!doctype html><title>test</title><h1>Here</h1>");
  });
  site.listen(await freePort(), "127.0.0.1");
  await once(site, "listening");
  baseURL = `http://127.0.0.1:${String((site.address() as AddressInfo).port)}`;
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  site.closeAllConnections();
  site.close();
});

async function visit(context: BrowserContext, url = "/"): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

// runs in the page; resolves with the value that was there before
function remember(value: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("memory", 1);
    opening.onerror = () => reject(new Error("cannot open"));
    opening.onupgradeneeded = () => opening.result.createObjectStore("values");
    opening.onsuccess = () => {
      const tx = opening.result.transaction("values", "readwrite", { durability: "strict" });
      const before = tx.objectStore("values").get("key");
      tx.objectStore("values").put(value, "key");
      tx.oncomplete = () => resolve(before.result);
    };
  });
}

test("devices of one browser keep their data apart", async () => {
  const [one, two] = [await newDevice(browser, { baseURL }), await newDevice(browser, { baseURL })];
  expect(await (await visit(one)).evaluate(remember, "first")).toBeUndefined();
  expect(await (await visit(one)).evaluate(remember, "second")).toBe("first");
  expect(await (await visit(two)).evaluate(remember, "other")).toBeUndefined();
  await one.close();
  await two.close();
});

test("what a device has stored is there after a close and after a crash", async () => {
  const profile = mkdtempSync(join(tmpdir(), "tillwire-profile-"));
  const first = await launchDevice(profile, { baseURL });
  await (await visit(first)).evaluate(remember, "first");
  await first.close();
  const second = await launchDevice(profile, { baseURL });
  expect(await (await visit(second)).evaluate(remember, "second")).toBe("first");
  await crashDevice(second);
  const third = await launchDevice(profile, { baseURL });
  expect(await (await visit(third)).evaluate(remember, "third")).toBe("second");
  await third.close();
  rmSync(profile, { recursive: true, force: true });
});

test("a secure context has service workers and Web Locks, and an insecure one does not", async () => {
  const device = await newDevice(browser, { baseURL });
  const page = await visit(device);
  const abilities = () => [isSecureContext, "serviceWorker" in navigator, "locks" in navigator, "subtle" in crypto];
  expect(await page.evaluate(abilities)).toEqual([true, true, true, true]);
  await page.evaluate(() => navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready));
  const insecure = await visit(device, baseURL.replace("127.0.0.1", INSECURE_HOST));
  expect(await insecure.evaluate(abilities)).toEqual([false, false, false, false]);
  await device.close();
});

test("only the own machine can be reached, and errors are collected", async () => {
  const device = await newDevice(browser, { baseURL });
  const errors = collectErrors(device);
  const page = await visit(device);
  const outside = await page.evaluate(() => fetch("http://example.com/").then(String, () => "unreachable"));
  expect(outside).toBe("unreachable");
  expect(errors.join()).toContain("ERR_NAME_NOT_RESOLVED");
  await device.close();
});

test("screenshots come in three sizes and both schemes", async () => {
  const device = await newDevice(browser, { baseURL, screen: "phone" });
  const page = await visit(device);
  const files = await screenshotAll(page, "support", true);
  expect(files).toHaveLength(6);
  // width and height stand in the PNG's header
  const sizes = files.map((file) => readFileSync(file).subarray(16, 24));
  expect(sizes.map((size) => ({ width: size.readUInt32BE(0), height: size.readUInt32BE(4) }))).toEqual(
    Object.values(SCREENS).flatMap((size) => [size, size]),
  );
  expect(page.viewportSize()).toEqual(SCREENS.phone);
  await device.close();
});
