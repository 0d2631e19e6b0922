/** One embedded PostgreSQL for the whole run, as the product starts it, and fresh databases in it. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startEmbeddedPostgres } from "@tillwire/server/embedded-postgres";
import { migrate } from "@tillwire/server/migrate";
import postgres from "postgres";

const migrations = resolve(import.meta.dirname, "../../../migrations");

export interface Databases {
  readonly version: string;
  /** A new database with the product's tables. */
  migrated(): Promise<string>;
  /** A new one without anything. */
  empty(): Promise<string>;
  stop(): Promise<void>;
}

export async function startDatabases(): Promise<Databases> {
  const dataDir = mkdtempSync(join(tmpdir(), "tillwire-bench-"));
  // PostgreSQL runs as another user where this one is root
  chmodSync(dataDir, 0o755);
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined });
  let made = 0;
  const create = async (): Promise<string> => {
    const name = `bench_${(made += 1)}`;
    await admin`create database ${admin(name)}`;
    const url = new URL(server.url);
    url.pathname = name;
    return url.href;
  };
  const [row] = await admin<{ version: string }[]>`select current_setting('server_version') as version`;
  return {
    version: row!.version,
    empty: create,
    async migrated() {
      const url = await create();
      const sql = postgres(url, { max: 1, onnotice: () => undefined });
      await migrate(sql, migrations);
      await sql.end();
      return url;
    },
    async stop() {
      await admin.end({ timeout: 1 });
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
