/**
 * Restoring: the backup is loaded into a database of its own, compared with the file, brought up to date and given a new epoch, in which
 * devices offer what it lacks. Only then, in one tx, it takes the name of the former database, which stays under another name. Whoever
 * ends this on the way, by whatever means, leaves the former database in force.
 */
import type { Sql } from "postgres";
import { epochAfter } from "../epoch.ts";
import { migrate, pendingMigrations, readMigrations } from "../migrate.ts";
import { StartupError } from "../startup-error.ts";
import { createPostgresStore } from "../store/postgres-store.ts";
import { timeStamp } from "./backup.ts";
import { BackupError } from "./backup-error.ts";
import { readBackup, verifyBackup, type BackupHeader, type BackupTable } from "./backup-file.ts";
import { connect, type DatabaseAddress } from "./connect.ts";
import { copyIn, copyOut } from "./copy.ts";
import { DatabaseSwap } from "./database-swap.ts";
import { totalsOf, type RowTotals } from "./rows.ts";
import { advanceCounters, readTables } from "./tables.ts";

export interface RestoreOptions {
  readonly database: DatabaseAddress;
  readonly path: string;
  /** The directory of the migrations. */
  readonly migrations: string;
  /** Epoch ms. */
  readonly now: () => number;
  /** An id that nothing else has. */
  readonly newId: () => string;
  /** Ends it, unless the restored database is in force already. */
  readonly signal?: AbortSignal;
  /** Told after each step; what it throws ends the restore there. */
  readonly onStep?: (step: RestoreStep) => void | Promise<void>;
}

/** In this order. After `swapped` the restored database is in force; before it, the former one is. */
export const RESTORE_STEPS = ["verified", "created", "loaded", "compared", "prepared", "swapped"] as const;
export type RestoreStep = (typeof RESTORE_STEPS)[number];

export interface Restored {
  readonly header: BackupHeader;
  readonly totals: ReadonlyMap<string, RowTotals>;
  /** Name under which the former database is kept; null: there was nothing in it. */
  readonly former: string | null;
}

/**
 * @throws BackupError; StartupError MIGRATION_UNKNOWN, MIGRATION_CHANGED where the backup's database is not one of this version's past.
 * Whatever is thrown, nothing has changed.
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { database, path, signal, onStep = () => undefined } = options;
  const { header, totals } = await verifyBackup(path);
  checkMigrations(options.migrations, header);
  await onStep("verified");
  const swap = await DatabaseSwap.open(database);
  try {
    await swap.refuseIfInUse();
    const codes = await codesGiven(database);
    const draft = await swap.createDraft(timeStamp(options.now()));
    try {
      await onStep("created");
      await fill(options, draft, header, totals, codes);
      signal?.throwIfAborted();
      const former = await swap.putInForce(draft, timeStamp(options.now()));
      await onStep("swapped");
      return { header, totals, former };
    } catch (error) {
      await swap.drop(draft).catch(() => undefined);
      throw error;
    }
  } finally {
    await swap.close();
  }
}

/** A database that this version's migrations would not lead to can't be brought up to date. */
function checkMigrations(directory: string, header: BackupHeader): void {
  try {
    pendingMigrations(readMigrations(directory), header.migrations);
  } catch (error) {
    if (!(error instanceof StartupError) || error.code !== "MIGRATION_UNKNOWN") throw error;
    throw new BackupError("BACKUP_NEWER", "A newer version of Tillwire made this backup: restore it with that one.");
  }
}

