/** A server with the app built, a shop of any size, and registers in Chromium. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import type { Page } from "playwright-core";
import { launchDevice } from "../../../../web/e2e/support/browser.ts";
import { newCode } from "../../../../web/e2e/support/register.ts";
import type { ServerProcess } from "../../../../web/e2e/support/server-process.ts";
import { ensureWebBuilt } from "../../build-web.mjs";
import { onCleanUp } from "../cleanup.ts";
import type { Databases } from "../databases.ts";
import { Program } from "../program.ts";
import type { FillInput } from "../programs/store.ts";
import type { DeviceKey } from "../shops.ts";
import { startNode } from "../systems.ts";
import { addProbe } from "./probe.ts";

export interface BrowserShop {
  readonly server: ServerProcess;
  readonly databaseUrl: string;
  /** A script device of the shop. */
  readonly script: DeviceKey;
  close(): Promise<void>;
}

const root = resolve(import.meta.dirname, "../../../..");

/** @throws when it can't be built */
export async function buildApp(): Promise<void> {
  if (!(await ensureWebBuilt())) throw new Error("the web app could not be built");
}

/** The shop that a first start makes, with so many orders and further products. */
export async function openBrowserShop(databases: Databases, orders: number, products: number): Promise<BrowserShop> {
  const databaseUrl = await databases.migrated();
  const server = await startNode(databaseUrl);
  const script = await enrolled(server);
  const program = await Program.start("store");
  const input: FillInput = { databaseUrl, keys: [script], orders, products, seed: 5 };
  await program.ask("fill", input).finally(() => program.stop());
  return {
    ...{ server, databaseUrl, script },
    close: async () => void (await server.stop()),
  };
}

async function enrolled(server: ServerProcess): Promise<DeviceKey> {
  const code = await newCode(server, "Bench", "script");
  const response = await fetch(`${server.url}/api/enrol`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  if (!response.ok) throw new Error(`no enrolment: ${response.status}`);
  return (await response.json()) as DeviceKey;
}

/**
 * Of a new device, with a probe; nothing is loaded yet. It has a browser and a disk of its own, as a register has: what incognito windows
 * keep in memory instead costs three times as much. It ends with its context.
 */
export async function newPage(baseURL: string, awaited: Readonly<Record<string, string>> = {}): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), "tillwire-bench-register-"));
  const context = await launchDevice(profile, { baseURL, reducedMotion: true });
  const ended = onCleanUp(() => context.close());
  context.on("close", () => {
    ended();
    // Processes of the browser may write on for a moment; what is left then is the temporary folder's.
    void rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }).catch(() => undefined);
  });
  const page = context.pages()[0] ?? (await context.newPage());
  await addProbe(page, awaited);
  return page;
}

export const PRODUCT = '[data-testid^="product-"]:not([data-testid="product-search"])';

/** @throws with what the badge says instead */
export async function badgeIs(page: Page, state: string, timeout = 60_000): Promise<void> {
  try {
    await page.waitForSelector(`[data-testid="sync-badge"][data-state="${state}"]`, { timeout });
  } catch {
    const says = await page.locator('[data-testid="sync-badge"]').textContent();
    throw new Error(`the register does not become ${state}: it says ${says?.trim()}`);
  }
}

/** The script of programs/page.ts. */
export async function pageScript(): Promise<string> {
  const config = resolve(import.meta.dirname, "../programs/page.config.ts");
  const vite = join(root, "node_modules/vite/bin/vite.js");
  await promisify(execFile)(process.execPath, [vite, "build", "--config", config], { cwd: root });
  return readFileSync(join(root, "test-output/bench/page/page.js"), "utf8");
}

/** @throws unless this shop holds so many orders */
export async function mustHoldOrders(databaseUrl: string, storeId: string, orders: number): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    const [row] = await sql<{ count: number }[]>`
      select count(*)::int as count from records where store_id = ${storeId} and collection = 'orders'`;
    if (row!.count !== orders) throw new Error(`the shop holds ${row!.count} orders, not ${orders}`);
  } finally {
    await sql.end();
  }
}
