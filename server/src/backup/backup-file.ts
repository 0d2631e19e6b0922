/**
 * A backup is one gzipped text: a line of JSON that says what it is, then table by table a line of JSON, the rows as PostgreSQL's COPY
 * text, the line `\.` and a line of JSON with their totals, and a last line that says that nothing is missing. `zcat` shows it, and psql
 * could load it.
 *
 *   {"tillwire":"backup","format":1,"createdAt":...,"migrations":[...]}
 *   {"table":"stores","columns":["id","name",...]}
 *   0190...	Corner Café	...
 *   \.
 *   {"rows":1,"digest":"..."}
 *   {"end":true,"tables":9}
 */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { PassThrough } from "node:stream";
import { createGunzip } from "node:zlib";
import * as z from "zod/mini";
import { BackupError } from "./backup-error.ts";
import { Lines, RowSum, type RowTotals } from "./rows.ts";

export const BACKUP_FORMAT = 1;
export const TABLE_END = "\\.";

const headerSchema = z.object({
  tillwire: z.literal("backup"),
  format: z.int(),
  /** Epoch ms: what was committed by then is in it. */
  createdAt: z.int(),
  /** PostgreSQL's, for people. */
  databaseVersion: z.string(),
  migrations: z.array(z.object({ number: z.int(), name: z.string(), checksum: z.string() })),
});
export type BackupHeader = z.infer<typeof headerSchema>;

const name = z.string().check(z.regex(/^[a-z_][a-z0-9_]*$/));
const tableSchema = z.object({ table: name, columns: z.array(name).check(z.minLength(1)) });
export type BackupTable = z.infer<typeof tableSchema>;

const totalsSchema = z.object({ rows: z.int(), digest: z.string() });
const endSchema = z.object({ end: z.literal(true), tables: z.int() });

/** What a backup holds, in its order. Rows come in pieces of whole lines. */
export type BackupPart =
  | { readonly kind: "header"; readonly header: BackupHeader }
  | ({ readonly kind: "table" } & BackupTable)
  | { readonly kind: "rows"; readonly bytes: Buffer }
  | ({ readonly kind: "totals"; readonly table: string } & RowTotals);

export function jsonLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/**
 * Reads a backup part by part, in little memory, and checks each table's totals as they come.
 * @throws BackupError BACKUP_NOT_FOUND, NOT_A_BACKUP, BACKUP_NEWER, BACKUP_TRUNCATED, BACKUP_DAMAGED
 */
export async function* readBackup(path: string): AsyncGenerator<BackupPart> {
  const text = new PassThrough();
  const reading = pipeline(createReadStream(path), createGunzip(), text).catch(() => undefined);
  const parser = new Parser();
  try {
    for await (const piece of text as AsyncIterable<Buffer>) yield* parser.push(piece);
    parser.finish();
  } catch (error) {
    throw explain(error, path);
  } finally {
    text.destroy();
    await reading;
  }
}

/** @returns the header, and the totals of every table, once all of it has been read and found whole */
export async function verifyBackup(path: string): Promise<{ header: BackupHeader; totals: Map<string, RowTotals> }> {
  let header: BackupHeader | null = null;
  const totals = new Map<string, RowTotals>();
  for await (const part of readBackup(path)) {
    if (part.kind === "header") header = part.header;
    else if (part.kind === "totals") totals.set(part.table, { rows: part.rows, digest: part.digest });
  }
  return { header: header!, totals };
}

/** JSON lines are short; whatever makes a long one is no backup. */
const LONGEST_JSON_LINE = 1024 * 1024;

class Parser {
  readonly #lines = new Lines();
  #expected: "header" | "table or end" | "rows" | "totals" | "nothing" = "header";
  #table = "";
  #tables = 0;
  #sum = new RowSum();

