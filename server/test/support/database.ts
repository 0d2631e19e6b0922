/** A migrated, empty database for one test file, cloned from the template that postgres-setup.ts made. */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** The database `postgres` or its like: from here test databases are made. */
    adminUrl: string;
    templateDatabase: string;
  }
}

export interface TestDatabase {
  readonly url: string;
  /** A few connections for the test itself. */
  readonly sql: postgres.Sql;
  /** Closes `sql`, cuts every other connection, removes the database. */
  drop(): Promise<void>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `tillwire_${randomBytes(6).toString("hex")}`;
  const adminUrl = inject("adminUrl");
  await administer(
    adminUrl,
    (admin) => admin`create database ${admin(name)} template ${admin(inject("templateDatabase"))}`,
  );
  const url = new URL(adminUrl);
  url.pathname = name;
  const sql = postgres(url.href, { max: 4, onnotice: () => undefined });
  return {
    url: url.href,
    sql,
    drop: async () => {
      await sql.end({ timeout: 1 });
      await administer(adminUrl, (admin) => admin`drop database if exists ${admin(name)} with (force)`);
    },
  };
}

async function administer(url: string, work: (admin: postgres.Sql) => Promise<unknown>): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}
