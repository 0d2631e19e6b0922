/** Backups and restores of a real database: whole or not at all. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { basename, join, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { backUp, DRAFT_ENDING, defaultBackupName, listBackups, removeOldBackups } from "../src/backup/backup.ts";
import { verifyBackup } from "../src/backup/backup-file.ts";
import { connect } from "../src/backup/connect.ts";
import { bringBack, restore, RESTORE_STEPS, type RestoreOptions } from "../src/backup/restore.ts";
import { BACKED_UP_TABLES, readTables } from "../src/backup/tables.ts";
import { migrate, readMigrations } from "../src/migrate.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { at, checkStore, openShop, order, put, remove, transaction, type Shop } from "./support/shop-fixture.ts";

const MIGRATIONS = resolve(import.meta.dirname, "../../migrations");
let directory: string;
let path: string;
let database: TestDatabase;
let shop: Shop;
let files = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tillwire-backup-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeEach(async () => {
  path = join(directory, `${(files += 1)}.backup`);
  database = await createTestDatabase();
  shop = await openShop(database.sql);
  const [first] = await shop.push(
    "a",
    put("orders", "o1", order("o1", { notes: 'tab\t, \\. , line\n\\.\n, "quotes", ☕' })),
  );
  await shop.push("a", put("orders", "o1", order("o1", { notes: "later" }), 2, at(first!)));
  await shop.push("b", put("transactions", "t1", transaction("t1")), put("orders", "o2", order("o2")));
  const [gone] = await shop.push("c", put("orders", "gone", order("gone")));
  await shop.push("c", remove("orders", "gone", 2, at(gone!)));
  // The second who claims a number: what was decided otherwise is remembered.
  await shop.push("b", put("orders", "o3", order("o3", { orderNumber: "N-o2" })));
  await database.sql`insert into audit_log (store_id, actor, action) values (${shop.storeId}, 'admin', 'test')`;
});
afterEach(() => dropAll());

async function dropAll(): Promise<void> {
  await database.drop();
  await administer(async (admin) => {
    for (const name of await databasesLike(admin)) await admin`drop database ${admin(name)} with (force)`;
  });
}

async function administer<T>(work: (admin: postgres.Sql) => Promise<T>): Promise<T> {
  const admin = postgres(inject("adminUrl"), { max: 1, onnotice: () => undefined });
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

const nameOf = (): string => new URL(database.url).pathname.slice(1);

async function databasesLike(admin: postgres.Sql): Promise<string[]> {
  const rows = await admin<{ name: string }[]>`
    select datname as name from pg_database where starts_with(datname, ${nameOf()}) order by 1`;
  return rows.map(({ name }) => name);
}

const databases = (): Promise<string[]> => administer(databasesLike);

async function makeBackup(): Promise<string> {
  const sql = connect({ url: database.url });
  try {
    await backUp(sql, path);
  } finally {
    await sql.end();
  }
  return path;
}

let ids = 0;
function options(changes: Partial<RestoreOptions> = {}): RestoreOptions {
  const newId = (): string => `id-${(ids += 1)}`;
  return { database: { url: database.url }, path, migrations: MIGRATIONS, now: Date.now, newId, ...changes };
}

/** The tests' own connections must not keep the database in use. */
async function restoreIt(changes: Partial<RestoreOptions> = {}) {
  await database.sql.end();
  const restored = await restore(options(changes));
  return { ...restored, sql: reopened() };
}

function reopened(): postgres.Sql {
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  opened.push(sql);
  return sql;
}
const opened: postgres.Sql[] = [];
afterEach(async () => {
  for (const sql of opened.splice(0)) await sql.end();
});

