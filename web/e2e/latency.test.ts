/** How soon people see what happened: measured while nothing else runs on the machine. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { collectErrors, launchBrowser, newDevice } from "./support/browser.ts";
import { newCode, percentile, Register } from "./support/register.ts";
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

async function register(name: string): Promise<Register> {
  const context = await newDevice(browser, { baseURL: server.url, reducedMotion: true });
  return Register.enrolled(context, server, name);
}
/** How many orders of this number the server has. */
async function countOrders(number: string): Promise<number> {
  return (await database.sql`select 1 from sync_orders where order_number = ${number}`).length;
}

/** In the page: `nextOrder()` resolves with the time at which an order is drawn that was not there before. */
function watchForOrders(): void {
  const rows = () =>
    [...document.querySelectorAll("[data-order-number]")].map((row) => row.getAttribute("data-order-number")!);
  const seen = new Set(rows());
  let told: (at: number) => void = () => undefined;
  const look = () => {
    const fresh = rows().filter((number) => !seen.has(number));
    for (const number of fresh) seen.add(number);
    if (fresh.length > 0) told(performance.timeOrigin + performance.now());
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  const nextOrder = () => new Promise<number>((resolve) => (told = resolve));
  Object.assign(globalThis, { nextOrder });
}
function watchForTaps(): void {
  const tapped = () => Object.assign(globalThis, { tappedAt: performance.timeOrigin + performance.now() });
  document.addEventListener("pointerup", tapped, true);
}

test("a sale in one appears in the other without a reload, p95 under 100 ms from the tap", async () => {
  const [a, b] = [await register("Latency A"), await register("Latency B")];
  const errors = [collectErrors(a.context), collectErrors(b.context)];
  await b.goTo("orders");
  // Both pages run on this machine's clock. Nobody polls while a sale is on its way: that would take the cores that are measured.
  await b.page.evaluate(watchForOrders);
  await a.page.evaluate(watchForTaps);
  const sellOne = async (i: number): Promise<number> => {
    await a.product(i % 8).click();
    await a.page.getByTestId("pay").click();
    const arrival = b.page.evaluate(() => (globalThis as unknown as { nextOrder: () => Promise<number> }).nextOrder());
    await a.page.getByTestId("pay-confirm").click();
    const seenAt = await arrival;
    const delayMs = seenAt - (await a.page.evaluate(() => (globalThis as unknown as { tappedAt: number }).tappedAt));
    await a.page.getByTestId("new-sale").click();
    await a.page.getByTestId("saved").waitFor({ state: "detached" });
    return delayMs;
  };
  // The median of three rounds: whatever else the machine does for a moment spoils one of them.
  const p95s: number[] = [];
  for (let round = 0; round < 3; round++) {
    const delaysMs: number[] = [];
    for (let i = 0; i < 30; i++) delaysMs.push(await sellOne(i));
    const [p50, p95] = [percentile(delaysMs, 0.5), percentile(delaysMs, 0.95)];
    console.log(`tap to the other register: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`);
    p95s.push(p95);
    // Of three the median is known as soon as two are below.
    if (p95s.filter((each) => each < 100).length === 2) break;
  }
  expect(
    p95s.filter((each) => each < 100),
    `${p95s.join(", ")} ms`,
  ).toHaveLength(2);
  expect(errors.flat()).toEqual([]);
});

test("S11: a revoked register is cut within a second, keeps what it holds, and goes on with a new code", async () => {
  const till = await register("Revoked");
  const before = await till.sell(0);
  await expect.poll(() => countOrders(before)).toBe(1);
  const { devices } = (await (
    await fetch(`${server.url}/api/admin/devices`, { headers: { authorization: `Bearer ${server.adminToken}` } })
  ).json()) as { devices: { deviceId: string; name: string }[] };
  const { deviceId } = devices.find(({ name }) => name === "Revoked")!;
  await fetch(`${server.url}/api/admin/devices/${deviceId}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${server.adminToken}` },
  });
  await till.page.waitForSelector('[data-testid="sync-badge"][data-state="attention"]', { timeout: 1_000 });
  const held = await till.sell(1);
  expect(await countOrders(held)).toBe(0);
  await till.page.getByTestId("sync-badge").click();
  await till.page.getByTestId("reauthenticate").waitFor();
  await till.page.getByTestId("enrol-code").fill(await newCode(server, "Revoked again"));
  await till.page.getByTestId("enrol-submit").click();
  await till.badge("live");
  await expect.poll(() => countOrders(held)).toBe(1);
});
