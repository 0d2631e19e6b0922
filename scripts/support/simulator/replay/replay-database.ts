/** A real PostgreSQL to replay on: its clock shows what the replay says, copies of its rows are kept and put in their place. */
import postgres from "postgres";

/** Found before PostgreSQL's own of the same names, by statements and functions alike. */
const CLOCK = `
create schema if not exists virtual;
create or replace function virtual.clock_timestamp() returns timestamptz language sql stable as
  $$ select 'epoch'::timestamptz + current_setting('virtual.ms')::bigint * interval '1 millisecond' $$;
create or replace function virtual.now() returns timestamptz language sql stable as $$ select virtual.clock_timestamp() $$`;

/** What rows are kept of; the first one is what the others refer to. The audit trail is asked for by nobody here. */
const TABLES = [
  ...["stores", "store_collections", "devices", "enrolments", "settings"],
  ...["records", "record_history", "decided_writes"],
];

export class ReplayDatabase {
  readonly #copies = new Map<object, string>();
  #clockMs = 0;

  /** @param sql one connection: statements are carried out in the order in which they were asked for, also unawaited */
  private constructor(readonly sql: postgres.Sql) {}

  /** @param url of a migrated database that nobody else uses */
  static async open(url: string): Promise<ReplayDatabase> {
    // Nothing here needs to outlive a crash.
    const connection = { search_path: "virtual, pg_catalog, public", synchronous_commit: "off" };
    const sql = postgres(url, { max: 1, onnotice: () => undefined, connection });
    await sql.unsafe(CLOCK);
    return new ReplayDatabase(sql);
  }

  /** As it was when it was made. */
  async empty(): Promise<void> {
    for (const copy of this.#copies.values()) await this.sql`drop schema ${this.sql(copy)} cascade`;
    this.#copies.clear();
    await this.#truncate();
  }

  /** What is asked for from here on sees this time (epoch ms). */
  setClock(ms: number): void {
    if (ms === this.#clockMs) return;
    this.#clockMs = ms;
    // A failure shows in whatever is asked next.
    this.sql`select set_config('virtual.ms', ${String(ms)}, false)`.catch(() => undefined);
  }

  async keep(copy: object): Promise<void> {
    const name = `copy_${this.#copies.size}`;
    this.#copies.set(copy, name);
    const tables = TABLES.map((table) => `create table ${name}.${table} as table public.${table};`);
    await this.sql.unsafe(`create schema ${name}; ${tables.join(" ")}`);
  }

  /** The copy stays, and may be put in place once more. */
  async restore(copy: object): Promise<void> {
    const name = this.#copies.get(copy)!;
    await this.#truncate();
    for (const table of TABLES) await this.sql.unsafe(`insert into public.${table} select * from ${name}.${table}`);
  }

  async close(): Promise<void> {
    await this.sql.end({ timeout: 1 });
  }

  async #truncate(): Promise<void> {
    await this.sql.unsafe(`truncate ${TABLES.map((table) => `public.${table}`).join(", ")} cascade`);
  }
}
