/** Conflicts as people meet them: real registers, a real server, cables that are cut while two change the same order. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFaultProxy, type FaultProxy } from "../../scripts/support/fault-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { seriousFindings } from "./support/axe.ts";
import { collectErrors, launchBrowser, newDevice } from "./support/browser.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

let database: TestDatabase;
let server: ServerProcess;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  [server, browser] = await Promise.all([
    startServer({ where: { databaseUrl: database.url }, env: { SYNC_INTERVAL_SECONDS: "1" } }),
    launchBrowser(),
  ]);
  await admin("PUT", "/api/admin/policies", { policies: { orders: "MANUAL" } });
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await database.drop();
});

async function admin(method: string, path: string, body?: object): Promise<any> {
  const headers = { authorization: `Bearer ${server.adminToken}`, "content-type": "application/json" };
  const response = await fetch(server.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

interface Cabled {
  readonly till: Register;
  readonly page: Page;
  readonly cable: FaultProxy;
}
async function cabled(name: string): Promise<Cabled> {
  const cable = await startFaultProxy(server.port);
  const context = await newDevice(browser, { baseURL: cable.url, reducedMotion: true });
  const till = await Register.enrolled(context, server, name);
  return { till, page: till.page, cable };
}
async function unplug({ till, cable }: Cabled): Promise<void> {
  await cable.refuse();
  cable.cut();
  await till.badge("offline");
}

/** Two lattes or so, kept open by one register and there on the others. @returns the order's number */
async function openTab(by: Cabled, ...others: Cabled[]): Promise<string> {
  await by.till.goTo("sell");
  await by.till.product(0).click();
  await by.till.product(1).click();
  await by.page.getByTestId("keep-open").click();
  await by.till.goTo("orders");
  const number = (await by.page.getByTestId("order-row").first().getAttribute("data-order-number"))!;
  await by.page.waitForSelector(`[data-order-number="${number}"] [data-sync="synced"]`);
  for (const other of others) {
    await other.till.goTo("orders");
    await other.till.order(number).waitFor();
  }
  return number;
}

/** Edits an open order: more of its first line, and a note. */
async function edit({ till, page }: Cabled, number: string, more: number, note: string): Promise<void> {
  await till.goTo("orders");
  await till.order(number).click();
  await page.getByTestId("order-edit").click();
  for (let i = 0; i < more; i++) await till.product(0).click();
  await page.getByTestId("cart-note").fill(note);
  await page.getByTestId("keep-open").click();
  await till.goTo("orders");
}

/** `loser` edits without a network what `winner` edits too; then both are back, and the conflict is open. */
async function clash(loser: Cabled, winner: Cabled, number: string): Promise<void> {
  await unplug(loser);
  await edit(loser, number, 2, "from the loser");
  await edit(winner, number, 1, "from the winner");
  await winner.page.waitForSelector(`[data-order-number="${number}"] [data-sync="synced"]`);
  await loser.cable.heal();
  for (const { till } of [loser, winner]) await till.badge("attention");
}

async function toInbox({ page }: Cabled): Promise<void> {
  await page.getByTestId("sync-badge").click();
  await page.getByTestId("show-conflicts").click();
  await page.getByTestId("inbox").waitFor();
}
async function openFirst(at: Cabled): Promise<void> {
  await toInbox(at);
  await at.page.locator('[data-testid="conflict-row"][data-status="open"]').first().click();
  await at.page.getByTestId("conflict-detail").waitFor();
}
async function detailOf({ till, page }: Cabled, number: string): Promise<string> {
  await till.goTo("orders");
  await till.order(number).click();
  return (await page.getByTestId("order-detail").textContent()) ?? "";
}

