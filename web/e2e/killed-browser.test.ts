/**
 * A register's browser is killed in the middle of sales, again and again: what its screen called saved is there afterwards.
 * KILLS=50 kills it so many times, KILL_SEED=7 at other moments. A killed browser is no lost power: what the system was given to write, it writes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFaultProxy, type FaultProxy } from "../../scripts/support/fault-proxy.ts";
import { Random } from "../../scripts/support/simulator/random.ts";
import { createTestDatabase, type TestDatabase } from "../../server/test/support/database.ts";
import { launchDevice } from "./support/browser.ts";
import { killDevice } from "./support/kill-device.ts";
import { Register } from "./support/register.ts";
import { startServer, type ServerProcess } from "./support/server-process.ts";

const KILLS = Number(process.env["KILLS"] ?? 6);
const random = new Random(Number(process.env["KILL_SEED"] ?? 1), "kills");

let database: TestDatabase;
let server: ServerProcess;
let cable: FaultProxy;
let profile: string;
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ where: { databaseUrl: database.url } });
  cable = await startFaultProxy(server.port);
  profile = mkdtempSync(join(tmpdir(), "tillwire-killed-"));
});
afterAll(async () => {
  await cable.close();
  await server.stop();
  await database.drop();
  rmSync(profile, { recursive: true, force: true });
});

/** Numbers of orders that the screen called saved, in that order; who waits for more is told. */
class Shown {
  readonly numbers: string[] = [];
  #told: () => void = () => undefined;

  add(number: string): void {
    this.numbers.push(number);
    this.#told();
  }
  async reaches(count: number): Promise<void> {
    while (this.numbers.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }
}

/** In the page: sells as fast as the screen allows, and tells of each sale as soon as it is called saved. */
function sellWithoutEnd(): void {
  const { shown } = globalThis as unknown as { shown: (number: string) => Promise<void> };
  const find = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
  const appears = <T>(look: () => T | null): Promise<T> =>
    new Promise((resolve) => {
      const seen = look();
      if (seen !== null) return resolve(seen);
      const observer = new MutationObserver(() => {
        const now = look();
        if (now === null) return;
        observer.disconnect();
        resolve(now);
      });
      observer.observe(document, { childList: true, subtree: true, attributes: true });
    });
  const tap = async (id: string): Promise<void> => {
    const button = await appears(() => {
      const found = find(id) as HTMLButtonElement | null;
      return found && !found.disabled ? found : null;
    });
    button.click();
  };
  const sell = async (): Promise<void> => {
    document.querySelector<HTMLElement>('[data-testid^="product-"]:not([data-testid="product-search"])')!.click();
    await tap("pay");
    await tap("pay-confirm");
    const saved = await appears(() => find("saved"));
    void shown(saved.getAttribute("data-order-number")!);
    await tap("new-sale");
    await appears(() => (find("saved") ? null : true));
  };
  void (async () => {
    for (;;) await sell();
  })();
}

/** In the page: numbers of all orders on the device's disk, whether they wait or came back from the server. */
async function ordersOnDisk(): Promise<string[]> {
  const numbers = new Set<string>();
  const opened = (request: IDBOpenDBRequest): Promise<IDBDatabase> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(new Error("can't be opened"));
    });
  interface Row {
    readonly collection: string;
    readonly data?: { orderNumber?: string } | null;
    /** A record's data are text. */
    readonly json?: string;
  }
  const dataOf = ({ data, json }: Row): Row["data"] => (json === undefined ? data : (JSON.parse(json) as Row["data"]));
  const all = (store: IDBObjectStore): Promise<Row[]> =>
    new Promise((resolve) => {
      const request = store.getAll();
      request.onsuccess = () => resolve(request.result);
    });
  for (const { name } of await indexedDB.databases()) {
    const database = await opened(indexedDB.open(name!));
    for (const store of ["records", "overlays", "outbox"].filter((each) => database.objectStoreNames.contains(each)))
      for (const row of await all(database.transaction(store).objectStore(store))) {
        const data = dataOf(row);
        if (row.collection === "orders" && data?.orderNumber) numbers.add(data.orderNumber);
      }
    database.close();
  }
  return [...numbers];
}

async function start(shown: Shown): Promise<{ context: BrowserContext; page: Page }> {
  const context = await launchDevice(profile, { baseURL: cable.url });
  await context.exposeFunction("shown", (number: string) => shown.add(number));
  return { context, page: context.pages()[0]! };
}

/** Sells until enough was shown and then for a moment more, in which a sale may be anywhere on its way; then the browser is gone. */
async function sellAndDie(context: BrowserContext, page: Page, shown: Shown): Promise<void> {
  const enough = shown.reaches(shown.numbers.length + random.int(1, 4));
  await page.evaluate(sellWithoutEnd);
  await enough;
  await page.evaluate((ms) => new Promise((resolve) => setTimeout(resolve, ms)), random.int(0, 120));
  await killDevice(context, profile);
}

test(
  `S1, S2: of ${KILLS} times that the browser was killed while selling, no sale that was shown as saved is lost, and none is there twice`,
  async () => {
    const shown = new Shown();
    let { context, page } = await start(shown);
    await Register.enrolled(context, server, "Killed");
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    for (let kill = 1; kill <= KILLS; kill++) {
      await sellAndDie(context, page, shown);
      // Every other time there is no server to get anything back from.
      if (kill % 2 === 1) {
        await cable.refuse();
        cable.cut();
      } else await cable.heal();
      ({ context, page } = await start(shown));
      await page.goto("/");
      await new Register(page, context).product(0).waitFor();
      if (kill % 2 === 1) expect(missing(shown.numbers, await page.evaluate(ordersOnDisk)), `kill ${kill}`).toEqual([]);
    }
    await cable.heal();
    await new Register(page, context).badge("live");
    await expect.poll(async () => missing(shown.numbers, await ordersOnServer()), { timeout: 30_000 }).toEqual([]);
    const saved = await page.evaluate(ordersOnDisk);
    expect(new Set(shown.numbers).size, "no number was given twice").toBe(shown.numbers.length);
    // Also what was saved and not shown any more is there once, with its money.
    await expect.poll(async () => (await ordersOnServer()).length, { timeout: 30_000 }).toBe(saved.length);
    expect(await unpaidOrDoubled()).toEqual([]);
    console.log(
      `${KILLS} kills, ${shown.numbers.length} sales shown as saved, ${saved.length} saved, 0 lost, 0 doubled`,
    );
    await context.close();
  },
  60_000 + KILLS * 20_000,
);

function missing(wanted: readonly string[], there: readonly string[]): string[] {
  const known = new Set(there);
  return wanted.filter((number) => !known.has(number));
}

async function ordersOnServer(): Promise<string[]> {
  const rows = await database.sql<{ number: string }[]>`select order_number as number from sync_orders`;
  return rows.map(({ number }) => number);
}

/** Orders that are not there once with exactly one payment of their total. */
async function unpaidOrDoubled(): Promise<readonly unknown[]> {
  return database.sql`
    select order_number from sync_orders o left join transactions t using (order_number)
    group by order_number having count(*) <> 1 or count(distinct o.local_id) <> 1 or sum(t.amount) is distinct from sum(o.total)`;
}
