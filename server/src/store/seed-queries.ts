/** What the seed's door asks of the database: a device's updates, records by name, the orders that a transaction may mean. */
import type { SeedCollection, UpdatedRecord } from "@tillwire/protocol/batch-api";
import type { Sql } from "postgres";
import { available } from "./guarded.ts";
import type { Stamp } from "./store.ts";

/** Where a device's updates begin. */
export type UpdatesStart =
  | { readonly kind: "cursor"; readonly cursor: number }
  /** Everything that was committed since, epoch ms. */
  | { readonly kind: "time"; readonly sinceMs: number }
  /**
   * The seed's `lastSyncTimestamp`: a changed value acknowledges the answer to the last one, the same value repeats it, null or a first
   * value starts from 0. The answer is kept with the device, in the same statement.
   */
  | { readonly kind: "timestamp"; readonly timestamp: number | null };

export interface UpdatesPage {
  readonly epoch: string;
  readonly head: number;
  readonly to: number;
  /** Of the change at `to`. */
  readonly stamp: Stamp;
  readonly records: UpdatedRecord[];
}

export interface RecordKey {
  readonly collection: SeedCollection;
  readonly localId: string;
}

/** An order that bears an id, or an id made of it. */
export interface OrderCandidate {
  readonly localId: string;
  readonly number: string | null;
  readonly createdBy: string;
  readonly seq: number;
}

export interface SeedQueries {
  /** Without what the device wrote itself, unless it was stored differently; at most `limit`, and UPDATES_BYTES. Null: no such device. */
  readUpdates(storeId: string, deviceId: string, start: UpdatesStart, limit: number): Promise<UpdatesPage | null>;
  /** In their order; as many as an answer has room for. */
  readRecords(storeId: string, keys: readonly RecordKey[]): Promise<UpdatedRecord[]>;
  /** Orders with one of the ids, or with an id that begins with one of the prefixes. */
  readOrders(storeId: string, ids: readonly string[], prefixes: readonly string[]): Promise<OrderCandidate[]>;
  /** The `orderId` of those transactions that the store has. */
  readOrderIds(storeId: string, transactionIds: readonly string[]): Promise<Map<string, string | null>>;
}

const RECORD_JSON = `json_build_object('collection', r.collection, 'localId', r.local_id, 'syncVersion', r.sync_version, 'hash', r.server_hash,
  'deleted', r.deleted, 'createdBy', r.created_by, 'updatedAt', (extract(epoch from r.updated_at) * 1000)::bigint, 'data', r.data)`;

/** Of an answer's records, in bytes; one record in any case. Those of existing devices take a few kilobytes each. */
export const UPDATES_BYTES = 4 * 1024 * 1024;

/** The first rows of `rows`, with columns `record` and `order`, that there is room for. */
const fitting = (rows: string, order: string): string => `
  select * from (
    select each.*, sum(octet_length(each.record::text)) over (order by each.${order}) - octet_length(each.record::text) as bytes_before from ${rows} each
  ) measured where bytes_before < ${UPDATES_BYTES}`;

/** $1 store, $2 device, $3 limit, then what `start` needs; `kept` may store the answer. */
function updatesSql(start: string, kept: string): string {
  return `
with start as (
  ${start}
), page as materialized (
  select r.seq, ${RECORD_JSON} as record
  from records r
  where r.store_id = $1 and r.collection in ('orders', 'transactions') and r.seq > (select seq from start)
    and not (r.device_id = $2 and r.sent_hash is null and r.sent_version is null)
  order by r.seq
  limit $3::int
), fit as (${fitting("page", "seq")}
), answer as (
  select s.epoch, s.head, start.seq as from_seq,
    case when (select count(*) from page) = $3::int or (select count(*) from fit) < (select count(*) from page)
      then (select max(seq) from fit) else greatest(s.head, start.seq) end as to_seq
  from start, stores s where s.id = $1
)${kept}
select a.epoch, a.head, a.to_seq as "to", stamp_at($1, a.to_seq) as stamp, coalesce((select json_agg(f.record order by f.seq) from fit f), '[]'::json) as records
from answer a`;
}