describe("two registers change one open order at once", () => {
  test("the loser keeps sight of its own edit; settled field by field; the history tells it, and gives a version back", async () => {
    const [a, b, c] = [await cabled("Till 1"), await cabled("Till 2"), await cabled("Till 3")];
    const errors = [a, b, c].map(({ till }) => collectErrors(till.context));
    const number = await openTab(a, b, c);
    await clash(a, b, number);

    // The loser sees its own edit, marked; everybody else the server's.
    await expect.poll(() => a.till.badgeText()).toContain("1");
    expect(await detailOf(a, number)).toMatch(/Needs attention.*from the loser/s);
    expect(await detailOf(c, number)).toContain("from the winner");

    // On the losing register: mine and theirs in words, then a pick per field with totals computed anew.
    await a.page.getByTestId("order-decide").click();
    const sides = a.page.getByTestId("sides");
    await expect.poll(() => sides.textContent()).toContain("Till 1 (this register)");
    const words = (await sides.textContent()) ?? "";
    expect(words).toMatch(/3 × .*2 × /s);
    expect(words).toContain("from the loser");
    expect(words).not.toMatch(/[{}]/);
    expect(await seriousFindings(a.page)).toEqual([]);
    await a.page.getByTestId("pick").click();
    const difference = (field: RegExp | string) =>
      a.page.locator('[data-testid="difference"]').filter({ hasText: field }).first();
    await difference("3 ×").getByTestId("pick-client").check();
    await expect.poll(() => a.page.getByTestId("result").textContent()).toMatch(/3 × .*from the winner/s);
    expect(await seriousFindings(a.page)).toEqual([]);
    await a.page.getByTestId("pick-save").click();
    await a.page.locator('[data-testid="conflict-detail"][data-status="settled"]').waitFor();

    // Both fields in one order, everywhere, and nothing needs attention any more.
    for (const each of [a, b, c]) {
      await each.till.badge("live");
      await expect.poll(() => detailOf(each, number)).toMatch(/3 ×.*from the winner/s);
    }
    const rows = await database.sql<{ settlement: string }[]>`
      select data->>'settlement' as settlement from records
      where collection = 'conflicts' and data->>'collection' = 'orders'`;
    expect(rows).toEqual([{ settlement: "MERGED" }]);

    // The history has every version, and one of them can be brought back.
    await c.page.getByTestId("order-history").click();
    await expect.poll(() => c.page.getByTestId("version").count()).toBe(4); // made, taken into a cart, changed by the winner, settled
    expect(await c.page.getByTestId("history").textContent()).toMatch(/Till 1.*2 × .* → 3 × .*Till 2.*Till 1.*Made/s);
    expect(await seriousFindings(c.page)).toEqual([]);
    await c.page.getByTestId("bring-back").last().click();
    await c.page.getByTestId("bring-back-confirm").click();
    await expect.poll(() => c.page.getByTestId("version").count()).toBe(5);
    await expect.poll(() => detailOf(b, number)).not.toContain("from the winner");
    expect(await detailOf(b, number)).toContain("1 ×");

    // Without a connection the history says so.
    await c.page.goBack();
    await detailOf(c, number);
    await unplug(c);
    await c.page.getByTestId("order-history").click();
    await c.page.getByTestId("history-offline").waitFor();
    // What the cut cable itself reports is no error of the app.
    expect(errors.flat().filter((text) => !/ERR_|Failed to load resource|WebSocket/.test(text))).toEqual([]);
    for (const { till, cable } of [a, b, c]) {
      await till.context.close();
      await cable.close();
    }
  });

  test("settled with the keyboard alone, on a third register; who decides later is told who was faster", async () => {
    const [a, b, c] = [await cabled("Left"), await cabled("Right"), await cabled("Boss")];
    const number = await openTab(a, b, c);
    await clash(a, b, number);
    await c.till.badge("attention");

    // Left decides without a network, so its decision comes too late.
    await openFirst(a);
    await unplugQuietly(a);
    await a.page.getByTestId("keep-client").click();
    await a.page.locator('[data-testid="decision"][data-state="waiting"]').waitFor();
    // It waits in the outbox, so a reload without the server forgets nothing.
    await a.page.reload();
    await a.page.locator('[data-testid="decision"][data-state="waiting"]').waitFor();

    // Nobody's side is "mine" on the third register. From the badge to the decision without a pointer.
    const { page } = c;
    await page.getByTestId("sync-badge").focus();
    await page.keyboard.press("Enter");
    await tabTo(page, "show-conflicts");
    await page.keyboard.press("Enter");
    await page.getByTestId("inbox").waitFor();
    await tabTo(page, "conflict-row");
    await page.keyboard.press("Enter");
    await page.getByTestId("conflict-detail").waitFor();
    expect(await page.getByTestId("keep-server").textContent()).toContain("Right");
    await tabTo(page, "pick");
    await page.keyboard.press("Enter");
    await tabTo(page, "pick-server");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowRight");
    await tabTo(page, "pick-save");
    await page.keyboard.press("Enter");
    await page.locator('[data-testid="conflict-detail"][data-status="settled"]').waitFor();

    await a.cable.heal();
    // The name comes with the presence of the others, which may be later than the answer.
    const told = a.page.locator('[data-testid="decision"][data-state="too late"]', { hasText: "Boss was faster" });
    await told.waitFor({ timeout: 20_000 });
    await a.page.getByTestId("attempts").waitFor();
    for (const each of [a, b, c]) {
      await each.till.badge("live");
      expect(await detailOf(each, number)).toContain("from the winner");
      await each.till.context.close();
      await each.cable.close();
    }
  });
});

