/** A file that can't be restored changes nothing. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { verifyBackup } from "../src/backup/backup-file.ts";
import { backUpShopForEachTest, contentsOf, type BackedUpShop } from "./support/backed-up-shop.ts";

let here: BackedUpShop;
backUpShopForEachTest((opened) => (here = opened));

describe("a file that can't be restored changes nothing", () => {
  /** Rewrites the backup's text. */
  function rewrite(change: (text: string) => string): void {
    writeFileSync(here.path, gzipSync(change(gunzipSync(readFileSync(here.path)).toString("utf8"))));
  }
  const changeHeader = (change: (header: any) => void): void =>
    rewrite((text) => {
      const end = text.indexOf("\n");
      const header = JSON.parse(text.slice(0, end));
      change(header);
      return JSON.stringify(header) + text.slice(end);
    });

  test.each<[string, string, () => void]>([
    ["no file", "BACKUP_NOT_FOUND", () => rmSync(here.path)],
    ["an empty file", "BACKUP_TRUNCATED", () => writeFileSync(here.path, "")],
    ["some text", "NOT_A_BACKUP", () => writeFileSync(here.path, "hello\n".repeat(100))],
    ["something else that is gzipped", "NOT_A_BACKUP", () => writeFileSync(here.path, gzipSync("hello\n"))],
    [
      "the first half",
      "BACKUP_TRUNCATED",
      () => writeFileSync(here.path, readFileSync(here.path).subarray(0, statSync(here.path).size / 2)),
    ],
    [
      "a flipped bit",
      "BACKUP_DAMAGED",
      () => {
        const bytes = readFileSync(here.path);
        bytes[Math.floor(bytes.length * 0.6)]! ^= 4;
        writeFileSync(here.path, bytes);
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
    await here.makeBackup();
    spoil();
    const before = await contentsOf(here.database.sql);
    await expect(here.restoreIt()).rejects.toMatchObject({ code });
    expect(await here.databases()).toEqual([here.name]);
    expect(await contentsOf(here.reopened())).toEqual(before);
  });
});

test("a table whose rows fit no longer is refused, and nothing has changed", async () => {
  await here.makeBackup();
  // Valid as a file; the database refuses a role that it does not know.
  const contentsOfFile = gunzipSync(readFileSync(here.path)).toString("utf8");
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
  writeFileSync(here.path, gzipSync(changed));
  await verifyBackup(here.path);
  await expect(here.restoreIt()).rejects.toMatchObject({ code: "RESTORE_DIFFERS" });
  expect(await here.databases()).toEqual([here.name]);
});
