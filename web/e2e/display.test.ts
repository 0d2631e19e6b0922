/** Kitchen boards, as people use them: real browsers, a real server process, a cable that can be cut. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startFaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { Board } from "./support/board.ts";
import { collectErrors, launchBrowser, launchDevice, newDevice, screenshotAll } from "./support/browser.ts";
import { plugIn, unplug } from "./support/cable.ts";
import { newCode, Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([startServer({ where: { databaseUrl: database.url } }), launchBrowser()]);
});
// a device that nobody needs any more would go on showing what the others do
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

const newCable = () => startFaultProxy(server.port);
const device = (baseURL = server.url) => newDevice(browser, { baseURL, reducedMotion: true });
const newTill = async (name: string) => Register.enrolled(await device(), server, name);
const board = async (name: string, baseURL?: string) => Board.enrolled(await device(baseURL), server, name);
const ticketRow = async (number: string) =>
  (
    await database.sql<{ state: string; sync_version: number }[]>`
      select data->>'state' as state, sync_version from records where collection = 'tickets' and data->>'orderNumber' = ${number}`
  )[0];

async function seriousFindings(page: Page): Promise<string[]> {
  // What has just changed its colours is looked at when it has.
  await page.evaluate(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
  });
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // the page's security policy lets no script of others in; a debugger's is none of the page's
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document).then(({ violations }) => JSON.stringify(violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => id + ": " + nodes.map(({ target, failureSummary }) => target + " " + failureSummary).slice(0, 3).join(" | "))))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  return JSON.parse(result.value as string) as string[];
}

describe("two boards and a register", () => {
  test("a sale is on both boards; what one bumps moves on the other; served tickets can be called back", async () => {
    const [till, one, other] = [await newTill("Counter"), await board("Stove"), await board("Pass")];
    const errors = [till, one, other].map(({ context }) => collectErrors(context));
    await one.page.getByTestId("all-clear").waitFor();
    const number = await till.sell(0, 0, 1);
    for (const each of [one, other]) await each.shows(number, "new");
    expect(await one.ticket(number).textContent()).toContain("2");
    await one.bump(number);
    await other.shows(number, "preparing");
    await other.bump(number);
    await one.shows(number, "ready");
    await one.bump(number);
    await other.showsNot(number);
    await other.page.getByTestId("recall").click();
    await other.page.locator(`[data-testid="served"][data-number="${number}"]`).getByTestId("recall-ready").click();
    await one.shows(number, "ready");
    await one.page.getByTestId("undo").waitFor();
    await expect.poll(async () => (await ticketRow(number))?.state).toBe("ready");
    await one.bump(number);
    await other.showsNot(number);
    expect(errors.flat()).toEqual([]);
  });

  test("both bump at once: one outcome everywhere, and nothing for a person to settle", async () => {
    const [till, ...cables] = [await newTill("Counter 2"), await newCable(), await newCable()];
    const [one, other] = [await board("Stove 2", cables[0].url), await board("Pass 2", cables[1].url)];
    const number = await till.sell(0);
    await Promise.all([one.shows(number, "new"), other.shows(number, "new")]);
    // Both are offline as they bump, so that neither can know of the other; one skips a step.
    await unplug(one.context, cables[0]);
    await unplug(other.context, cables[1]);
    await one.bump(number);
    await other.bump(number);
    await other.bump(number);
    await plugIn(one.context, cables[0]);
    await plugIn(other.context, cables[1]);
    for (const each of [one, other]) await each.shows(number, "ready", 30_000);
    await expect.poll(async () => (await ticketRow(number))?.state).toBe("ready");
    const open = await database.sql`select 1 from records where collection = 'conflicts' and data->>'status' = 'open'`;
    expect(open).toHaveLength(0);
    await one.bump(number);
    for (const cable of cables) await cable.close();
  });

  test("keys bump: 1 to 9, with Shift back, U undoes", async () => {
    const [till, one] = [await newTill("Counter 3"), await board("Keys")];
    const number = await till.sell(0);
    await one.shows(number, "new");
    const key = (await one.ticket(number).locator("kbd").textContent())!;
    await one.page.keyboard.press(`Digit${key}`);
    await one.shows(number, "preparing");
    await one.page.keyboard.press(`Numpad${key}`);
    await one.shows(number, "ready");
    await one.page.keyboard.press(`Shift+Digit${key}`);
    await one.shows(number, "preparing");
    await one.page.keyboard.press(`Digit${key}`);
    await one.page.keyboard.press(`Digit${key}`);
    await one.showsNot(number);
    await one.page.keyboard.press("u");
    await one.shows(number, "ready");
    await one.page.keyboard.press(`Digit${key}`);
    await one.showsNot(number);
  });

  test("what is added to an open order is marked, and so is what a cancellation voids", async () => {
    const [till, one] = [await newTill("Counter 4"), await board("Marks")];
    await till.product(0).click();
    await till.page.getByTestId("keep-open").click();
    const ticket = one.page.getByTestId("column-new").getByTestId("ticket");
    await ticket.waitFor();
    const number = (await ticket.getAttribute("data-number"))!;
    await one.bump(number);
    await till.goTo("orders");
    await till.order(number).click();
    await till.page.getByTestId("order-edit").click();
    await till.product(1).click();
    await till.page.getByTestId("keep-open").click();
    await one.shows(number, "new");
    await expect.poll(() => one.ticket(number).textContent()).toContain("Added");
    await till.goTo("orders");
    await till.order(number).click();
    await till.page.getByTestId("order-cancel").click();
    await till.page.getByTestId("order-cancel-confirm").click();
    await expect.poll(() => one.ticket(number).textContent()).toContain("Cancelled");
    await one.bump(number);
    await one.showsNot(number);
  });
});

describe("staleness", () => {
  test("a cut cable dims the board and says since when; bumps are kept; it comes back by itself", async () => {
    const cable = await startFaultProxy(server.port);
    const [till, one] = [await newTill("Counter 5"), await board("Cut", cable.url)];
    const first = await till.sell(0);
    await one.shows(first, "new");
    await cable.refuse();
    cable.cut();
    await one.is("stale", 5_000);
    expect(await one.page.getByTestId("stale-ago").textContent()).toMatch(/^Last update 0\d:\d\d ago$/);
    const dimmed = await one.page.locator("main").evaluate((main) => Number(getComputedStyle(main).opacity));
    expect(dimmed).toBeLessThan(0.8);
    await one.bump(first);
    const meanwhile = await till.sell(1);
    await cable.heal();
    await one.is("live");
    await one.shows(meanwhile, "new");
    await expect.poll(async () => (await ticketRow(first))?.state).toBe("preparing");
    await cable.close();
  });

  test("a link that only falls silent dims it too, within the heartbeat", async () => {
    const cable = await startFaultProxy(server.port);
    const one = await board("Silent", cable.url);
    const at = Date.now();
    cable.stall();
    await one.is("stale", 25_000);
    expect(Date.now() - at).toBeLessThan(20_000);
    await cable.heal();
    await one.is("live");
    await cable.close();
  });

  test("an empty board that is not connected is never all clear; without a network it starts with what it knew", async () => {
    const profile = mkdtempSync(join(tmpdir(), "tillwire-board-"));
    const cable = await startFaultProxy(server.port);
    const till = await newTill("Counter 6");
    let one = await Board.enrolled(await launchDevice(profile, { baseURL: cable.url }), server, "Cold");
    for (const ticket of await one.page.getByTestId("ticket").all())
      await one.page.keyboard.press(`Digit${await ticket.locator("kbd").textContent()}`);
    await one.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const number = await till.sell(0);
    await one.shows(number, "new");
    await cable.refuse();
    cable.cut();
    await one.is("stale", 5_000);
    await one.context.close();
    const context = await launchDevice(profile, { baseURL: cable.url });
    one = new Board(context.pages()[0]!, context);
    await one.page.goto("/display");
    await one.is("stale", 10_000);
    await one.shows(number, "new");
    expect(await one.page.getByTestId("stale-ago").textContent()).toContain("Last update");
    for (let ticket = one.page.getByTestId("ticket"); (await ticket.count()) > 0;) {
      await one.page.keyboard.press(`Digit${await ticket.first().locator("kbd").textContent()}`);
      await one.settled();
    }
    await one.page.getByTestId("unknown").waitFor();
    expect(await one.page.getByTestId("all-clear").count()).toBe(0);
    await cable.heal();
    await one.is("live");
    await one.page.getByTestId("all-clear").waitFor();
    await context.close();
    await cable.close();
    rmSync(profile, { recursive: true, force: true });
  });
});

describe("one browser, one role", () => {
  test("a register's browser becomes no board, and keeps its code and its identity", async () => {
    const till = await newTill("Both");
    const code = await newCode(server, "Never", "display");
    await till.page.goto(`/display#enrol=${code}`);
    await till.page.getByTestId("other-role").waitFor();
    expect(new URL(till.page.url()).hash).toBe("");
    await till.page.getByRole("button").click();
    await till.badge("live");
    const unused = await fetch(`${server.url}/api/enrol`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    });
    expect(unused.status).toBe(200);
  });

  test("a board's browser is no register: it is sent to its board; a register's code makes no board", async () => {
    const one = await board("Only a board");
    await one.page.goto("/");
    await one.is("live");
    expect(new URL(one.page.url()).pathname).toBe("/display");
    const context = await device();
    const page = await context.newPage();
    await page.goto(`/display#enrol=${await newCode(server, "Wrong kind")}`);
    await page.getByRole("alert").waitFor();
    expect(await page.getByTestId("board").count()).toBe(0);
  });

  test("a revoked board says so, and goes on with a new code", async () => {
    const one = await board("Revoked board");
    const authorization = { authorization: `Bearer ${server.adminToken}` };
    const list = await (await fetch(`${server.url}/api/admin/devices`, { headers: authorization })).json();
    const { deviceId } = list.devices.find(({ name }: any) => name === "Revoked board");
    await fetch(`${server.url}/api/admin/devices/${deviceId}`, { method: "DELETE", headers: authorization });
    await one.is("paused", 5_000);
    await one.page.getByTestId("paused-action").click();
    await one.page.getByTestId("enrol-code").fill(await newCode(server, "Revoked board", "display"));
    await one.page.getByTestId("enrol-submit").click();
    await one.is("live");
  });
});

test("sound is blocked until somebody taps, and the board says so; a tap on the button switches it off and on", async () => {
  const one = await board("Loud");
  const sound = one.page.getByTestId("sound");
  // a browser may allow it at once
  if ((await sound.textContent())?.includes("allow")) await sound.click();
  await expect.poll(() => sound.textContent()).toContain("Sound on");
  await sound.click();
  await expect.poll(() => sound.textContent()).toContain("Sound off");
});

test("every size and scheme: nothing serious for a screen reader, nothing wider than the screen", async () => {
  const cable = await startFaultProxy(server.port);
  const [till, one] = [await newTill("Busy counter"), await board("Busy", cable.url)];
  const numbers: string[] = [];
  for (let i = 0; i < 7; i++) numbers.push(await till.sell(i % 5, (i * 3) % 7, (i * 5) % 8));
  for (const number of numbers) await one.shows(number, "new");
  for (const number of numbers.slice(0, 4)) await one.bump(number);
  for (const number of numbers.slice(0, 2)) await one.bump(number);
  expect(await seriousFindings(one.page)).toEqual([]);
  await screenshotAll(one.page, "board-busy");
  for (const name of ["bump", "back", "recall", "undo", "sound"])
    for (const button of await one.page.getByTestId(name).all()) {
      const box = (await button.boundingBox())!;
      expect(Math.min(box.width, box.height), name).toBeGreaterThanOrEqual(64);
    }
  await one.page.getByTestId("recall").click();
  await one.page.getByTestId("recall-list").waitFor();
  expect(await seriousFindings(one.page)).toEqual([]);
  await one.page.keyboard.press("Escape");
  await cable.refuse();
  cable.cut();
  await one.is("stale", 5_000);
  await screenshotAll(one.page, "board-stale");
  expect(await seriousFindings(one.page)).toEqual([]);
  await one.page.setViewportSize({ width: 390, height: 844 });
  expect(await one.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await cable.close();
});