async function contents(sql: postgres.Sql): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of BACKED_UP_TABLES) {
    const rows = await sql<{ row: string }[]>`select t::text as row from ${sql(table)} t order by 1`;
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

test("every table that the migrations make is in a backup", async () => {
  const { ours, others } = await readTables(database.sql);
  expect(others).toEqual([]);
  expect(ours.map(({ table }) => table)).toEqual([...BACKED_UP_TABLES]);
});

test("what is backed up is restored: records, history, devices, decisions, in a new epoch that wants what devices hold", async () => {
  await makeBackup();
  const before = await contents(database.sql);
  expect(before["decided_writes"]!.length).toBeGreaterThan(0);
  await shop.push("a", put("orders", "since", order("since")));
  const { sql, former, totals } = await restoreIt();
  const after = await contents(sql);
  for (const table of ["devices", "records", "record_history", "decided_writes"])
    expect(after[table], table).toEqual(before[table]);
  expect(totals.get("records")!.rows).toBe(before["records"]!.length);
  expect(await sql`select name, head, epoch, epoch_seq, reoffer from stores`).toMatchObject([
    { name: shop.storeId, epoch: expect.stringMatching(/^v1-id-/), reoffer: true },
  ]);
  await checkStore(sql, shop.storeId);
  expect(former).toBe((await databases())[1]);
});

test("how the database shows times and bytes to others does not matter, neither to the file nor to what is restored", async () => {
  await database.sql.unsafe(`
    alter database ${nameOf()} set timezone = 'Asia/Kolkata';
    alter database ${nameOf()} set datestyle = 'German, DMY';
    alter database ${nameOf()} set extra_float_digits = -2`);
  await makeBackup();
  const before = await contents(database.sql);
  const { sql } = await restoreIt();
  await sql`set timezone = 'UTC'`;
  expect((await contents(sql))["record_history"]).toEqual(before["record_history"]);
});

test("the restored database carries on: seqs, audit trail, commits", async () => {
  await makeBackup();
  const { sql } = await restoreIt();
  const [store] = await sql<{ epoch: string }[]>`select epoch from stores`;
  const again = await openShop(sql, { storeId: shop.storeId });
  const sender = { storeId: shop.storeId, deviceId: "a", role: "register" as const };
  const { results } = await again.accept.submit(sender, store!.epoch, [{ write: put("orders", "new", order("new")) }]);
  expect(results).toMatchObject([{ outcome: "accepted" }]);
  await checkStore(sql, shop.storeId);
  const trail = await sql<{ action: string }[]>`select action from audit_log order by id`;
  expect(trail.map(({ action }) => action)).toEqual(expect.arrayContaining(["test", "database.restored"]));
});

test("a backup holds one moment, whatever is sold while it is made", async () => {
  let selling = true;
  const sold: Promise<void> = (async () => {
    for (let n = 0; selling; n++)
      await shop.push(
        "a",
        put("orders", `sold-${n}`, order(`sold-${n}`)),
        put("transactions", `s-${n}`, transaction(`s-${n}`)),
      );
  })();
  for (let round = 0; round < 3; round++) {
    path = join(directory, `${(files += 1)}.backup`);
    await makeBackup();
  }
  selling = false;
  await sold;
  const { sql } = await restoreIt();
  // S3 and S12: head, seqs and digests are of the same moment.
  await checkStore(sql, shop.storeId);
});

test("a table that is larger than what fits between database and disk is copied both ways", async () => {
  await database.sql`
    insert into records (store_id, collection, local_id, seq, sync_version, server_hash, created_by, device_id, deleted, data, created_at, updated_at)
    select ${shop.storeId}, 'notes', 'n-' || n, 100 + n, 1, md5(n::text), 'a', 'a', false, json_build_object('text', repeat(md5(n::text), 100)), now(), now()
    from generate_series(1, 3000) n`;
  await makeBackup();
  const before = await contents(database.sql);
  const { sql } = await restoreIt();
  expect((await contents(sql))["records"]).toEqual(before["records"]);
});

test("a backup is readable by nobody else, and its draft is gone", async () => {
  await makeBackup();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).filter((file) => file.includes(".part"))).toEqual([]);
});

test("a file that is there is not overwritten", async () => {
  writeFileSync(path, "precious");
  await expect(makeBackup()).rejects.toMatchObject({ code: "BACKUP_EXISTS" });
  expect(readFileSync(path, "utf8")).toBe("precious");
});

