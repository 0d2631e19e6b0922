/** Stores (shops) as such, and the server's own settings. */
import type { ConflictPolicy } from "@tillwire/protocol/messages";
import type { Sql } from "postgres";
import { available } from "./guarded.ts";

export interface Shop {
  readonly storeId: string;
  readonly name: string;
}

export interface ShopStore {
  /** Changes nothing of one that is there. */
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
  /** The policies that the shop has set for itself, by collection, and how often it changed them. */
  readPolicies(storeId: string): Promise<ShopPolicies>;
  /** By collection; null: as declared again. Audited. Returns what changed. */
  setPolicies(storeId: string, policies: PolicySettings, actor: string): Promise<PolicyChanges>;
}

export type PolicySettings = Readonly<Record<string, ConflictPolicy | null>>;
export type PolicyChanges = Readonly<
  Record<string, { readonly from: ConflictPolicy | null; readonly to: ConflictPolicy | null }>
>;

export interface ShopPolicies {
  readonly set: ReadonlyMap<string, ConflictPolicy>;
  readonly version: number;
}

export function createShopStore(sql: Sql): ShopStore {
  return {
    create: ({ storeId, name }, epoch) =>
      available(async () => {
        await sql`insert into stores (id, name, epoch) values (${storeId}, ${name}, ${epoch}) on conflict (id) do nothing`;
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
    readPolicies: (storeId) =>
      available(async () => {
        const rows = await sql<{ policy_version: string; policies: Record<string, ConflictPolicy> | null }[]>`
          select s.policy_version,
            (select json_object_agg(c.collection, c.policy) from store_collections c where c.store_id = s.id and c.policy is not null) as policies
          from stores s where s.id = ${storeId}`;
        const { policy_version, policies } = rows[0]!;
        return { set: new Map(Object.entries(policies ?? {})), version: Number(policy_version) };
      }),
    setPolicies: (storeId, policies, actor) =>
      available(async () => {
        const rows = await sql<{ changed: PolicyChanges }[]>`
          select set_policies(${storeId}, ${JSON.stringify(policies)}::text::json, ${actor}) as changed`;
        return rows[0]!.changed;
      }),
  };
}
