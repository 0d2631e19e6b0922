/** Restores of a real database: whole or not at all, with nobody swept away and the way back open. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { bringBack, restore, RESTORE_STEPS } from "../src/backup/restore.ts";
import { migrate, readMigrations } from "../src/migrate.ts";
import { checkStore, openShop, order, put } from "./support/shop-fixture.ts";
import {
  administer,
  backUpShopForEachTest,
  contentsOf,
  MIGRATIONS,
  type BackedUpShop,
} from "./support/backed-up-shop.ts";

let here: BackedUpShop;
backUpShopForEachTest((opened) => (here = opened));

test("what is backed up is restored: records, history, devices, decisions, in a new epoch that wants what devices hold", async () => {
  await here.makeBackup();
  const before = await contentsOf(here.database.sql);
  expect(before["decided_writes"]!.length).toBeGreaterThan(0);
  await here.shop.push("a", put("orders", "since", order("since")));
  const { sql, former, totals } = await here.restoreIt();
  const after = await contentsOf(sql);
  for (const table of ["devices", "records", "record_history", "decided_writes"])
    expect(after[table], table).toEqual(before[table]);
  expect(totals.get("records")!.rows).toBe(before["records"]!.length);
  expect(await sql`select name, head, epoch, epoch_seq, reoffer from stores`).toMatchObject([
    { name: here.shop.storeId, epoch: expect.stringMatching(/^v1-id-/), reoffer: true },
  ]);
  await checkStore(sql, here.shop.storeId);
  expect(former).toBe((await here.databases())[1]);
});

test("how the database shows times and bytes to others does not matter, neither to the file nor to what is restored", async () => {
  await here.database.sql.unsafe(`
    alter database ${here.name} set timezone = 'Asia/Kolkata';
    alter database ${here.name} set datestyle = 'German, DMY';
    alter database ${here.name} set extra_float_digits = -2`);
  await here.makeBackup();
  const before = await contentsOf(here.database.sql);
  const { sql } = await here.restoreIt();
  await sql`set timezone = 'UTC'`;
  expect((await contentsOf(sql))["record_history"]).toEqual(before["record_history"]);
});

test("the restored database carries on: seqs, audit trail, commits", async () => {
  await here.makeBackup();
  const { sql } = await here.restoreIt();
  const [store] = await sql<{ epoch: string }[]>`select epoch from stores`;
  const again = await openShop(sql, { storeId: here.shop.storeId });
  const sender = { storeId: here.shop.storeId, deviceId: "a", role: "register" as const };
  const { results } = await again.accept.submit(sender, store!.epoch, [{ write: put("orders", "new", order("new")) }]);
  expect(results).toMatchObject([{ outcome: "accepted" }]);
  await checkStore(sql, here.shop.storeId);
  const trail = await sql<{ action: string }[]>`select action from audit_log order by id`;
  expect(trail.map(({ action }) => action)).toEqual(expect.arrayContaining(["test", "database.restored"]));
});

test("a table that is larger than what fits between database and disk is copied both ways", async () => {
  await here.database.sql`
    insert into records (store_id, collection, local_id, seq, sync_version, server_hash, created_by, device_id, deleted, data, created_at, updated_at)
    select ${here.shop.storeId}, 'notes', 'n-' || n, 100 + n, 1, md5(n::text), 'a', 'a', false, json_build_object('text', repeat(md5(n::text), 100)), now(), now()
    from generate_series(1, 3000) n`;
  await here.makeBackup();
  const before = await contentsOf(here.database.sql);
  const { sql } = await here.restoreIt();
  expect((await contentsOf(sql))["records"]).toEqual(before["records"]);
});

test("an older backup is brought up to date", async () => {
  const last = readMigrations(MIGRATIONS).at(-2)!.number;
  await here.database.sql`drop schema public cascade`;
  await here.database.sql`create schema public`;
  await migrate(here.database.sql, MIGRATIONS, last);
  await here.database.sql`insert into stores (id, name, epoch) values ('old', 'Old', 'e')`;
  await here.makeBackup();
  const { sql, header } = await here.restoreIt();
  expect(header.migrations.at(-1)!.number).toBe(last);
  const [latest] = await sql`select max(number) as number from schema_migrations`;
  expect(latest!["number"]).toBeGreaterThan(last);
  expect(await sql`select name from stores`).toMatchObject([{ name: "Old" }]);
});

describe("who is connected is not swept away", () => {
  test.each([
    ["a server", "tillwire", /Stop it/],
    ["somebody else", "psql", /psql/],
  ])("%s", async (_, application_name, says) => {
    await here.makeBackup();
    await here.database.sql.end();
    const sql = here.reopened({ application_name });
    await sql`select 1`;
    await expect(restore(here.options())).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
      message: expect.stringMatching(says),
    });
    expect(await here.databases()).toEqual([here.name]);
  });

  test("not even who came while it was being loaded", async () => {
    await here.makeBackup();
    const onStep = async (step: string): Promise<void> => {
      if (step === "prepared") await here.reopened()`select 1`;
    };
    await expect(here.restoreIt({ onStep })).rejects.toMatchObject({ code: "DATABASE_IN_USE" });
    expect(await here.databases()).toEqual([here.name]);
  });

  test("two restores at once: one of them", async () => {
    await here.makeBackup();
    await here.database.sql.end();
    const both = await Promise.allSettled([restore(here.options()), restore(here.options())]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await checkStore(here.reopened(), here.shop.storeId);
  });
});

test("a role that may not make databases is told the documented way", async () => {
  await here.makeBackup();
  const role = `${here.name}_clerk`;
  await administer((admin) => admin.unsafe(`create role ${role} login password 'secret'`));
  const url = new URL(here.database.url);
  url.username = role;
  url.password = "secret";
  await expect(here.restoreIt({ database: { url: url.href } })).rejects.toMatchObject({
    code: "RESTORE_NOT_PERMITTED",
  });
  await administer((admin) => admin.unsafe(`drop role ${role}`));
});

test("where there was nothing, nothing is kept", async () => {
  await here.makeBackup();
  await here.database.sql`drop schema public cascade`;
  await here.database.sql`create schema public`;
  const { former, sql } = await here.restoreIt();
  expect(former).toBeNull();
  expect(await here.databases()).toEqual([here.name]);
  await checkStore(sql, here.shop.storeId);
});

test("a former database can be brought back, with a new epoch, and then the restored one is the former", async () => {
  await here.makeBackup();
  await here.shop.push("a", put("orders", "since", order("since")));
  const { former, sql } = await here.restoreIt();
  expect(await sql`select from records where local_id = 'since'`).toHaveLength(0);
  await sql.end();
  const { path: _path, ...rest } = here.options({ now: () => Date.now() + 1_000 });
  const aside = await bringBack(rest, former!);
  expect(await here.databases()).toEqual([here.name, aside]);
  const back = here.reopened();
  expect(await back`select from records where local_id = 'since'`).toHaveLength(1);
  expect(await back`select epoch, reoffer from stores`).toMatchObject([
    { epoch: expect.stringMatching(/^v1-/), reoffer: true },
  ]);
  await back.end();
  await expect(bringBack(rest, former!)).rejects.toMatchObject({ code: "NO_FORMER_DATABASE" });
});

describe("register codes are on receipts, so none is given twice", () => {
  /** How many the shop has given: what the next one follows from. @param more given now, as enrolments do */
  const given = async (sql: BackedUpShop["database"]["sql"], more = 0): Promise<number> => {
    const [row] = await sql<{ given: number }[]>`
      update stores set register_codes = register_codes + ${more} returning register_codes as given`;
    return row!.given;
  };

  test("not after one backup was restored twice", async () => {
    await here.makeBackup();
    const first = await here.restoreIt();
    const last = await given(first.sql, 3);
    await first.sql.end();
    const { sql } = await here.restoreIt({ now: () => Date.now() + 1_000 });
    expect(await given(sql)).toBeGreaterThan(last);
  });

  test("nor in a former database that is brought back", async () => {
    await here.makeBackup();
    const { sql, former } = await here.restoreIt();
    const last = await given(sql, 30);
    await sql.end();
    const { path: _path, ...rest } = here.options({ now: () => Date.now() + 1_000 });
    await bringBack(rest, former!);
    expect(await given(here.reopened())).toBeGreaterThan(last);
  });
});

