/** A database that may lose what it acknowledged, or is too old, is refused before anything is written to it. */
import type { Sql } from "postgres";

const OLDEST_MAJOR = 15;
const MUST_BE_ON = ["fsync", "full_page_writes", "synchronous_commit"] as const;

/** @returns what is wrong, a sentence each, for the person who starts the server */
export function databaseFaults(settings: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  const version = Number(settings.get("server_version_num") ?? 0);
  if (version < OLDEST_MAJOR * 10_000)
    faults.push(`PostgreSQL ${OLDEST_MAJOR} or newer is needed; this is ${settings.get("server_version") ?? "older"}.`);
  for (const name of MUST_BE_ON) {
    if (settings.get(name) === "off")
      faults.push(`${name} is off: sales that were confirmed could be lost. Switch it on.`);
  }
  return faults;
}

export async function readDatabaseSettings(sql: Sql): Promise<Map<string, string>> {
  const names = [...MUST_BE_ON, "server_version", "server_version_num"];
  const rows = await sql<
    { name: string; setting: string }[]
  >`select name, setting from pg_settings where name = any(${names})`;
  return new Map(rows.map(({ name, setting }) => [name, setting]));
}
