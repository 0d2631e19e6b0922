/** The tables that a backup holds, each after those that it refers to. `schema_migrations` is told in the header instead. */
import type { Sql } from "postgres";
import type { BackupTable } from "./backup-file.ts";

export const BACKED_UP_TABLES = [
  "stores",
  "store_collections",
  "devices",
  "enrolments",
  "settings",
  "records",
  "record_history",
  "decided_writes",
  "audit_log",
] as const;

const MIGRATIONS_TABLE = "schema_migrations";

export interface DatabaseTables {
  /** Those of Tillwire, with their columns in order. */
  readonly ours: readonly BackupTable[];
  /** Somebody else's in the same schema. */
  readonly others: readonly string[];
}

export async function readTables(sql: Sql): Promise<DatabaseTables> {
  const rows = await sql<BackupTable[]>`
    select c.relname as table, json_agg(a.attname order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by c.relname`;
  const byName = new Map(rows.map((row) => [row.table, row]));
  const ours = BACKED_UP_TABLES.flatMap((name) => byName.get(name) ?? []);
  for (const name of [...BACKED_UP_TABLES, MIGRATIONS_TABLE]) byName.delete(name);
  return { ours, others: [...byName.keys()].sort() };
}

/** Counters behind columns go on after the highest value that was loaded. */
export async function advanceCounters(sql: Sql, tables: readonly BackupTable[]): Promise<void> {
  for (const { table } of tables) {
    const columns = await sql<{ name: string; sequence: string }[]>`
      select a.attname as name, pg_get_serial_sequence(quote_ident(${table}), a.attname) as sequence
      from pg_attribute a
      where a.attrelid = ${table}::regclass and a.attnum > 0 and not a.attisdropped
        and pg_get_serial_sequence(quote_ident(${table}), a.attname) is not null`;
    for (const { name, sequence } of columns)
      await sql`select setval(${sequence}::regclass, coalesce((select max(${sql(name)}) from ${sql(table)}), 0) + 1, false)`;
  }
}