test("a backup that is ended on the way leaves nothing", async () => {
  const sql = connect({ url: database.url });
  await expect(backUp(sql, path, AbortSignal.abort())).rejects.toThrow();
  await sql.end({ timeout: 0 });
  expect(readdirSync(directory).filter((file) => file.includes(`${files}.backup`))).toEqual([]);
});

test("a Ctrl-C that arrives twice, from the terminal and from npm, ends the command in order", async () => {
  const holding = await database.sql.reserve();
  await holding`begin`;
  await holding`lock table records in access exclusive mode`;
  const script = resolve(import.meta.dirname, "../../scripts/backup.mjs");
  const env = { ...process.env, DATABASE_URL: database.url };
  const child = spawn(process.execPath, [script, path], { env, stdio: ["ignore", "ignore", "pipe"] });
  const said = text(child.stderr);
  const ended = once(child, "exit");
  await expect
    .poll(() => database.sql`select from pg_locks where not granted and relation = 'records'::regclass`, {
      timeout: 20_000,
    })
    .toHaveLength(1);
  child.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGINT");
  await holding`rollback`;
  expect(await ended).toEqual([1, null]);
  expect(await said).toBe("Ended: nothing has changed.\n");
  expect(readdirSync(directory).filter((file) => file.includes(basename(path)))).toEqual([]);
  holding.release();
}, 30_000);

test("what a killed backup left goes with the next one, unless it may still be written", async () => {
  const dayAgo = new Date(Date.now() - 24 * 60 * 60 * 1000);
  const draftOf = (name: string): string => join(directory, `.${name}.0123abcd${DRAFT_ENDING}`);
  for (const name of ["killed.backup", "written now.backup"]) writeFileSync(draftOf(name), "half");
  writeFileSync(join(directory, "mine.part"), "not ours");
  utimesSync(draftOf("killed.backup"), dayAgo, dayAgo);
  utimesSync(join(directory, "mine.part"), dayAgo, dayAgo);
  await makeBackup();
  expect(readdirSync(directory)).toEqual(
    expect.arrayContaining(["mine.part", basename(draftOf("written now.backup"))]),
  );
  expect(readdirSync(directory)).not.toContain(basename(draftOf("killed.backup")));
  for (const file of [draftOf("written now.backup"), join(directory, "mine.part")]) rmSync(file);
});

test("where nothing can be written, it says so in a sentence", async () => {
  writeFileSync(join(directory, "file"), "");
  path = join(directory, "file", "x.backup");
  await expect(makeBackup()).rejects.toMatchObject({
    code: "BACKUP_NOT_WRITTEN",
    message: expect.stringContaining(path),
  });
  path = join("/proc", "x.backup");
  await expect(makeBackup()).rejects.toMatchObject({ code: "BACKUP_NOT_WRITTEN" });
});

test("a database that no server has used is nothing to back up", async () => {
  await database.sql`drop schema public cascade`;
  await database.sql`create schema public`;
  await expect(makeBackup()).rejects.toMatchObject({ code: "NOTHING_TO_BACK_UP" });
});

test("of backups with default names the latest are kept, others are left alone", () => {
  const kept = mkdtempSync(join(directory, "keep-"));
  const names = [5, 1, 3].map((day) => defaultBackupName(Date.UTC(2026, 0, day)));
  for (const name of [...names, "mine.backup"]) writeFileSync(join(kept, name), "");
  expect(removeOldBackups(kept, 2)).toEqual(["tillwire-20260101T000000Z.backup"]);
  expect(listBackups(kept)).toEqual(["tillwire-20260103T000000Z.backup", "tillwire-20260105T000000Z.backup"]);
  expect(readdirSync(kept)).toContain("mine.backup");
});

