/**
 * Databases that take each other's names. What is in force is what bears the name that the settings give; next to it there may be
 * `<name>_restoring_<time>`, half made, and `<name>_before_<time>`, what was in force before a restore. Renaming is transactional, so
 * nobody ever finds no database, or a wrong one, under the name.
 */
import type { Sql } from "postgres";
import { BackupError } from "./backup-error.ts";
import { connect, type DatabaseAddress } from "./connect.ts";

/** Held in the maintenance database, with the name: one restore of a database at a time. */
const RESTORING = 7_451_895;
/** PostgreSQL's names are at most 63 bytes long; the endings take 28. */
const LONGEST_NAME = 35;
const IS_BEING_ACCESSED = "55006";
const EXTERNAL_WAY = 'server/README.md, "Backup and restore", describes the way by pg_restore.';

export interface FormerDatabase {
  readonly name: string;
  readonly bytes: number;
}

export class DatabaseSwap {
  readonly #address: DatabaseAddress;
  readonly #sql: Sql;
  /** The database in force. */
  readonly #name: string;

  private constructor(address: DatabaseAddress, sql: Sql, name: string) {
    this.#address = address;
    this.#sql = sql;
    this.#name = name;
  }

  /** @throws BackupError RESTORE_NOT_PERMITTED, DATABASE_IN_USE while another restore is under way */
  static async open(address: DatabaseAddress): Promise<DatabaseSwap> {
    const named = connect(address);
    const name = String(named.options.database);
    await named.end();
    if (Buffer.byteLength(name) > LONGEST_NAME)
      throw new BackupError("RESTORE_NOT_PERMITTED", `The database's name is too long for this. ${EXTERNAL_WAY}`);
    const sql = connect(address, name === "postgres" ? "template1" : "postgres");
    const swap = new DatabaseSwap(address, sql, name);
    try {
      await swap.#checkRights();
      const [lock] = await sql<
        { free: boolean }[]
      >`select pg_try_advisory_lock(${RESTORING}, hashtext(${name})) as free`;
      if (!lock!.free) throw new BackupError("DATABASE_IN_USE", "Another restore is under way.");
      return swap;
    } catch (error) {
      await swap.close();
      throw error;
    }
  }

  /** @throws BackupError DATABASE_IN_USE */
  async refuseIfInUse(): Promise<void> {
    const users = await this.#sql<{ name: string | null }[]>`
      select distinct application_name as name from pg_stat_activity
      where datname = ${this.#name} and coalesce(backend_type, 'client backend') = 'client backend'`;
    if (users.length > 0) throw inUse(users.map(({ name }) => name ?? ""));
  }

  /** An empty database. What restores that were ended on the way have left is removed. */
  async createDraft(stamp: string): Promise<string> {
    const sql = this.#sql;
    for (const name of await this.#namesWith("_restoring_")) await this.drop(name);
    const draft = `${this.#name}_restoring_${stamp}`;
    await sql`create database ${sql(draft)} template template0 encoding 'UTF8'`;
    return draft;
  }

  async drop(name: string): Promise<void> {
    await this.#sql`drop database if exists ${this.#sql(name)} with (force)`;
  }

  /**
   * Gives `successor` the name of the database in force.
   * @returns the name that the former one bears now; null: it was empty, and is gone
   * @throws BackupError DATABASE_IN_USE
   */
  async putInForce(successor: string, stamp: string): Promise<string | null> {
    await this.refuseIfInUse();
    const exists = (await this.#sql`select from pg_database where datname = ${this.#name}`).length > 0;
    const isEmpty = exists && (await this.#isEmpty());
    const former = exists ? `${this.#name}_before_${stamp}` : null;
    try {
      await this.#sql.begin(async (tx) => {
        if (former !== null) await tx`alter database ${tx(this.#name)} rename to ${tx(former)}`;
        await tx`alter database ${tx(successor)} rename to ${tx(this.#name)}`;
      });
    } catch (error) {
      throw (error as { code?: string }).code === IS_BEING_ACCESSED ? inUse([]) : error;
    }
    if (former === null || !isEmpty) return former;
    await this.drop(former);
    return null;
  }

  /** Databases that were in force before a restore, latest first. */
  async listFormer(): Promise<FormerDatabase[]> {
    const names = await this.#namesWith("_before_");
    const rows = await this.#sql<{ name: string; bytes: string }[]>`
      select datname as name, pg_database_size(datname) as bytes from pg_database where datname in ${this.#sql(["", ...names])}`;
    return rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) })).sort((a, b) => (a.name < b.name ? 1 : -1));
  }

  /** @throws BackupError NO_FORMER_DATABASE */
  async checkFormer(name: string): Promise<void> {
    if (!(await this.#namesWith("_before_")).includes(name))
      throw new BackupError("NO_FORMER_DATABASE", `There is no former database ${name}.`);
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 5 });
  }

  async #namesWith(ending: string): Promise<string[]> {
    const start = this.#name + ending;
    const rows = await this.#sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${start}) order by datname`;
    return rows.map(({ name }) => name);
  }

  async #isEmpty(): Promise<boolean> {
    const sql = connect(this.#address);
    try {
      return (await sql`select from pg_class where relnamespace = current_schema()::regnamespace limit 1`).length === 0;
    } finally {
      await sql.end();
    }
  }

  async #checkRights(): Promise<void> {
    const [may] = await this.#sql<{ all: boolean }[]>`
      select rolsuper or (rolcreatedb and not exists (
        select from pg_database d where d.datname = ${this.#name} and not pg_has_role(d.datdba, 'usage'))) as all
      from pg_roles where rolname = current_user`;
    if (may?.all) return;
    const why = "The database's role may not create and rename databases.";
    throw new BackupError("RESTORE_NOT_PERMITTED", `${why} ${EXTERNAL_WAY}`);
  }
}

function inUse(users: readonly string[]): BackupError {
  if (users.includes("tillwire"))
    return new BackupError("DATABASE_IN_USE", "A server uses the database. Stop it (all of them) and try again.");
  const named = users.filter((name) => name !== "");
  const who = named.length > 0 ? ` (${named.join(", ")})` : "";
  return new BackupError("DATABASE_IN_USE", `Somebody is connected to the database${who}. End that and try again.`);
}