  *push(piece: Buffer): Generator<BackupPart> {
    const rows: Buffer[] = [];
    for (const line of this.#lines.push(piece)) {
      if (this.#expected === "rows" && !isTableEnd(line)) {
        this.#sum.add(line);
        rows.push(line, NEW_LINE);
        continue;
      }
      if (rows.length > 0) yield { kind: "rows", bytes: Buffer.concat(rows.splice(0)) };
      if (this.#expected === "rows") this.#expected = "totals";
      else yield* this.#json(line);
    }
    if (rows.length > 0) yield { kind: "rows", bytes: Buffer.concat(rows) };
    if (this.#expected !== "rows" && this.#lines.unfinished > LONGEST_JSON_LINE) throw damaged("a line is too long");
  }

  finish(): void {
    if (this.#expected === "nothing" && this.#lines.unfinished === 0) return;
    throw new BackupError("BACKUP_TRUNCATED", "The backup is not complete: its end is missing.");
  }

  *#json(line: Buffer): Generator<BackupPart> {
    const value = parse(line);
    switch (this.#expected) {
      case "header":
        yield { kind: "header", header: headerOf(value) };
        this.#expected = "table or end";
        return;
      case "table or end":
        if (endSchema.safeParse(value).success) return this.#end(endSchema.parse(value).tables);
        yield this.#begin(tableSchema.safeParse(value));
        return;
      case "totals":
        yield this.#totals(totalsSchema.safeParse(value));
        return;
      default:
        throw damaged("something follows its end");
    }
  }

  #begin(table: ReturnType<typeof tableSchema.safeParse>): BackupPart {
    if (!table.success) throw damaged("a table has no name");
    this.#table = table.data.table;
    this.#tables += 1;
    this.#sum = new RowSum();
    this.#expected = "rows";
    return { kind: "table", ...table.data };
  }

  #totals(told: ReturnType<typeof totalsSchema.safeParse>): BackupPart {
    const found = this.#sum.totals;
    if (!told.success || told.data.rows !== found.rows || told.data.digest !== found.digest)
      throw damaged(`the rows of ${this.#table} are not those that were written`);
    this.#expected = "table or end";
    return { kind: "totals", table: this.#table, ...found };
  }

  #end(tables: number): void {
    if (tables !== this.#tables) throw damaged("a table is missing");
    this.#expected = "nothing";
  }
}

const NEW_LINE = Buffer.from("\n");

function isTableEnd(line: Buffer): boolean {
  return line.length === TABLE_END.length && line.toString("latin1") === TABLE_END;
}

function parse(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString("utf8"));
  } catch {
    return null;
  }
}

function headerOf(value: unknown): BackupHeader {
  const { tillwire, format } = (value ?? {}) as { tillwire?: unknown; format?: unknown };
  if (tillwire !== "backup") throw new BackupError("NOT_A_BACKUP", "The file is no backup of Tillwire.");
  if (typeof format === "number" && format > BACKUP_FORMAT)
    throw new BackupError("BACKUP_NEWER", `The backup has format ${format}: a newer version of Tillwire made it.`);
  const header = headerSchema.safeParse(value);
  if (!header.success) throw damaged("its first line can't be read");
  return header.data;
}

function damaged(why: string): BackupError {
  return new BackupError("BACKUP_DAMAGED", `The backup is damaged: ${why}.`);
}

const NO_GZIP = "incorrect header check";

function explain(error: unknown, path: string): unknown {
  const { code, message } = error as { code?: string; message?: string };
  switch (code) {
    case "ENOENT":
    case "EACCES":
    case "EISDIR":
      return new BackupError("BACKUP_NOT_FOUND", `${path} can't be read (${code}).`);
    case "Z_BUF_ERROR":
      return new BackupError("BACKUP_TRUNCATED", "The backup is not complete: its end is missing.");
    case "Z_DATA_ERROR":
      return message === NO_GZIP
        ? new BackupError("NOT_A_BACKUP", "The file is no backup of Tillwire.")
        : damaged("it can't be unpacked");
    default:
      return error;
  }
}