describe("a file that can't be restored changes nothing", () => {
  /** Rewrites the backup's text. */
  function rewrite(change: (text: string) => string): void {
    writeFileSync(path, gzipSync(change(gunzipSync(readFileSync(path)).toString("utf8"))));
  }
  const changeHeader = (change: (header: any) => void): void =>
    rewrite((text) => {
      const end = text.indexOf("\n");
      const header = JSON.parse(text.slice(0, end));
      change(header);
      return JSON.stringify(header) + text.slice(end);
    });

  test.each<[string, string, () => void]>([
    ["no file", "BACKUP_NOT_FOUND", () => rmSync(path)],
    ["an empty file", "BACKUP_TRUNCATED", () => writeFileSync(path, "")],
    ["some text", "NOT_A_BACKUP", () => writeFileSync(path, "hello\n".repeat(100))],
    ["something else that is gzipped", "NOT_A_BACKUP", () => writeFileSync(path, gzipSync("hello\n"))],
    [
      "the first half",
      "BACKUP_TRUNCATED",
      () => writeFileSync(path, readFileSync(path).subarray(0, statSync(path).size / 2)),
    ],
    [
      "a flipped bit",
      "BACKUP_DAMAGED",
      () => {
        const bytes = readFileSync(path);
        bytes[Math.floor(bytes.length * 0.6)]! ^= 4;
        writeFileSync(path, bytes);
      },
    ],
    ["a text that ends early", "BACKUP_TRUNCATED", () => rewrite((text) => text.slice(0, text.lastIndexOf("{")))],
    ["another amount", "BACKUP_DAMAGED", () => rewrite((text) => text.replace("4.54", "5.54"))],
    ["a row that is missing", "BACKUP_DAMAGED", () => rewrite((text) => text.replace(/\n.*\to2\t.*\n/, "\n"))],
    [
      "a table that is missing",
      "BACKUP_DAMAGED",
      () => rewrite((text) => text.replace(/\{"table":"decided_writes"[^]*?\\\.\n.*\n/, "")),
    ],
    ["something behind its end", "BACKUP_DAMAGED", () => rewrite((text) => `${text}{}\n`)],
    ["a newer format", "BACKUP_NEWER", () => changeHeader((header) => (header.format = 2))],
    [
      "newer migrations",
      "BACKUP_NEWER",
      () => changeHeader((header) => header.migrations.push({ number: 9_999, name: "9999_newer.sql", checksum: "c" })),
    ],
    [
      "migrations that were others",
      "MIGRATION_CHANGED",
      () => changeHeader((header) => (header.migrations[0].checksum = "c")),
    ],
  ])("%s: %s", async (_, code, spoil) => {
    await makeBackup();
    spoil();
    const before = await contents(database.sql);
    await expect(restoreIt()).rejects.toMatchObject({ code });
    expect(await databases()).toEqual([nameOf()]);
    expect(await contents(reopened())).toEqual(before);
  });
});

test("a table whose rows fit no longer is refused, and nothing has changed", async () => {
  await makeBackup();
  // Valid as a file; the database refuses a role that it does not know.
  const contentsOfFile = gunzipSync(readFileSync(path)).toString("utf8");
  const { RowSum } = await import("../src/backup/rows.ts");
  const changed = contentsOfFile.replace(
    /(\{"table":"devices"[^\n]*\n)([^]*?)(\\\.\n)[^\n]*\n/,
    (_all, start: string, rows: string, end: string) => {
      const others = rows.replaceAll("\tregister\t", "\tadmiral\t");
      const sum = new RowSum();
      for (const line of others.split("\n").slice(0, -1)) sum.add(Buffer.from(line));
      return `${start}${others}${end}${JSON.stringify(sum.totals)}\n`;
    },
  );
  writeFileSync(path, gzipSync(changed));
  await verifyBackup(path);
  await expect(restoreIt()).rejects.toMatchObject({ code: "RESTORE_DIFFERS" });
  expect(await databases()).toEqual([nameOf()]);
});

test("an older backup is brought up to date", async () => {
  const last = readMigrations(MIGRATIONS).at(-2)!.number;
  await database.sql`drop schema public cascade`;
  await database.sql`create schema public`;
  await migrate(database.sql, MIGRATIONS, last);
  await database.sql`insert into stores (id, name, epoch) values ('old', 'Old', 'e')`;
  await makeBackup();
  const { sql, header } = await restoreIt();
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
    await makeBackup();
    await database.sql.end();
    const sql = postgres(database.url, { max: 1, connection: { application_name } });
    opened.push(sql);
    await sql`select 1`;
    await expect(restore(options())).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
      message: expect.stringMatching(says),
    });
    expect(await databases()).toEqual([nameOf()]);
  });

  test("not even who came while it was being loaded", async () => {
    await makeBackup();
    const onStep = async (step: string): Promise<void> => {
      if (step === "prepared") await reopened()`select 1`;
    };
    await expect(restoreIt({ onStep })).rejects.toMatchObject({ code: "DATABASE_IN_USE" });
    expect(await databases()).toEqual([nameOf()]);
  });

  test("two restores at once: one of them", async () => {
    await makeBackup();
    await database.sql.end();
    const both = await Promise.allSettled([restore(options()), restore(options())]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await checkStore(reopened(), shop.storeId);
  });
});

