/**
 * Lists of conflicts, for people. A page looks at no more than SCANNED conflicts, latest first, by an index of their own: filters and search
 * cost the same in a shop of any size, and where they find little the page ends early and says where to go on.
 */
import type { Sql } from "postgres";
import { available } from "./guarded.ts";

/** null: any. */
export interface ConflictFilter {
  readonly status: "open" | "settled" | null;
  readonly collection: string | null;
  readonly recordId: string | null;
  /** Of either side, or of who settled it. */
  readonly deviceId: string | null;
  readonly kind: string | null;
  readonly policy: string | null;
  /** Text that the record's id or any text or number of either side contains, in capitals or not. */
  readonly text: string | null;
}

export interface ConflictPage {
  readonly conflicts: readonly { readonly seq: number; readonly updatedAt: number; readonly data: object }[];
  /** null: nothing older fits. */
  readonly nextBefore: number | null;
}

export interface ConflictQueries {
  /** Latest first, with a seq below `before`. */
  list(storeId: string, filter: ConflictFilter, before: number | null, limit: number): Promise<ConflictPage>;
  /** Of the whole shop. */
  count(storeId: string): Promise<{ open: number; settled: number }>;
}

const SCANNED = 2_000;
/** As stored, hence packed. */
const SCANNED_BYTES = 16 * 1024 * 1024;
/** Of the data of one page; the first conflict is given whatever its size. */
const PAGE_BYTES = 1024 * 1024;

export function createConflictQueries(sql: Sql): ConflictQueries {
  return {
    list: (storeId, filter, before, limit) => available(() => list(sql, storeId, filter, before, limit)),
    count: (storeId) =>
      available(async () => {
        // Open ones are found by their unique_key; conflicts are never deleted, so that the rest is settled.
        const rows = await sql<{ open: number; total: string | null }[]>`
          select
            (select count(*)::int from records where store_id = ${storeId} and collection = 'conflicts' and unique_key is not null) as open,
            (select count from store_collections where store_id = ${storeId} and collection = 'conflicts') as total`;
        const { open, total } = rows[0]!;
        return { open, settled: Math.max(0, Number(total ?? 0) - open) };
      }),
  };
}

interface PageRow {
  conflicts: { seq: number; updatedAt: number; data: object }[] | null;
  matched: number;
  stopped_at: string | null;
}

async function list(
  sql: Sql,
  storeId: string,
  filter: ConflictFilter,
  before: number | null,
  limit: number,
): Promise<ConflictPage> {
  const { status, recordId } = filter;
  const key =
    status === null ? sql`` : status === "open" ? sql`and unique_key is not null` : sql`and unique_key is null`;
  const rows = await sql<PageRow[]>`
    with latest as materialized (
      select seq, updated_at, data from records
      where store_id = ${storeId} and collection = 'conflicts' ${key}
        ${recordId === null ? sql`` : sql`and data ->> 'recordId' = ${recordId}`}
        ${before === null ? sql`` : sql`and seq < ${before}`}
      order by seq desc limit ${SCANNED}
    ), weighed as (
      select l.*, sum(pg_column_size(data)) over (order by seq desc) as bytes from latest l
    ), scanned as materialized (
      select seq, updated_at, data, bytes from weighed where bytes - pg_column_size(data) < ${SCANNED_BYTES}
    ), matching as materialized (
      select seq, updated_at, data from scanned
      where ${matches(sql, filter)}
      order by seq desc limit ${limit}
    ), measured as (
      select m.*, sum(octet_length(data::text)) over (order by seq desc) - octet_length(data::text) as bytes_before from matching m
    )
    select
      (select json_agg(json_build_object('seq', seq, 'updatedAt', (extract(epoch from updated_at) * 1000)::bigint, 'data', data) order by seq desc)
        from measured where bytes_before < ${PAGE_BYTES}) as conflicts,
      (select count(*)::int from matching) as matched,
      case when (select count(*) from matching) < ${limit} then
        (select min(seq) from scanned having count(*) = ${SCANNED} or max(bytes) >= ${SCANNED_BYTES}) end as stopped_at`;
  const { conflicts: found, matched, stopped_at } = rows[0]!;
  const conflicts = found ?? [];
  const isCut = matched === limit || conflicts.length < matched;
  const nextBefore = isCut ? conflicts.at(-1)!.seq : stopped_at === null ? null : Number(stopped_at);
  return { conflicts, nextBefore };
}

function matches(sql: Sql, { collection, deviceId, kind, policy, text }: ConflictFilter) {
  const pattern = text === null ? null : `%${text.replace(/[\\%_]/g, "\\$&")}%`;
  return sql`
    (${collection}::text is null or data ->> 'collection' = ${collection})
    and (${kind}::text is null or data ->> 'kind' = ${kind})
    and (${policy}::text is null or data ->> 'policy' = ${policy})
    and (${deviceId}::text is null or ${deviceId} in (data -> 'client' ->> 'deviceId', data -> 'server' ->> 'deviceId', data ->> 'settledBy'))
    and (${pattern}::text is null or data ->> 'recordId' ilike ${pattern} or exists (
      select 1 from jsonb_path_query(jsonb_build_array(data #> '{client,data}', data #> '{server,data}'), 'strict $.**') as v
      where jsonb_typeof(v) in ('string', 'number') and v #>> '{}' ilike ${pattern}))`;
}
