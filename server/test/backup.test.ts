/** Backups of a real database: whole, of one moment, readable by nobody else, or not at all. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { basename, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { backUp, DRAFT_ENDING, defaultBackupName, listBackups, removeOldBackups } from "../src/backup/backup.ts";
import { connect } from "../src/backup/connect.ts";
import { BACKED_UP_TABLES, readTables } from "../src/backup/tables.ts";
import { checkStore, order, put, transaction } from "./support/shop-fixture.ts";
import { backUpShopForEachTest, type BackedUpShop } from "./support/backed-up-shop.ts";

let here: BackedUpShop;
backUpShopForEachTest((opened) => (here = opened));

test("every table that the migrations make is in a backup", async () => {
  const { ours, others } = await readTables(here.database.sql);
  expect(others).toEqual([]);
  expect(ours.map(({ table }) => table)).toEqual([...BACKED_UP_TABLES]);
});

test("a backup holds one moment, whatever is sold while it is made", async () => {
  let selling = true;
  const sold: Promise<void> = (async () => {
    for (let n = 0; selling; n++)
      await here.shop.push(
        "a",
        put("orders", `sold-${n}`, order(`sold-${n}`)),
        put("transactions", `s-${n}`, transaction(`s-${n}`)),
      );
  })();
  for (let round = 0; round < 3; round++) {
    here.path = here.newPath();
    await here.makeBackup();
  }
  selling = false;
  await sold;
  const { sql } = await here.restoreIt();
  // S3 and S12: head, seqs and digests are of the same moment.
  await checkStore(sql, here.shop.storeId);
});

test("a backup is readable by nobody else, and its draft is gone", async () => {
  await here.makeBackup();
  expect(statSync(here.path).mode & 0o777).toBe(0o600);
  expect(readdirSync(here.directory).filter((file) => file.includes(".part"))).toEqual([]);
});

test("a file that is there is not overwritten", async () => {
  writeFileSync(here.path, "precious");
  await expect(here.makeBackup()).rejects.toMatchObject({ code: "BACKUP_EXISTS" });
  expect(readFileSync(here.path, "utf8")).toBe("precious");
});

test("a backup that is ended on the way leaves nothing", async () => {
  const sql = connect({ url: here.database.url });
  await expect(backUp(sql, here.path, AbortSignal.abort())).rejects.toThrow();
  await sql.end({ timeout: 0 });
  expect(readdirSync(here.directory).filter((file) => file.includes(basename(here.path)))).toEqual([]);
});

test("a Ctrl-C that arrives twice, from the terminal and from npm, ends the command in order", async () => {
  const holding = await here.database.sql.reserve();
  await holding`begin`;
  await holding`lock table records in access exclusive mode`;
  const script = resolve(import.meta.dirname, "../../scripts/backup.mjs");
  const env = { ...process.env, DATABASE_URL: here.database.url };
  const child = spawn(process.execPath, [script, here.path], { env, stdio: ["ignore", "ignore", "pipe"] });
  const said = text(child.stderr);
  const ended = once(child, "exit");
  await expect
    .poll(() => here.database.sql`select from pg_locks where not granted and relation = 'records'::regclass`, {
      timeout: 20_000,
    })
    .toHaveLength(1);
  child.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill("SIGINT");
  await holding`rollback`;
  expect(await ended).toEqual([1, null]);
  expect(await said).toBe("Ended: nothing has changed.\n");
  expect(readdirSync(here.directory).filter((file) => file.includes(basename(here.path)))).toEqual([]);
  holding.release();
}, 30_000);

test("what a killed backup left goes with the next one, unless it may still be written", async () => {
  const dayAgo = new Date(Date.now() - 24 * 60 * 60 * 1000);
  const draftOf = (name: string): string => join(here.directory, `.${name}.0123abcd${DRAFT_ENDING}`);
  for (const name of ["killed.backup", "written now.backup"]) writeFileSync(draftOf(name), "half");
  writeFileSync(join(here.directory, "mine.part"), "not ours");
  utimesSync(draftOf("killed.backup"), dayAgo, dayAgo);
  utimesSync(join(here.directory, "mine.part"), dayAgo, dayAgo);
  await here.makeBackup();
  expect(readdirSync(here.directory)).toEqual(
    expect.arrayContaining(["mine.part", basename(draftOf("written now.backup"))]),
  );
  expect(readdirSync(here.directory)).not.toContain(basename(draftOf("killed.backup")));
  for (const file of [draftOf("written now.backup"), join(here.directory, "mine.part")]) rmSync(file);
});

test("where nothing can be written, it says so in a sentence", async () => {
  writeFileSync(join(here.directory, "file"), "");
  here.path = join(here.directory, "file", "x.backup");
  await expect(here.makeBackup()).rejects.toMatchObject({
    code: "BACKUP_NOT_WRITTEN",
    message: expect.stringContaining(here.path),
  });
  here.path = join("/proc", "x.backup");
  await expect(here.makeBackup()).rejects.toMatchObject({ code: "BACKUP_NOT_WRITTEN" });
});

test("a database that no server has used is nothing to back up", async () => {
  await here.database.sql`drop schema public cascade`;
  await here.database.sql`create schema public`;
  await expect(here.makeBackup()).rejects.toMatchObject({ code: "NOTHING_TO_BACK_UP" });
});

test("of backups with default names the latest are kept, others are left alone", () => {
  const kept = mkdtempSync(join(here.directory, "keep-"));
  const names = [5, 1, 3].map((day) => defaultBackupName(Date.UTC(2026, 0, day)));
  for (const name of [...names, "mine.backup"]) writeFileSync(join(kept, name), "");
  expect(removeOldBackups(kept, 2)).toEqual(["tillwire-20260101T000000Z.backup"]);
  expect(listBackups(kept)).toEqual(["tillwire-20260103T000000Z.backup", "tillwire-20260105T000000Z.backup"]);
  expect(readdirSync(kept)).toContain("mine.backup");
});
