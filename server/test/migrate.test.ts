import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate } from "../src/migrate.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";

let database: TestDatabase;
let directory: string;

beforeEach(async () => {
  database = await createTestDatabase();
  await database.sql`drop table schema_migrations`;
  directory = mkdtempSync(join(tmpdir(), "tillwire-migrations-"));
});

afterEach(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

function file(name: string, text: string): void {
  writeFileSync(join(directory, name), text);
}

const run = () => migrate(database.sql, directory);

test("files are applied in order, once", async () => {
  file("0002_fill.sql", "insert into first values (1); insert into first values (2);");
  file("0001_make.sql", "create table first (n int); -- ends in a comment");
  expect(await run()).toEqual(["0001_make.sql", "0002_fill.sql"]);
  expect(await run()).toEqual([]);
  file("0003_more.sql", "insert into first values (3)");
  expect(await run()).toEqual(["0003_more.sql"]);
  expect(await database.sql`select n from first order by n`).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test("nodes that start together apply each file once", async () => {
  file("0001_make.sql", "create table first (n int)");
  file("0002_fill.sql", "insert into first values (1)");
  const applied = await Promise.all([run(), run(), run()]);
  expect(applied.flat()).toEqual(["0001_make.sql", "0002_fill.sql"]);
  expect(await database.sql`select n from first`).toEqual([{ n: 1 }]);
});

test("a migration that fails leaves nothing of itself behind, and those before it stay", async () => {
  file("0001_make.sql", "create table first (n int)");
  file("0002_breaks.sql", "create table second (n int); select * from nowhere;");
  await expect(run()).rejects.toMatchObject({ code: "MIGRATION_FAILED" });
  expect(await database.sql`select to_regclass('first')::text as a, to_regclass('second')::text as b`).toEqual([
    { a: "first", b: null },
  ]);
  file("0002_breaks.sql", "create table second (n int)");
  expect(await run()).toEqual(["0002_breaks.sql"]);
});

test("an applied file that was changed is refused", async () => {
  file("0001_make.sql", "create table first (n int)");
  await run();
  file("0001_make.sql", "create table first (n bigint)");
  await expect(run()).rejects.toMatchObject({ code: "MIGRATION_CHANGED" });
});

test("line ends that a checkout changed are no change", async () => {
  file("0001_make.sql", "create table first (\n n int)");
  await run();
  file("0001_make.sql", "create table first (\r\n n int)");
  expect(await run()).toEqual([]);
});

test("a database of a newer version is refused", async () => {
  file("0001_make.sql", "create table first (n int)");
  file("0002_more.sql", "create table second (n int)");
  await run();
  rmSync(join(directory, "0002_more.sql"));
  await expect(run()).rejects.toMatchObject({ code: "MIGRATION_UNKNOWN" });
});

test.each([
  ["a late number", ["0001_a.sql", "0003_c.sql"], "0002_b.sql"],
  ["a number used twice", ["0001_a.sql"], "0001_b.sql"],
  ["a name without a number", ["0001_a.sql"], "second.sql"],
])("%s is refused", async (_, before, late) => {
  for (const name of before) file(name, "select 1");
  await run();
  file(late, "select 1");
  await expect(run()).rejects.toMatchObject({ code: "MIGRATION_OUT_OF_ORDER" });
});
