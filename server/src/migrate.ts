/**
 * Plain SQL files, forward only: `migrations/NNNN_name.sql`, applied in order, each in a tx of its own and under an
 * advisory lock, so that nodes that start together do not race. What was applied is remembered with a checksum: a file
 * that was edited afterwards would leave databases that differ without anybody knowing, and is refused.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type postgres from "postgres";
import { StartupError } from "./startup-error.ts";

export interface Migration {
  readonly number: number;
  /** The file's name. */
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

const lockKey = 7_451_894;

/**
 * Brings the database up to date and says which files that took.
 * @param last number of the migration to stop after; default: all of them
 * @throws StartupError MIGRATION_CHANGED, MIGRATION_UNKNOWN, MIGRATION_OUT_OF_ORDER, MIGRATION_FAILED
 */
export async function migrate(sql: postgres.Sql, directory: string, last = Infinity): Promise<string[]> {
  const migrations = readMigrations(directory).filter(({ number }) => number <= last);
  const connection = await sql.reserve();
  try {
    await connection`select pg_advisory_lock(${lockKey})`;
    await connection`create table if not exists schema_migrations (
      number int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`;
    const applied = await connection<{ number: number; name: string; checksum: string }[]>`
      select number, name, checksum from schema_migrations order by number`;
    const pending = pendingMigrations(migrations, applied);
    for (const migration of pending) await apply(connection, migration);
    return pending.map(({ name }) => name);
  } finally {
    await connection`select pg_advisory_unlock(${lockKey})`.catch(() => undefined);
    connection.release();
  }
}

/** The migrations of a directory in their order. */
export function readMigrations(directory: string): Migration[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".sql"));
  const migrations = names.sort().map((name) => {
    const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
    if (!number) throw new StartupError("MIGRATION_OUT_OF_ORDER", `${name} is not named NNNN_name.sql.`);
    // line ends that a checkout changed are no change
    const text = readFileSync(join(directory, name), "utf8").replaceAll("\r\n", "\n");
    return { number, name, checksum: createHash("sha256").update(text).digest("hex"), text };
  });
  migrations.forEach(({ number, name }, index) => {
    if (migrations[index - 1]?.number !== number) return;
    throw new StartupError("MIGRATION_OUT_OF_ORDER", `${name} has the number of another migration.`);
  });
  return migrations;
}

/** What is still to be applied, once it is certain that the past is as the files say. */
export function pendingMigrations(
  migrations: readonly Migration[],
  applied: readonly { number: number; name: string; checksum: string }[],
): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.number, migration]));
  for (const { number, name, checksum } of applied) {
    const file = known.get(number);
    if (!file) {
      const hint = "It was made by a newer version of Tillwire; an older one must not write to it.";
      throw new StartupError(
        "MIGRATION_UNKNOWN",
        `The database holds the migration ${name}, which has no file. ${hint}`,
      );
    }
    if (file.checksum !== checksum) {
      const hint = "Restore the file, and put the change into a new one.";
      throw new StartupError("MIGRATION_CHANGED", `${file.name} was changed after it had been applied. ${hint}`);
    }
    known.delete(number);
  }
  const latest = applied.at(-1)?.number ?? 0;
  for (const { number, name } of known.values()) {
    if (number > latest) continue;
    throw new StartupError("MIGRATION_OUT_OF_ORDER", `${name} comes before a migration that was applied already.`);
  }
  return [...known.values()];
}

async function apply(connection: postgres.ReservedSql, { number, name, checksum, text }: Migration): Promise<void> {
  // One message with several statements is one tx, which a failure anywhere rolls back. The values need no quoting:
  // the name has been matched, the checksum is hexadecimal.
  const record = `insert into schema_migrations (number, name, checksum) values (${String(number)}, '${name}', '${checksum}')`;
  try {
    await connection.unsafe(`${text}\n;${record}`).simple();
  } catch (cause) {
    throw new StartupError("MIGRATION_FAILED", `${name} failed: ${(cause as Error).message}`, { cause });
  }
}