describe("killed at any step, the former database is in force until the restored one is", () => {
  test.each(RESTORE_STEPS)("after %s", async (step) => {
    await here.makeBackup();
    await here.shop.push("a", put("orders", "since", order("since")));
    await here.database.sql.end();
    await killedAfter(step);
    const sql = here.reopened();
    expect(await sql`select from records where local_id = 'since'`).toHaveLength(step === "swapped" ? 0 : 1);
    await checkStore(sql, here.shop.storeId);
    await sql.end();
    // What it left does not stand in the way of the next one.
    await waitUntilUnused();
    await restore(here.options({ now: () => Date.now() + 5_000 }));
    const again = here.reopened();
    expect(await again`select from records where local_id = 'since'`).toHaveLength(0);
    expect((await here.databases()).filter((name) => name.includes("restoring"))).toEqual([]);
  });

  async function killedAfter(step: string): Promise<void> {
    const source = resolve(import.meta.dirname, "../src/backup/restore.ts");
    const program = `
      const { restore } = await import(${JSON.stringify(source)});
      await restore({
        database: { url: ${JSON.stringify(here.database.url)} }, path: ${JSON.stringify(here.path)}, migrations: ${JSON.stringify(MIGRATIONS)},
        now: Date.now, newId: () => crypto.randomUUID(),
        onStep: (step) => step === ${JSON.stringify(step)} && process.kill(process.pid, "SIGKILL"),
      });`;
    const args = ["--import", "tsx", "--input-type=module", "-e", program];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGKILL");
  }

  /** PostgreSQL notices the end of a killed client in its own time. */
  async function waitUntilUnused(): Promise<void> {
    await expect
      .poll(
        () => administer((admin) => admin`select from pg_stat_activity where application_name = 'tillwire backup'`),
        { timeout: 20_000 },
      )
      .toHaveLength(0);
  }
});
