/** Conflicts of a shop on a test database: its policies, what its inbox holds, and writes that settle. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { ConflictPolicy, Write } from "@tillwire/protocol/messages";
import type { Sql } from "postgres";
import { expect } from "vitest";
import type { Shop } from "./shop-fixture.ts";

/** Sets the shop's policy for a collection, as an administrator would. */
export async function setPolicy(
  sql: Sql,
  shop: Shop,
  policy: ConflictPolicy | null,
  collection = "orders",
): Promise<void> {
  await sql`select set_policies(${shop.storeId}, ${JSON.stringify({ [collection]: policy })}::text::json, 'admin')`;
}

/** The shop's conflicts as they stand, oldest first. */
export async function conflictsOf(sql: Sql, shop: Shop): Promise<ConflictData[]> {
  const rows = await sql<{ data: ConflictData }[]>`
    select data from records where store_id = ${shop.storeId} and collection = 'conflicts' order by data -> 'createdAt', seq`;
  return rows.map(({ data }) => data);
}

interface StoredRow {
  readonly version: number;
  readonly deleted: boolean;
  readonly data: any;
}

export async function recordOf(sql: Sql, shop: Shop, collection: string, localId: string): Promise<StoredRow | null> {
  const [row] = await sql<StoredRow[]>`select sync_version as version, deleted, data from records
    where store_id = ${shop.storeId} and collection = ${collection} and local_id = ${localId}`;
  return row ?? null;
}

/** The write, as one that settles the conflict. */
export function settling(conflictId: string, write: Write): Write {
  return { ...write, resolves: conflictId };
}

/** A device has at most one open conflict of a record. */
export async function expectOneOpenConflictEach(sql: Sql, shop: Shop): Promise<void> {
  const open = (await conflictsOf(sql, shop)).filter(({ status }) => status === "open");
  const keys = open.map(({ collection, recordId, client }) => `${collection}|${recordId}|${client.deviceId}`);
  expect(new Set(keys).size).toBe(keys.length);
}
