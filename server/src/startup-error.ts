/** What keeps a server from starting, worded for the person who starts it; tests and `main.ts` look at the code. */
export type StartupErrorCode =
  /** No PostgreSQL binaries for this platform are installed; DATABASE_URL can name a server instead. */
  | "POSTGRES_BINARIES_MISSING"
  /** PostgreSQL was there but did not start; the message carries the end of its log. */
  | "POSTGRES_START_FAILED"
  /** A migration file that was applied earlier has other contents now. */
  | "MIGRATION_CHANGED"
  /** The database knows a migration that has no file: it belongs to a newer version. */
  | "MIGRATION_UNKNOWN"
  /** Two files share a number, a name is malformed, or a new file sorts before an applied one. */
  | "MIGRATION_OUT_OF_ORDER"
  /** The SQL of a migration failed; its tx was rolled back. */
  | "MIGRATION_FAILED";

export class StartupError extends Error {
  readonly code: StartupErrorCode;

  constructor(code: StartupErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "StartupError";
    this.code = code;
  }
}
