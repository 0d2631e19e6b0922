/**
 * The drill: a shop sells, its database is backed up, sells on, and the backup is restored. Real server, real database, real replicas
 * over all three links, and nobody does anything: every sale that a replica held is back, once (S1, S2, S8, S9, S12, L1).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Transaction } from "@tillwire/protocol/pos/transactions";
import { backUp } from "@tillwire/server/backup/backup";
import { connect } from "@tillwire/server/backup/connect";
import { restore } from "@tillwire/server/backup/restore";
import postgres from "postgres";
import { firstValueFrom } from "rxjs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { enrol } from "../src/enrol.ts";
import { newOrder, TestDevice, TestShop, TRANSPORTS, until } from "./support/shop.ts";

const MIGRATIONS = resolve(import.meta.dirname, "../../../migrations");
let shop: TestShop;
let directory: string;
let backups = 0;
let restores = 0;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "tillwire-drill-"));
  shop = await TestShop.open();
});
afterEach(async () => {
  await shop.close();
  rmSync(directory, { recursive: true, force: true });
});

/** While the server runs. */
async function makeBackup(): Promise<string> {
  const sql = connect({ url: shop.database.url });
  const path = join(directory, `${(backups += 1)}.backup`);
  await backUp(sql, path);
  await sql.end();
  return path;
}

/** As `npm run restore` does, with the server stopped before and started afterwards. */
async function restoreIt(path: string): Promise<void> {
  await shop.stop();
  const newId = (): string => crypto.randomUUID();
  // Each former database needs a name of its own, whatever the clock's second says.
  const now = (): number => Date.now() + (restores += 1) * 10_000;
  await restore({ database: { url: shop.database.url }, path, migrations: MIGRATIONS, now, newId });
  await shop.start();
}

/** Without a connection that stays: a restore refuses a database in use. */
async function query<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(shop.database.url, { max: 1, onnotice: () => undefined });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

/** L1: everything is back, everybody knows it, and nothing is left to send. */
async function together(cents: number, ...devices: readonly TestDevice[]): Promise<void> {
  await expect.poll(takings, { timeout: 30_000 }).toBe(cents);
  const isTogether = async (): Promise<boolean> => {
    await Promise.all(devices.map((device) => device.replica.syncNow()));
    const prints = await Promise.all(devices.map((device) => device.fingerprint()));
    const stats = await Promise.all(devices.map((device) => firstValueFrom(device.replica.stats$)));
    const idle = stats.every(({ pending, failed }) => pending === 0 && failed === 0);
    return idle && new Set(prints).size === 1 && prints[0]!.startsWith("true");
  };
  await expect.poll(isTogether, { timeout: 30_000 }).toBe(true);
}

interface Row {
  readonly collection: string;
  readonly local_id: string;
  readonly sync_version: number;
  readonly deleted: boolean;
  readonly unique_key: string | null;
  readonly data: Record<string, unknown> | null;
}

async function serverRecords(): Promise<Map<string, Row>> {
  const rows = await query(
    (sql) => sql<Row[]>`select collection, local_id, sync_version, deleted, unique_key, data from records`,
  );
  return new Map(rows.map((row) => [`${row.collection}/${row.local_id}`, row]));
}

/** S9: cents of all transactions on the server. */
async function takings(): Promise<number> {
  const sum = await query(
    (sql) => sql<{ cents: string }[]>`select coalesce(sum(amount * 100), 0)::bigint as cents from transactions`,
  );
  return Number(sum[0]!.cents);
}

let sales = 0;
function sale(cents: number, number?: string) {
  sales += 1;
  const order = newOrder({
    id: `sale-${sales}`,
    orderNumber: number ?? `S-${sales}`,
    paymentStatus: "PAID",
    total: cents / 100,
  });
  const payment: Transaction = {
    ...{
      id: `payment-${sales}`,
      referenceNumber: `P-${sales}`,
      type: "SALE",
      amount: cents / 100,
      paymentMethod: "CASH",
    },
    ...{ status: "COMPLETED", userId: "u", userName: "Sam", orderId: order.id, createdAt: order.createdAt },
  };
  return { order, payment };
}

/** A sale is two records that are saved together. */
async function sell(device: TestDevice, cents: number, number?: string): Promise<string> {
  const { order, payment } = sale(cents, number);
  await device.replica.batch(() => [
    { op: "put", collection: "orders", data: order },
    { op: "put", collection: "transactions", data: payment },
  ]);
  return order.id;
}