const FROM_CURSOR = updatesSql("select $4::bigint as seq", "");

// Commits are in order of time, so the walk down from the head is as long as what it skips; a re-offer bears its original time.
const FROM_TIME = updatesSql(
  `select coalesce((
    select r.seq from records r
    where r.store_id = $1 and r.updated_at < to_timestamp($4::bigint / 1000.0) and not r.reoffered order by r.seq desc limit 1), 0) as seq`,
  "",
);

const FROM_TIMESTAMP = updatesSql(
  `select case
    when $4::bigint is null or d.sync_answer_to is null then 0
    when d.sync_timestamp is not distinct from $4::bigint then d.sync_answer_from
    else d.sync_answer_to end as seq
  from devices d where d.store_id = $1 and d.id = $2 for update`,
  `, kept as (
  update devices d set sync_timestamp = $4::bigint, sync_answer_from = a.from_seq, sync_answer_to = a.to_seq
  from answer a where d.store_id = $1 and d.id = $2
)`,
);

export function createSeedQueries(sql: Sql): SeedQueries {
  return {
    readUpdates: (storeId, deviceId, start, limit) =>
      available(() => readUpdates(sql, storeId, deviceId, start, limit)),
    readRecords: (storeId, keys) =>
      available(async () => {
        if (keys.length === 0) return [];
        const rows = await sql.unsafe<{ record: UpdatedRecord }[]>(
          `with named as materialized (
            select k.place, ${RECORD_JSON} as record
            from json_array_elements($2::text::json) with ordinality as k(key, place)
            join records r on r.store_id = $1 and r.collection = k.key ->> 'collection' and r.local_id = k.key ->> 'localId'
          ) select record from (${fitting("named", "place")}) fit order by place`,
          [storeId, JSON.stringify(keys)],
          { prepare: true },
        );
        return rows.map(({ record }) => record);
      }),
    readOrders: (storeId, ids, prefixes) =>
      available(async () => {
        // A text that begins with `p.` lies between `p.` and `p/`: the columns sort by bytes.
        const rows = await sql<{ localId: string; number: string | null; createdBy: string; seq: string }[]>`
          select r.local_id as "localId", r.unique_key as number, r.created_by as "createdBy", r.seq
          from records r where r.store_id = ${storeId} and r.collection = 'orders' and r.local_id = any(${ids as string[]})
          union
          select r.local_id, r.unique_key, r.created_by, r.seq
          from unnest(${prefixes as string[]}::text[]) as p
          join records r on r.store_id = ${storeId} and r.collection = 'orders' and r.local_id >= p || '.' and r.local_id < p || '/'`;
        return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
      }),
    readOrderIds: (storeId, transactionIds) =>
      available(async () => {
        const rows = await sql<{ localId: string; orderId: string | null }[]>`
          select local_id as "localId", data ->> 'orderId' as "orderId"
          from records where store_id = ${storeId} and collection = 'transactions' and local_id = any(${transactionIds as string[]})`;
        return new Map(rows.map(({ localId, orderId }) => [localId, orderId]));
      }),
  };
}

async function readUpdates(
  sql: Sql,
  storeId: string,
  deviceId: string,
  start: UpdatesStart,
  limit: number,
): Promise<UpdatesPage | null> {
  const [statement, value] = statementOf(start);
  const rows = await sql.unsafe<{ epoch: string; head: string; to: string; stamp: Stamp; records: UpdatedRecord[] }[]>(
    statement,
    [storeId, deviceId, limit, value],
    { prepare: true },
  );
  const row = rows[0];
  return row ? { ...row, head: Number(row.head), to: Number(row.to) } : null;
}

function statementOf(start: UpdatesStart): [string, number | null] {
  switch (start.kind) {
    case "cursor":
      return [FROM_CURSOR, start.cursor];
    case "time":
      return [FROM_TIME, start.sinceMs];
    case "timestamp":
      return [FROM_TIMESTAMP, start.timestamp];
  }
}
