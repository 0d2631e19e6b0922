/** Versions of one record: the current one and those that it superseded. */
import type { Sql } from "postgres";
import { encodeChange } from "./change-json.ts";
import { available } from "./guarded.ts";
import type { EncodedChange } from "./store.ts";

export interface HistoryQuery {
  readonly storeId: string;
  readonly collection: string;
  readonly localId: string;
  /** Exclusive syncVersion; null: from the current one. */
  readonly before: number | null;
  readonly limit: number;
  /** Of all versions of the page together; the first one is given whatever its size. */
  readonly maxBytes: number;
}

export interface HistoryPage {
  /** As they once stood in the feed, latest first. */
  readonly versions: readonly EncodedChange[];
  /** syncVersion to ask for as `before` next; null: nothing older. */
  readonly nextBefore: number | null;
}

export interface HistoryStore {
  /** One statement, hence one snapshot. Null: no such record. */
  read(query: HistoryQuery): Promise<HistoryPage | null>;
}

interface VersionRow {
  seq: string;
  sync_version: number;
  server_hash: string;
  deleted: boolean;
  device_id: string;
  created_by: string;
  /** Epoch ms; as a number, since re-offers may name times that a Date does not read. */
  updated_ms: string;
  data_json: string | null;
}

export function createHistoryStore(sql: Sql): HistoryStore {
  return { read: (query) => available(() => read(sql, query)) };
}

async function read(sql: Sql, query: HistoryQuery): Promise<HistoryPage | null> {
  const { storeId, collection, localId, before, limit, maxBytes } = query;
  // One more than wanted tells whether there is more. The first line stands for the record itself, so that an empty page differs from none.
  const rows = await sql<(VersionRow | { seq: null })[]>`
    with versions as materialized (
      (select seq, sync_version, server_hash, deleted, device_id, created_by, updated_at, data from records
        where store_id = ${storeId} and collection = ${collection} and local_id = ${localId}
          and (${before}::bigint is null or sync_version < ${before}::bigint))
      union all
      (select seq, sync_version, server_hash, deleted, device_id, created_by, updated_at, data from record_history
        where store_id = ${storeId} and collection = ${collection} and local_id = ${localId}
          and (${before}::bigint is null or sync_version < ${before}::bigint)
        order by sync_version desc limit ${limit + 1})
      order by sync_version desc limit ${limit + 1}
    ), measured as (
      select v.*, data::text as data_json, sum(coalesce(octet_length(data::text), 0)) over (order by sync_version desc) as bytes from versions v
    ), kept as (
      select * from measured where bytes - coalesce(octet_length(data_json), 0) < ${maxBytes}
    )
    select k.seq, k.sync_version, k.server_hash, k.deleted, k.device_id, k.created_by, (extract(epoch from k.updated_at) * 1000)::bigint as updated_ms, k.data_json,
      (select count(*)::int from versions) as found
    from records r left join kept k on true
    where r.store_id = ${storeId} and r.collection = ${collection} and r.local_id = ${localId}
    order by k.sync_version desc`;
  if (rows.length === 0) return null;
  const found = (rows[0] as unknown as { found: number }).found;
  const kept = rows.filter((row): row is VersionRow => row.seq !== null).slice(0, limit);
  const versions = kept.map((row) =>
    encodeChange(
      {
        collection,
        localId,
        syncVersion: row.sync_version,
        hash: row.server_hash,
        deleted: row.deleted,
        deviceId: row.device_id,
        createdBy: row.created_by,
        dataJson: row.data_json,
      },
      { seq: Number(row.seq), updatedAt: Number(row.updated_ms) },
    ),
  );
  return { versions, nextBefore: kept.length < found ? kept.at(-1)!.sync_version : null };
}