async function openAll(): Promise<TestDevice[]> {
  return Promise.all(TRANSPORTS.map((transport) => shop.device(`till ${transport}`, transport)));
}

test("the drill: sales, offline sales, edits, a deletion and a conflict since the backup are back on every device, once", async () => {
  const [one, two, three] = (await openAll()) as [TestDevice, TestDevice, TestDevice];
  const away = await shop.device("long away");
  let cents = 0;
  const sellFor = async (device: TestDevice, amount: number): Promise<string> => {
    cents += amount;
    return sell(device, amount);
  };
  for (const device of [one, two, three]) await sellFor(device, 454);
  const [edited, deleted, contested] = [newOrder(), newOrder(), newOrder()];
  for (const order of [edited, deleted, contested]) await one.orders.put(order);
  await shop.settled(one, two, three, away);
  await away.close();
  const seed = await shop.enrol("seed", "script");

  const backup = await makeBackup();

  const since: string[] = [];
  for (const device of [one, two, three]) since.push(await sellFor(device, 1_200), await sellFor(device, 333));
  await two.orders.put({ ...edited, notes: "window seat" });
  await shop.settled(one, two, three);
  await two.orders.put({ ...edited, notes: "window seat, twice" });
  await three.orders.delete(deleted.id);
  // Two change one order at once: one of them loses, and both see it.
  const readAt = (await one.orders.get(contested.id))!.readAt;
  await one.orders.put({ ...contested, notes: "from one" }, { readAt });
  await one.replica.syncNow();
  await three.orders.put({ ...contested, notes: "from three" }, { readAt });
  await shop.settled(one, two, three);
  const bySeed = await seedSale(seed.token, seed.deviceId, 5_000);
  cents += 5_000;
  await shop.settled(one, two, three);
  await away.open();
  // Never reached the server before it was restored.
  await shop.stop();
  since.push(await sellFor(one, 999), await sellFor(two, 77));
  await away.close();
  await away.open();
  since.push(await sellFor(away, 4_242));
  await away.close();

  await restoreIt(backup);
  // One till comes much later, with the sale that it alone knows of.
  await together(cents - 4_242, one, two, three);
  await away.open();
  await together(cents, one, two, three, away);

  const records = await serverRecords();
  for (const id of [...since, bySeed]) expect(records.get(`orders/${id}`), id).toMatchObject({ sync_version: 1 });
  expect(records.get(`orders/${edited.id}`)).toMatchObject({ sync_version: 3, data: { notes: "window seat, twice" } });
  expect(records.get(`orders/${deleted.id}`)).toMatchObject({ deleted: true });
  expect(records.get(`orders/${contested.id}`)).toMatchObject({ data: { notes: "from one" } });
  // S9: whatever was sold anywhere is on the server, once.
  expect(await takings()).toBe(cents);
  const numbers = [...records.values()].flatMap(({ collection, unique_key: key }) =>
    key ? `${collection}/${key}` : [],
  );
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const device of [one, two, three, away]) {
    expect(await firstValueFrom(device.replica.conflicts$)).toEqual([]);
  }
  // The conflict was settled since the backup: its record is gone with the rest that the server alone writes.
  expect([...records.keys()].filter((key) => key.startsWith("conflicts/"))).toEqual([]);
});

async function seedSale(token: string, deviceId: string, cents: number): Promise<string> {
  const { order, payment } = sale(cents);
  const item = (data: object & { id: string }, kind: string): object => ({
    ...{ [kind]: data, localId: data.id, syncStatus: "PENDING", syncVersion: 1, deviceId },
  });
  const response = await fetch(`${shop.url}/api/sync/batch`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      ...{ deviceId, orders: [item(order, "order")], transactions: [item(payment, "transaction")] },
      lastSyncTimestamp: null,
    }),
  });
  const body = (await response.json()) as { syncedOrders: { success: boolean }[] };
  expect(body.syncedOrders).toMatchObject([{ success: true }]);
  return order.id;
}

