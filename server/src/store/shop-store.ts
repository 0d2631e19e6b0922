/** Stores (shops) as such, and the server's own settings. */
import type { Sql } from "postgres";
import { available } from "./guarded.ts";

export interface Shop {
  readonly storeId: string;
  readonly name: string;
}

export interface ShopStore {
  create(shop: Shop, epoch: string): Promise<void>;
  /** Oldest first. */
  list(): Promise<Shop[]>;
  readSetting(key: string): Promise<string | null>;
  /** Sets it unless it is set; returns what stands. */
  keepSetting(key: string, value: string): Promise<string>;
  /** Replaces `expected`; false if it was another. */
  swapSetting(key: string, expected: string, value: string): Promise<boolean>;
  /** Identity of the database's files and of their history: differs after a restore. Null: this role may not know. */
  readDatabaseIdentity(): Promise<string | null>;
  /** Conflict records, latest first, with a seq below `before`. */
  listConflicts(
    storeId: string,
    before: number | null,
    limit: number,
  ): Promise<{ seq: number; updatedAt: number; data: object }[]>;
}

export function createShopStore(sql: Sql): ShopStore {
  return {
    create: ({ storeId, name }, epoch) =>
      available(async () => {
        await sql`insert into stores (id, name, epoch) values (${storeId}, ${name}, ${epoch})`;
      }),
    list: () =>
      available(async () => [...(await sql<Shop[]>`select id as "storeId", name from stores order by created_at, id`)]),
    readSetting: (key) =>
      available(async () => {
        const rows = await sql<{ value: string }[]>`select value from settings where key = ${key}`;
        return rows[0]?.value ?? null;
      }),
    keepSetting: (key, value) =>
      available(async () => {
        // The update without effect makes the statement return the row that stands.
        const rows = await sql<{ value: string }[]>`
          insert into settings as s (key, value) values (${key}, ${value})
          on conflict (key) do update set value = s.value returning value`;
        return rows[0]!.value;
      }),
    swapSetting: (key, expected, value) =>
      available(async () => {
        const rows =
          await sql`update settings set value = ${value} where key = ${key} and value = ${expected} returning key`;
        return rows.length > 0;
      }),
    readDatabaseIdentity: () =>
      available(async () => {
        // The timeline as the log has it: the control file tells of a new one only after its first checkpoint.
        const rows = await sql<{ identity: string | null }[]>`
          select case when has_function_privilege('pg_control_system()', 'execute')
            then (select system_identifier from pg_control_system()) || ':' ||
              ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as identity`;
        return rows[0]!.identity;
      }),
    listConflicts: (storeId, before, limit) =>
      available(async () => {
        const rows = await sql<{ seq: string; updated_at: Date; data: object }[]>`
          select seq, updated_at, data from records
          where store_id = ${storeId} and collection = 'conflicts' and not deleted and (${before}::bigint is null or seq < ${before}::bigint)
          order by seq desc limit ${limit}`;
        return rows.map((row) => ({ seq: Number(row.seq), updatedAt: row.updated_at.getTime(), data: row.data }));
      }),
  };
}
