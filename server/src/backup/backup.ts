/**
 * Backing up: everything as it stood at one moment, while servers run and sell, in little memory. Read in one tx with one snapshot,
 * written under a temporary name, read back, and only then given its own.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Sql } from "postgres";
import { systemRuntime } from "../runtime.ts";
import { BackupError } from "./backup-error.ts";
import {
  BACKUP_FORMAT,
  jsonLine,
  TABLE_END,
  verifyBackup,
  type BackupHeader,
  type BackupTable,
} from "./backup-file.ts";
import { copyOut } from "./copy.ts";
import { Lines, RowSum, type RowTotals } from "./rows.ts";
import { readTables } from "./tables.ts";

export interface Backup {
  readonly path: string;
  readonly header: BackupHeader;
  readonly totals: ReadonlyMap<string, RowTotals>;
  /** Tables in the same schema that are not Tillwire's, and not in the backup. */
  readonly leftOut: readonly string[];
}

/**
 * @param sql one connection of its own
 * @param path of the new file; its directory is made
 * @param signal ends it; nothing is left of it then
 * @throws BackupError BACKUP_EXISTS, NOTHING_TO_BACK_UP, BACKUP_INTERRUPTED; errors of the database and of the disk
 */
export async function backUp(sql: Sql, path: string, signal?: AbortSignal): Promise<Backup> {
  if (existsSync(path)) throw new BackupError("BACKUP_EXISTS", `${path} exists already.`);
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}${DRAFT_ENDING}`);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    removeOldDrafts(dirname(path));
    const leftOut = await write(sql, draft, signal);
    const { header, totals } = await verifyBackup(draft);
    renameSync(draft, path);
    await syncToDisk(dirname(path));
    return { path, header, totals, leftOut };
  } catch (error) {
    removeIfThere(draft);
    throw explain(error, path);
  }
}

export const DRAFT_ENDING = ".backup-part";
const DRAFT_NAME = /^\..+\.[0-9a-f]{8}\.backup-part$/;
/** A draft that nobody has written to for so long is not being read back either: whoever made it was killed. */
const DRAFT_LIVES_MS = 12 * 60 * 60 * 1000;

function removeOldDrafts(directory: string): void {
  for (const file of readdirSync(directory)) {
    if (!DRAFT_NAME.test(file)) continue;
    const draft = join(directory, file);
    const found = statSync(draft, { throwIfNoEntry: false });
    if (found && systemRuntime.now() - found.mtimeMs > DRAFT_LIVES_MS) removeIfThere(draft);
  }
}

/** Whoever can't remove it has another error to tell of, or none. */
function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // somebody else's, or in a directory that is none
  }
}

/** Of a lost connection. What else has a system call and goes wrong here is the disk's or the directory's. */
const CONNECTION_CODES = /^(E?CONN|EPIPE|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET)/;

function explain(error: unknown, path: string): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined || CONNECTION_CODES.test(code)) return error;
  const why = code === "ENOSPC" ? "The disk is full." : `The system says ${code}.`;
  return new BackupError("BACKUP_NOT_WRITTEN", `${path} can't be written. ${why}`, { cause: error });
}

async function write(sql: Sql, draft: string, signal?: AbortSignal): Promise<readonly string[]> {
  const connection = await sql.reserve();
  try {
    await connection`begin isolation level repeatable read, read only`;
    const snapshot = await readSnapshot(connection);
    const tables = await readTables(connection);
    const header = await readHeader(connection);
    const text = textOf(connection, header, tables.ours);
    await pipeline(text, createGzip(), createWriteStream(draft, { flags: "wx", mode: 0o600 }), { signal });
    // A connection that was lost and made anew on the way would have read the rest from another moment.
    if ((await readSnapshot(connection)) !== snapshot)
      throw new BackupError("BACKUP_INTERRUPTED", "The connection to the database was lost. Try again.");
    await connection`commit`;
    await syncToDisk(draft);
    return tables.others;
  } finally {
    connection.release();
  }
}

async function* textOf(
  sql: Sql,
  header: BackupHeader,
  tables: readonly BackupTable[],
): AsyncGenerator<string | Uint8Array> {
  yield jsonLine(header);
  for (const { table, columns } of tables) {
    yield jsonLine({ table, columns });
    const lines = new Lines();
    const sum = new RowSum();
    for await (const piece of copyOut(sql, { table, columns })) {
      for (const line of lines.push(piece)) sum.add(line);
      yield piece;
    }
    yield `${TABLE_END}\n`;
    yield jsonLine(sum.totals);
  }
  yield jsonLine({ end: true, tables: tables.length });
}

async function readSnapshot(sql: Sql): Promise<string> {
  const rows = await sql<{ at: string }[]>`select pg_backend_pid() || '/' || pg_current_snapshot()::text as at`;
  return rows[0]!.at;
}

async function readHeader(sql: Sql): Promise<BackupHeader> {
  const found = await sql<{ migrations: string | null; at: string; version: string }[]>`
    select to_regclass('schema_migrations')::text as migrations, current_setting('server_version') as version,
      floor(extract(epoch from now()) * 1000)::text as at`;
  const { migrations: table, at, version } = found[0]!;
  if (table === null) throw new BackupError("NOTHING_TO_BACK_UP", "The database is empty: no server has used it yet.");
  const migrations = await sql<BackupHeader["migrations"]>`
    select number, name, checksum from schema_migrations order by number`;
  return {
    tillwire: "backup",
    format: BACKUP_FORMAT,
    createdAt: Number(at),
    databaseVersion: version,
    migrations: [...migrations],
  };
}

async function syncToDisk(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  await handle.sync();
  await handle.close();
}

const DEFAULT_NAME = /^tillwire-\d{8}T\d{6}Z\.backup$/;

/** `tillwire-20260131T235959Z.backup`: they sort by time. @param nowMs epoch ms */
export function defaultBackupName(nowMs: number): string {
  return `tillwire-${timeStamp(nowMs)}.backup`;
}

/** UTC, to the second: 20260131T235959Z. */
export function timeStamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
}

/** Backups with default names, oldest first. */
export function listBackups(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((file) => DEFAULT_NAME.test(file))
    .sort();
}

/** Removes the oldest backups with default names but for `keep`. @returns their names */
export function removeOldBackups(directory: string, keep: number): string[] {
  const backups = listBackups(directory);
  const old = backups.slice(0, Math.max(0, backups.length - keep));
  for (const file of old) rmSync(join(directory, file));
  return old;
}