test("a role that may not make databases is told the documented way", async () => {
  await makeBackup();
  const role = `${nameOf()}_clerk`;
  await administer((admin) => admin.unsafe(`create role ${role} login password 'secret'`));
  const url = new URL(database.url);
  url.username = role;
  url.password = "secret";
  await expect(restoreIt({ database: { url: url.href } })).rejects.toMatchObject({ code: "RESTORE_NOT_PERMITTED" });
  await administer((admin) => admin.unsafe(`drop role ${role}`));
});

test("where there was nothing, nothing is kept", async () => {
  await makeBackup();
  await database.sql`drop schema public cascade`;
  await database.sql`create schema public`;
  const { former, sql } = await restoreIt();
  expect(former).toBeNull();
  expect(await databases()).toEqual([nameOf()]);
  await checkStore(sql, shop.storeId);
});

test("a former database can be brought back, with a new epoch, and then the restored one is the former", async () => {
  await makeBackup();
  await shop.push("a", put("orders", "since", order("since")));
  const { former, sql } = await restoreIt();
  expect(await sql`select from records where local_id = 'since'`).toHaveLength(0);
  await sql.end();
  const { path: _path, ...rest } = options({ now: () => Date.now() + 1_000 });
  const aside = await bringBack(rest, former!);
  expect(await databases()).toEqual([nameOf(), aside]);
  const back = reopened();
  expect(await back`select from records where local_id = 'since'`).toHaveLength(1);
  expect(await back`select epoch, reoffer from stores`).toMatchObject([
    { epoch: expect.stringMatching(/^v1-/), reoffer: true },
  ]);
  await back.end();
  await expect(bringBack(rest, former!)).rejects.toMatchObject({ code: "NO_FORMER_DATABASE" });
});

describe("killed at any step, the former database is in force until the restored one is", () => {
  test.each(RESTORE_STEPS)("after %s", async (step) => {
    await makeBackup();
    await shop.push("a", put("orders", "since", order("since")));
    await database.sql.end();
    await killedAfter(step);
    const sql = reopened();
    expect(await sql`select from records where local_id = 'since'`).toHaveLength(step === "swapped" ? 0 : 1);
    await checkStore(sql, shop.storeId);
    await sql.end();
    // What it left does not stand in the way of the next one.
    await waitUntilUnused();
    await restore(options({ now: () => Date.now() + 5_000 }));
    const again = reopened();
    expect(await again`select from records where local_id = 'since'`).toHaveLength(0);
    expect((await databases()).filter((name) => name.includes("restoring"))).toEqual([]);
  });

  async function killedAfter(step: string): Promise<void> {
    const source = resolve(import.meta.dirname, "../src/backup/restore.ts");
    const program = `
      const { restore } = await import(${JSON.stringify(source)});
      await restore({
        database: { url: ${JSON.stringify(database.url)} }, path: ${JSON.stringify(path)}, migrations: ${JSON.stringify(MIGRATIONS)},
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