describe("an edit that waits in an open conflict which the restored server has never heard of", () => {
  const conflictsOf = async ({ replica }: TestDevice) =>
    (await firstValueFrom(replica.conflicts$)).map(({ data }) => data);

  /** Nothing left to send, and equal to the server. */
  async function synced(...devices: readonly TestDevice[]): Promise<void> {
    for (const { replica } of devices) {
      await until(replica.stats$, ({ pending }) => pending === 0);
      await vi.waitFor(() => replica.syncNow(), { timeout: 20_000 });
      await until(replica.stats$, ({ pending, digestsEqual }) => pending === 0 && digestsEqual === true);
    }
  }

  test.each(["is there with everybody else", "comes last, alone"])(
    "is back in the inbox once: its device %s (S8)",
    async (when) => {
      await shop.admin("PUT", "/policies", { policies: { orders: "MANUAL" } });
      const [loser, winner, third] = (await openAll()) as [TestDevice, TestDevice, TestDevice];
      const all = [loser, winner, third];
      const order = newOrder();
      await loser.orders.put(order);
      await shop.settled(...all);

      const backup = await makeBackup();

      await shop.stop();
      await loser.orders.put({ ...order, notes: "of the loser" });
      await loser.close();
      await winner.orders.put({ ...order, notes: "of the winner" });
      await shop.start();
      await synced(winner, third);
      await loser.open();
      await until(third.replica.conflicts$, (open) => open.length === 1);
      await synced(...all);

      const expected = {
        ...{ status: "open", policy: "MANUAL", recordId: order.id, server: { data: { notes: "of the winner" } } },
        client: { deviceId: loser.identity.deviceId, data: { notes: "of the loser" } },
      };
      const check = async (): Promise<void> => {
        await Promise.all(all.map(({ replica }) => until(replica.conflicts$, (open) => open.length > 0)));
        await synced(...all, ...all);
        for (const device of all) expect(await conflictsOf(device)).toMatchObject([expected]);
        const records = [...(await serverRecords()).values()];
        expect(records.filter(({ collection }) => collection === "conflicts")).toMatchObject([{ data: expected }]);
        expect(records.filter(({ collection }) => collection === "orders")).toMatchObject([
          { local_id: order.id, sync_version: 2, data: { notes: "of the winner" } },
        ]);
        expect(await loser.orders.get(order.id)).toMatchObject({ data: { notes: "of the loser" }, sync: "attention" });
        for (const other of [winner, third])
          expect(await other.orders.get(order.id)).toMatchObject({ data: { notes: "of the winner" }, sync: "synced" });
      };
      await check();
      // A second restore of the same backup forgets what the first one has brought back.
      for (let round = 0; round < 2; round++) {
        if (when === "comes last, alone") await loser.close();
        await restoreIt(backup);
        if (when === "comes last, alone") {
          await synced(winner, third);
          expect(await conflictsOf(third)).toEqual([]);
          await loser.open();
        }
        await check();
      }
      const { id } = (await conflictsOf(third))[0]!;
      await third.replica.settle(id, "client");
      await until(loser.replica.conflicts$, (settled) => settled.every(({ data }) => data.status === "settled"));
      await shop.settled(...all);
      for (const device of all) expect((await device.orders.get(order.id))!.data.notes).toBe("of the loser");
      expect(await conflictsOf(loser)).toMatchObject([{ status: "settled", settlement: "CLIENT" }]);
    },
  );
});

test("an edit that the restore lost is kept, though others have written on beyond its version meanwhile (S8)", async () => {
  const [payer, other] = [await shop.device("payer"), await shop.device("other")];
  const order = newOrder();
  await other.orders.put(order);
  await shop.settled(payer, other);
  const backup = await makeBackup();
  // Nobody but the payer has seen that it was paid.
  await other.close();
  await payer.orders.put({ ...order, paymentStatus: "PAID" });
  await shop.settled(payer);
  await payer.close();
  await restoreIt(backup);
  await other.open();
  for (const notes of ["one more", "and one more"]) {
    await other.orders.put({ ...order, notes });
    await shop.settled(other);
  }
  await payer.open();
  const kept = {
    recordId: order.id,
    client: { deviceId: payer.identity.deviceId, data: { paymentStatus: "PAID" } },
  };
  for (const { replica } of [payer, other])
    expect(await until(replica.conflicts$, (all) => all.length > 0)).toMatchObject([{ data: kept }]);
  await shop.settled(payer, other);
  for (const { orders } of [payer, other])
    expect(await orders.get(order.id)).toMatchObject({ data: { notes: "and one more" }, syncVersion: 3 });
});

