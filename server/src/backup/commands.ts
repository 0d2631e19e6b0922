/** `npm run backup` and `npm run restore`: arguments and settings in, sentences and an exit code out. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, readConfig, type Config } from "../config.ts";
import { dataDirOf, explain, MIGRATIONS, openDatabase, type OpenDatabase } from "../open-database.ts";
import { newUuid, systemRuntime } from "../runtime.ts";
import { backUp, defaultBackupName, listBackups, removeOldBackups } from "./backup.ts";
import { BackupError } from "./backup-error.ts";
import { verifyBackup, type BackupHeader } from "./backup-file.ts";
import { connect } from "./connect.ts";
import { DatabaseSwap } from "./database-swap.ts";
import { bringBack, restore as restoreDatabase } from "./restore.ts";
import type { RowTotals } from "./rows.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const BACKUP_USAGE = `npm run backup                     to DATA_DIR/backups, under a name that tells the time
npm run backup -- FILE             to FILE
npm run backup -- --keep 14        and removes all but the latest 14 of DATA_DIR/backups
npm run backup -- --verify FILE    makes none, but reads FILE and says whether it is whole`;

const RESTORE_USAGE = `npm run restore -- FILE            puts a backup in force; the server must be stopped
npm run restore -- --former        lists the databases that restores have put aside
npm run restore -- --back NAME     puts one of them in force again
npm run restore -- --remove NAME   removes one of them for good`;

/** @param args without the program's own @returns the exit code */
export async function backup(args: readonly string[], environment: Environment): Promise<number> {
  return run(async () => {
    const options = { verify: { type: "boolean" }, keep: { type: "string" } } as const;
    const { values, positionals } = parse(
      () => parseArgs({ args: [...args], options, allowPositionals: true }),
      BACKUP_USAGE,
    );
    const config = readConfig(environment);
    const keep = values.keep === undefined ? null : Number(values.keep);
    const isWrong = positionals.length > 1 || (keep !== null && !(Number.isInteger(keep) && keep > 0));
    if (isWrong || (values.verify && positionals.length === 0)) throw new ConfigError(BACKUP_USAGE);
    if (values.verify) return verify(inCallersDirectory(positionals[0]!, environment));
    await makeBackup(config, positionals[0] && inCallersDirectory(positionals[0], environment), keep);
  });
}

/** @param args without the program's own @returns the exit code */
export async function restore(args: readonly string[], environment: Environment): Promise<number> {
  return run(async () => {
    const options = { former: { type: "boolean" }, back: { type: "string" }, remove: { type: "string" } } as const;
    const { values, positionals } = parse(
      () => parseArgs({ args: [...args], options, allowPositionals: true }),
      RESTORE_USAGE,
    );
    const config = readConfig(environment);
    if (positionals.length + Object.keys(values).length !== 1) throw new ConfigError(withBackups(config));
    await withDatabase(config, async (database, signal) => {
      if (values.former) return listFormer(database);
      if (values.back !== undefined) return bringFormerBack(database, values.back);
      if (values.remove !== undefined) return removeFormer(database, values.remove);
      await restoreFile(database, inCallersDirectory(positionals[0]!, environment), signal);
    });
  });
}

async function verify(path: string): Promise<void> {
  const { header, totals } = await verifyBackup(path);
  say(`${path} is whole: ${contents(header, totals)}.`);
}

async function makeBackup(config: Config, wanted: string | undefined, keep: number | null): Promise<void> {
  const directory = join(dataDirOf(config), "backups");
  const path = wanted ?? join(directory, defaultBackupName(systemRuntime.now()));
  await withDatabase(config, async (database, signal) => {
    const sql = connect(database);
    try {
      const made = await backUp(sql, path, signal);
      say(`Backed up to ${made.path}: ${contents(made.header, made.totals)}. It was read back and is whole.`);
      if (made.leftOut.length > 0)
        say(`Not in it, since they are not Tillwire's: the tables ${made.leftOut.join(", ")}.`);
    } finally {
      await sql.end({ timeout: 0 });
    }
  });
  if (keep === null) return;
  const removed = removeOldBackups(directory, keep);
  if (removed.length > 0) say(`Removed: ${removed.join(", ")}.`);
}

