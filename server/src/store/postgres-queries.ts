/** The longer statements of the PostgreSQL store, as text. */

/**
 * A page of the feed with its head and digests: one statement, hence one snapshot. $1 store, $2 from (exclusive), $3 collections or null,
 * $4 most changes, $5 most bytes (at least one change). The changes come as one text, a line each: `seq collection stamp json`, a stamp
 * of none being empty; JSON text holds no line feed.
 */
export const FEED_SQL = `
with page as materialized (
  select r.seq, r.seq || ' ' || r.collection || ' ' || coalesce(r.stamp, '') || ' {"seq":' || r.seq || ',"collection":"' || r.collection || '","localId":"' || r.local_id
    || '","syncVersion":' || r.sync_version || ',"hash":"' || r.server_hash || '","deleted":' || r.deleted::text
    || ',"deviceId":"' || r.device_id || '","createdBy":"' || r.created_by
    || '","updatedAt":' || (extract(epoch from r.updated_at) * 1000)::bigint || ',"data":' || coalesce(r.data::text, 'null') || '}' as line
  from records r
  where r.store_id = $1 and r.seq > $2::bigint and ($3::text[] is null or r.collection = any($3::text[]))
  order by r.seq
  limit $4::int
), measured as (
  select seq, line, sum(octet_length(line)) over (order by seq) - octet_length(line) as bytes_before from page
), kept as (
  select seq, line from measured where bytes_before < $5::bigint
)
select s.epoch, s.head, s.stamp, stamp_at($1, $2::bigint) as from_stamp,
  (select json_object_agg(c.collection, json_build_object('count', c.count, 'digest', c.digest::text)) from store_collections c where c.store_id = $1) as digests,
  (select string_agg(line, E'\\n' order by seq) from kept) as lines,
  (select count(*)::int from page) as fetched,
  (select count(*)::int from kept) as kept
from stores s where s.id = $1`;

/** What deciding must know. $1 store, $2 questions as JSON, $3 most bytes (at least one answer). */
export const CONTEXTS_SQL = `
select idx, context
from (
  select idx, context, sum(octet_length(context::text)) over (order by idx) - octet_length(context::text) as bytes_before
  from read_contexts($1, $2::text::json)
) answers
where bytes_before < $3::bigint`;