test("a second restore while the first re-offer goes on loses nothing and doubles nothing", async () => {
  const [one, two, three] = (await openAll()) as [TestDevice, TestDevice, TestDevice];
  await sell(one, 100);
  await shop.settled(one, two, three);
  const backup = await makeBackup();
  let cents = 100;
  for (let n = 0; n < 60; n++) await sell([one, two, three][n % 3]!, (cents += 1) - cents + 10);
  const all = 100 + 60 * 10;
  await shop.settled(one, two, three);
  expect(await takings()).toBe(all);
  await restoreIt(backup);
  // Some of it is back, most likely not all.
  await expect.poll(takings, { timeout: 20_000, interval: 5 }).toBeGreaterThan(100);
  await restoreIt(backup);
  await together(all, one, two, three);
  const orders = [...(await serverRecords()).values()].filter(({ collection }) => collection === "orders");
  expect(orders.map(({ sync_version: version }) => version)).toEqual(orders.map(() => 1));
});

test("a device enrolled since the backup keeps its sales, and they arrive once it is enrolled anew", async () => {
  const [one] = await openAll();
  await sell(one!, 100);
  await shop.settled(one!);
  const backup = await makeBackup();
  const late = await shop.device("late");
  await sell(late, 250);
  await shop.settled(one!, late);
  await restoreIt(backup);
  await sell(late, 50);
  await until(late.replica.link$, ({ paused }) => paused === "reauthenticate");
  expect((await late.orders.query()).length).toBe(3);
  // What another replica held of it is back already.
  await together(350, one!);
  await late.close();

  const { code } = await shop.admin("POST", "/enrolments", { name: "late again", role: "register" });
  const identity = await enrol(shop.url, code as string, late.identity.deviceId);
  expect(identity.deviceId).toBe(late.identity.deviceId);
  // A register code that is on receipts is not given again.
  expect(identity.registerCode).not.toBe(late.identity.registerCode);
  const again = new TestDevice(identity, "websocket", shop.url, late.memory);
  await again.open();
  try {
    await together(400, one!, again);
  } finally {
    await again.close();
  }
});

test("numbers that were given anew after the restore: the later claim is amended, and neither sale is lost", async () => {
  const [one, two] = (await openAll()) as [TestDevice, TestDevice];
  await sell(one, 100);
  await shop.settled(one, two);
  const backup = await makeBackup();
  const first = await sell(one, 200, "ORD-1001");
  await shop.settled(one, two);
  await one.close();
  await two.close();
  await restoreIt(backup);
  const fresh = await shop.device("fresh");
  const second = await sell(fresh, 300, "ORD-1001");
  await shop.settled(fresh);
  await one.open();
  await two.open();
  await together(600, one, two, fresh);
  const records = await serverRecords();
  const claims = [first, second].map((id) => records.get(`orders/${id}`)!.unique_key);
  expect(claims).toEqual(["ORD-1001-2", "ORD-1001"]);
});

test("the same id in two shops is two records, before and after a restore", async () => {
  const here = await shop.device("here");
  await shop.admin("POST", "/stores", { name: "Elsewhere" });
  const { stores } = (await shop.admin("GET", "/stores")) as { stores: { storeId: string; name: string }[] };
  const elsewhere = stores.find(({ name }) => name === "Elsewhere")!.storeId;
  const { code } = await shop.admin("POST", "/enrolments", { name: "there", role: "register", storeId: elsewhere });
  const there = new TestDevice(await enrol(shop.url, code as string), "websocket", shop.url);
  await there.open();
  try {
    const backup = await makeBackup();
    await here.orders.put(newOrder({ id: "same", orderNumber: "A-1", notes: "here" }));
    await there.orders.put(newOrder({ id: "same", orderNumber: "A-1", notes: "there" }));
    await shop.settled(here);
    await shop.settled(there);
    await restoreIt(backup);
    await shop.settled(here);
    await shop.settled(there);
    const notes = () =>
      query(
        (sql) =>
          sql<{ notes: string }[]>`select data ->> 'notes' as notes from records where local_id = 'same' order by 1`,
      );
    // a device may have found nothing to send before it learnt of the restore
    await expect.poll(notes, { timeout: 20_000 }).toEqual([{ notes: "here" }, { notes: "there" }]);
  } finally {
    await there.close();
  }
});
