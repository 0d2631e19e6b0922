/** Tables as streams of PostgreSQL's COPY text. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { finished, pipeline } from "node:stream/promises";
import type { Sql } from "postgres";
import { BackupError } from "./backup-error.ts";
import type { BackupTable } from "./backup-file.ts";

/** The table's rows, in whatever order they lie. */
export async function* copyOut(sql: Sql, { table, columns }: BackupTable): AsyncGenerator<Uint8Array> {
  const stream = await sql`copy ${sql(table)} (${sql([...columns])}) to stdout`.readable();
  yield* stream as AsyncIterable<Uint8Array>;
  // The `postgres` package pauses its socket while the reader is slow. Where the last rows did that, nobody would ever resume it.
  stream._read(0);
}

/** @throws BackupError RESTORE_DIFFERS if the database refuses the rows */
export async function copyIn(
  sql: Sql,
  { table, columns }: BackupTable,
  rows: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const into = await sql`copy ${sql(table)} (${sql([...columns])}) from stdin`.writable();
  await pipeline(rows, into, { signal, end: false }).catch((error: unknown) => {
    throw signal?.aborted ? error : refused(table, error);
  });
  into.end();
  // The `postgres` package tells of success, but says nothing where the database refuses what it was sent last.
  await Promise.race([finished(into), afterwards(sql)]);
  await nextTurn();
  if (!into.writableFinished) throw refused(table);
}

/** Resolves when the connection has come to a query that was asked after the copy. */
async function afterwards(sql: Sql): Promise<void> {
  for (;;) {
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "COPY_IN_PROGRESS") throw error;
      await nextTurn();
    }
  }
}

function refused(table: string, cause?: unknown): BackupError {
  return new BackupError("RESTORE_DIFFERS", `The backup does not fit: the database refuses rows of ${table}.`, {
    cause,
  });
}
