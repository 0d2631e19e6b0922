/** Conflicts of a shop on a test database: its policies, what its inbox holds, and writes that settle. */
import type { ConflictData } from "@tillwire/protocol/conflicts";
import type { Base, ConflictPolicy, Result, Write } from "@tillwire/protocol/messages";
import type { Order } from "@tillwire/protocol/pos/orders";
import type { Sql } from "postgres";
import { expect } from "vitest";
import { at, NEW, order, put, type Shop } from "./shop-fixture.ts";

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

/** An order whose notes say who wrote it. */
export function edit(notes: string, version: number, base: Base | null, id = "o1"): Write {
  return put("orders", id, order(id, { notes }), version, base);
}

export interface Clash {
  /** Where both edits were made on. */
  readonly first: Base;
  /** The server's value: a's edit. */
  readonly current: Base;
  /** b's edit, which lost. */
  readonly write: Write;
  readonly lost: Result;
  readonly id: string;
}

/** a and b both edit o1; b's edit comes second. */
export async function clash(
  shop: Shop,
  a: Partial<Order> = { notes: "a" },
  b: Partial<Order> = { notes: "b" },
): Promise<Clash> {
  const first = at((await shop.push("a", edit("first", 1, NEW)))[0]!);
  const current = at((await shop.push("a", put("orders", "o1", order("o1", a), 2, first)))[0]!);
  const write = put("orders", "o1", order("o1", b), 2, first);
  const [lost] = await shop.push("b", write);
  return { first, current, write, lost: lost!, id: lost!.conflict!.id };
}