test("the back office shows devices, conflicts, rules and the audit trail, behind its token", async () => {
  const context = await newDevice(browser, { baseURL: server.url, reducedMotion: true });
  const page = await context.newPage();
  const errors = collectErrors(context);
  await page.goto("/admin");
  await page.getByTestId("admin-token").fill("not it");
  await page.getByTestId("admin-enter").click();
  await page.getByTestId("admin-token-wrong").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByTestId("admin-token").fill(server.adminToken);
  await page.getByTestId("admin-enter").click();
  await page.locator('[data-testid="device"][data-name="Boss"]').waitFor();
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByTestId("enrol-device").click();
  await page.getByTestId("new-name").fill("Till 9");
  await page.getByTestId("make-code").click();
  expect(await page.getByTestId("new-code").textContent()).toMatch(/^[A-Z0-9]{8}$/);
  await page.keyboard.press("Escape");

  await page.locator('[data-name="Boss"]').getByTestId("revoke").click();
  await page.getByTestId("revoke-confirm").click();
  await page.locator('[data-name="Boss"]').getByText("Revoked").waitFor();

  await page.getByTestId("admin-conflicts").click();
  await page.getByTestId("conflict-row").first().click();
  await page.getByTestId("sides").waitFor();
  expect(await page.getByTestId("sides").textContent()).toMatch(/from the winner/);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByTestId("conflict-search").fill("nothing like this");
  await page.getByText("Nothing found").waitFor();
  await page.getByTestId("conflict-search").fill("from the loser");
  await page.getByTestId("conflict-collection").selectOption("orders");
  await expect.poll(() => page.getByTestId("conflict-row").count()).toBe(2);

  await page.getByTestId("admin-policies").click();
  const orders = page.locator('[data-testid="policy"][data-collection="orders"]');
  await page.getByTestId("policy-orders").selectOption("MERGE");
  await page.keyboard.press("Escape");
  expect(await orders.getAttribute("data-policy")).toBe("MANUAL");
  expect(await page.getByTestId("policy-orders").inputValue()).toBe("MANUAL");
  await page.getByTestId("policy-orders").selectOption("MERGE");
  await page.getByTestId("policy-confirm").click();
  await page.locator('[data-collection="orders"][data-policy="MERGE"]').waitFor();
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByTestId("admin-audit").click();
  await page.locator('[data-testid="audit-entry"][data-action="policy.changed"]').first().waitFor();
  expect(await page.getByTestId("audit-entry").first().textContent()).toMatch(/A person decides → Join both/);
  expect(await seriousFindings(page)).toEqual([]);
  // The wrong token's 401 is the only complaint.
  expect(errors.filter((text) => !text.includes("401"))).toEqual([]);
  await context.close();
});

async function unplugQuietly({ cable }: Cabled): Promise<void> {
  // the badge says "needs attention", whatever the link does
  await cable.refuse();
  cable.cut();
}

/** Presses Tab until `testid` has the focus. */
async function tabTo(page: Page, testid: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
    if (focused === testid) return;
  }
  throw new Error(`the keyboard does not get to ${testid}`);
}