async function fill(
  { database, path, migrations, now, newId, signal, onStep = () => undefined }: RestoreOptions,
  draft: string,
  header: BackupHeader,
  totals: ReadonlyMap<string, RowTotals>,
  codes: RegisterCodes,
): Promise<void> {
  const sql = connect(database, draft);
  try {
    await migrate(sql, migrations, header.migrations.at(-1)?.number ?? 0);
    const { ours } = await readTables(sql);
    await load(sql, path, ours, signal);
    await onStep("loaded");
    await compare(sql, ours, totals);
    await onStep("compared");
    await advanceCounters(sql, ours);
    await migrate(sql, migrations);
    await prepare(sql, header, codes, now(), newId);
    await onStep("prepared");
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function load(
  sql: Sql,
  path: string,
  tables: readonly BackupTable[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const missing = new Map(tables.map(({ table, columns }) => [table, columns.join()]));
  const parts = readBackup(path);
  for await (const part of parts) {
    if (part.kind !== "table") continue;
    if (missing.get(part.table) !== part.columns.join()) throw differs(`${part.table} has other columns`);
    missing.delete(part.table);
    await copyIn(sql, part, rowsOf(parts), signal);
  }
  if (missing.size > 0) throw differs(`it holds no ${[...missing.keys()].join(", ")}`);
}

/** The rows up to the table's end; the generator goes on behind it. */
async function* rowsOf(parts: ReturnType<typeof readBackup>): AsyncGenerator<Buffer> {
  for (;;) {
    const next = await parts.next();
    if (next.done === true || next.value.kind === "totals") return;
    if (next.value.kind === "rows") yield next.value.bytes;
  }
}

async function compare(
  sql: Sql,
  tables: readonly BackupTable[],
  totals: ReadonlyMap<string, RowTotals>,
): Promise<void> {
  for (const each of tables) {
    const told = totals.get(each.table);
    const found = await totalsOf(copyOut(sql, each));
    if (told?.rows !== found.rows || told.digest !== found.digest)
      throw differs(`${each.table} holds other rows once it is loaded`);
  }
}

function differs(what: string): BackupError {
  return new BackupError("RESTORE_DIFFERS", `The backup does not fit: ${what}.`);
}

/** What the restored database must know before anybody uses it. */
async function prepare(
  sql: Sql,
  header: BackupHeader,
  codes: RegisterCodes,
  nowMs: number,
  newId: () => string,
): Promise<void> {
  // The identity is that of the files that the backup was made of; the first server to start notes the new one.
  await sql`delete from settings where key = 'database_identity'`;
  await skipCodes(sql, codes);
  await beginEpochs(sql, { backupCreatedAt: header.createdAt, restoredAt: nowMs }, newId);
}

/** How many register codes each store has given. */
type RegisterCodes = readonly { readonly id: string; readonly codes: number }[];

/** By the database in force; none where it can't be read, which may be why another one is wanted. */
async function codesGiven(database: DatabaseAddress): Promise<RegisterCodes> {
  const sql = connect(database);
  try {
    return await sql<{ id: string; codes: number }[]>`select id, register_codes as codes from stores`;
  } catch {
    return [];
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Register codes are on receipts: none is given again that was given since, and some more are left out, for what nobody here knows of. */
async function skipCodes(sql: Sql, given: RegisterCodes): Promise<void> {
  for (const { id, codes } of given)
    await sql`update stores set register_codes = greatest(register_codes, ${codes}) where id = ${id}`;
  await sql`update stores set register_codes = register_codes + 23`;
}

/** In every store; devices shall offer what it lacks. */
async function beginEpochs(sql: Sql, details: Record<string, string | number>, newId: () => string): Promise<void> {
  const store = createPostgresStore(sql);
  for (const { id, epoch } of await sql<{ id: string; epoch: string }[]>`select id, epoch from stores order by id`) {
    await sql`
      insert into audit_log (store_id, actor, action, details)
      values (${id}, 'server', 'database.restored', ${JSON.stringify(details)}::text::jsonb)`;
    await store.beginEpoch(id, epoch, epochAfter(newId(), epoch), true);
  }
}

/**
 * Puts a former database in force again, in a new epoch; what was in force stays as a former one itself.
 * @returns the name of the latter; null: there was nothing in it
 * @throws BackupError NO_FORMER_DATABASE, DATABASE_IN_USE, RESTORE_NOT_PERMITTED
 */
export async function bringBack(
  { database, migrations, now, newId }: Omit<RestoreOptions, "path" | "onStep" | "signal">,
  former: string,
): Promise<string | null> {
  const swap = await DatabaseSwap.open(database);
  try {
    await swap.checkFormer(former);
    await swap.refuseIfInUse();
    const codes = await codesGiven(database);
    const sql = connect(database, former);
    try {
      await migrate(sql, migrations);
      await skipCodes(sql, codes);
      await beginEpochs(sql, { broughtBack: former }, newId);
    } finally {
      await sql.end({ timeout: 5 });
    }
    return await swap.putInForce(former, timeStamp(now()));
  } finally {
    await swap.close();
  }
}
