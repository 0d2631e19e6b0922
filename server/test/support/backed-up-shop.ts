/** A database for each test, with a shop that holds something of everything; backups and restores of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, inject } from "vitest";
import { backUp } from "../../src/backup/backup.ts";
import { connect } from "../../src/backup/connect.ts";
import { restore, type RestoreOptions, type Restored } from "../../src/backup/restore.ts";
import { BACKED_UP_TABLES } from "../../src/backup/tables.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { at, openShop, order, put, remove, transaction, type Shop } from "./shop-fixture.ts";

export const MIGRATIONS = resolve(import.meta.dirname, "../../../migrations");

let files = 0;
let ids = 0;

export class BackedUpShop {
  readonly #opened: postgres.Sql[] = [];
  /** Of the next backup; no file is there yet. */
  path: string;

  constructor(
    readonly directory: string,
    readonly database: TestDatabase,
    readonly shop: Shop,
  ) {
    this.path = this.newPath();
  }

  newPath(): string {
    return join(this.directory, `${(files += 1)}.backup`);
  }

  get name(): string {
    return new URL(this.database.url).pathname.slice(1);
  }

  /** Of this database and of those that restores made beside it. */
  databases(): Promise<string[]> {
    return administer(async (admin) => {
      const rows = await admin<{ name: string }[]>`
        select datname as name from pg_database where starts_with(datname, ${this.name}) order by 1`;
      return rows.map(({ name }) => name);
    });
  }

  async makeBackup(): Promise<string> {
    const sql = connect({ url: this.database.url });
    try {
      await backUp(sql, this.path);
    } finally {
      await sql.end();
    }
    return this.path;
  }

  options(changes: Partial<RestoreOptions> = {}): RestoreOptions {
    const { path, database } = this;
    const newId = (): string => `id-${(ids += 1)}`;
    return { database: { url: database.url }, path, migrations: MIGRATIONS, now: Date.now, newId, ...changes };
  }

  /** The tests' own connections must not keep the database in use. */
  async restoreIt(changes: Partial<RestoreOptions> = {}): Promise<Restored & { readonly sql: postgres.Sql }> {
    await this.database.sql.end();
    const restored = await restore(this.options(changes));
    return { ...restored, sql: this.reopened() };
  }

  /** A connection that ends with the test. */
  reopened(connection: object = {}): postgres.Sql {
    const sql = postgres(this.database.url, { max: 1, onnotice: () => undefined, connection });
    this.#opened.push(sql);
    return sql;
  }

  async close(): Promise<void> {
    for (const sql of this.#opened) await sql.end();
    await this.database.drop();
    const left = await this.databases();
    await administer(async (admin) => {
      for (const name of left) await admin`drop database ${admin(name)} with (force)`;
    });
  }
}

export async function administer<T>(work: (admin: postgres.Sql) => Promise<T>): Promise<T> {
  const admin = postgres(inject("adminUrl"), { max: 1, onnotice: () => undefined });
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** Every row of every table, as text. */
export async function contentsOf(sql: postgres.Sql): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of BACKED_UP_TABLES) {
    const rows = await sql<{ row: string }[]>`select t::text as row from ${sql(table)} t order by 1`;
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

async function fill({ sql }: TestDatabase, shop: Shop): Promise<void> {
  const notes = 'tab\t, \\. , line\n\\.\n, "quotes", ☕';
  const [first] = await shop.push("a", put("orders", "o1", order("o1", { notes })));
  await shop.push("a", put("orders", "o1", order("o1", { notes: "later" }), 2, at(first!)));
  await shop.push("b", put("transactions", "t1", transaction("t1")), put("orders", "o2", order("o2")));
  const [gone] = await shop.push("c", put("orders", "gone", order("gone")));
  await shop.push("c", remove("orders", "gone", 2, at(gone!)));
  // The second who claims a number: what was decided otherwise is remembered.
  await shop.push("b", put("orders", "o3", order("o3", { orderNumber: "N-o2" })));
  await sql`insert into audit_log (store_id, actor, action) values (${shop.storeId}, 'admin', 'test')`;
}

export function backUpShopForEachTest(opened: (here: BackedUpShop) => void): void {
  let directory: string;
  let here: BackedUpShop;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "tillwire-backup-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeEach(async () => {
    const database = await createTestDatabase();
    const shop = await openShop(database.sql);
    await fill(database, shop);
    here = new BackedUpShop(directory, database, shop);
    opened(here);
  });
  afterEach(() => here.close());
}
