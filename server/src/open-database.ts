/** The database that the settings name: an external one, or the embedded PostgreSQL, started or adopted. */
import { join, resolve } from "node:path";
import { ConfigError, type Config } from "./config.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { StartupError } from "./startup-error.ts";

/** The repository's, from which paths in the settings are meant. */
export const ROOT = resolve(import.meta.dirname, "../..");
export const MIGRATIONS = join(ROOT, "migrations");

export interface OpenDatabase {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Of the embedded PostgreSQL, unless another process uses it. */
  stop(): Promise<void>;
}

export interface DatabaseListener {
  readonly log: (message: string) => void;
  /** The embedded PostgreSQL died and could not be revived. */
  readonly onLost: (error: unknown) => void;
}

/** @throws StartupError POSTGRES_BINARIES_MISSING, POSTGRES_START_FAILED */
export async function openDatabase(config: Config, listener: DatabaseListener): Promise<OpenDatabase> {
  if (config.database) return { ...config.database, stop: async () => undefined };
  return startEmbeddedPostgres({ dataDir: dataDirOf(config), ...listener });
}

export function dataDirOf({ dataDir }: Pick<Config, "dataDir">): string {
  return resolve(ROOT, dataDir);
}

/** One sentence for a person, or, for what nobody foresaw, the stack. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartupError) return error.message;
  const { code, port } = error as { code?: string; port?: number };
  if (code === "EADDRINUSE") return `Port ${port ?? ""} is taken: stop what uses it, or set SERVER_PORT.`;
  if (code === "EACCES") return `Port ${port ?? ""} may not be used by this user: set SERVER_PORT to one above 1023.`;
  if (code === "ECONNREFUSED") return "The database that DATABASE_URL names does not answer.";
  return String((error as Error).stack ?? error);
}