async function restoreFile(database: OpenDatabase, path: string, signal: AbortSignal): Promise<void> {
  const parts = {
    database,
    path,
    signal,
    migrations: MIGRATIONS,
    now: systemRuntime.now,
    newId: () => newUuid(systemRuntime),
  };
  const { header, totals, former } = await restoreDatabase({ ...parts, onStep: (step) => say(`  ${step}`) });
  say(`Restored: ${contents(header, totals)}.`);
  if (former !== null) sayKept(former);
  say("Start the server: every device reads the feed again and brings back what it holds and the backup lacks.");
}

async function bringFormerBack(database: OpenDatabase, name: string): Promise<void> {
  const parts = { database, migrations: MIGRATIONS, now: systemRuntime.now, newId: () => newUuid(systemRuntime) };
  const former = await bringBack(parts, name);
  say(`${name} is in force again.`);
  if (former !== null) sayKept(former);
}

function sayKept(former: string): void {
  say(`What was in force before is kept as ${former}.`);
  say(`  back to it:     npm run restore -- --back ${former}`);
  say(`  away with it:   npm run restore -- --remove ${former}`);
}

async function listFormer(database: OpenDatabase): Promise<void> {
  await withSwap(database, async (swap) => {
    const former = await swap.listFormer();
    if (former.length === 0) say("There are none.");
    for (const { name, bytes } of former) say(`${name}  ${megabytes(bytes)}`);
  });
}

async function removeFormer(database: OpenDatabase, name: string): Promise<void> {
  await withSwap(database, async (swap) => {
    await swap.checkFormer(name);
    await swap.drop(name);
    say(`${name} is removed.`);
  });
}

async function withSwap(database: OpenDatabase, work: (swap: DatabaseSwap) => Promise<void>): Promise<void> {
  const swap = await DatabaseSwap.open(database);
  try {
    await work(swap);
  } finally {
    await swap.close();
  }
}

/** Starts the embedded PostgreSQL, or takes the one that runs; one that was started here is stopped again. */
async function withDatabase(
  config: Config,
  work: (database: OpenDatabase, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ended = new AbortController();
  let endedAtMs = Infinity;
  const onSignal = (): void => {
    // npm passes on what the terminal has already delivered; a second one that is meant comes later
    if (systemRuntime.now() - endedAtMs > 500) process.exit(130);
    endedAtMs = Math.min(endedAtMs, systemRuntime.now());
    ended.abort();
  };
  // To the very end of the process: a signal without a listener would end it before PostgreSQL has stopped.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  const onLost = (error: unknown): void => ended.abort(error);
  const database = await openDatabase(config, { log: (message) => say(`Database: ${message}`), onLost });
  try {
    await work(database, ended.signal);
  } catch (error) {
    throw ended.signal.aborted ? new BackupError("BACKUP_INTERRUPTED", "Ended: nothing has changed.") : error;
  } finally {
    await database.stop();
  }
}

function parse<T>(read: () => T, usage: string): T {
  try {
    return read();
  } catch {
    throw new ConfigError(usage);
  }
}

async function run(work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof BackupError ? error.message : explain(error)}\n`);
    return 1;
  }
}

/** npm runs scripts in the package's directory, whatever directory it was called in. */
function inCallersDirectory(path: string, environment: Environment): string {
  return resolve(environment["INIT_CWD"] ?? process.cwd(), path);
}

function withBackups(config: Config): string {
  const directory = join(dataDirOf(config), "backups");
  const files = listBackups(directory).map((file) => `  ${join(directory, file)}`);
  return files.length === 0 ? RESTORE_USAGE : `${RESTORE_USAGE}\n\nThere are:\n${files.join("\n")}`;
}

function contents({ createdAt }: BackupHeader, totals: ReadonlyMap<string, RowTotals>): string {
  const rows = (table: string): string => (totals.get(table)?.rows ?? 0).toLocaleString("en");
  const at = new Date(createdAt).toISOString();
  return `${rows("stores")} shop(s), ${rows("devices")} device(s), ${rows("records")} records as of ${at}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
