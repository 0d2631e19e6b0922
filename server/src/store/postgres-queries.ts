/** The longer statements of the PostgreSQL store, as text. */

/**
 * A page of the feed with its head and digests: one statement, hence one snapshot. $1 store, $2 from (exclusive), $3 collections or null,
 * $4 most changes, $5 most bytes (at least one change). The changes come as one text, a line each: `seq collection json`; JSON text
 * holds no line feed.
 */
export const FEED_SQL = `
with page as materialized (
  select r.seq, r.seq || ' ' || r.collection || ' {"seq":' || r.seq || ',"collection":"' || r.collection || '","localId":"' || r.local_id
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
select s.epoch, s.head,
  (select json_object_agg(c.collection, json_build_object('count', c.count, 'digest', c.digest::text)) from store_collections c where c.store_id = $1) as digests,
  (select string_agg(line, E'\\n' order by seq) from kept) as lines,
  (select count(*)::int from page) as fetched,
  (select count(*)::int from kept) as kept
from stores s where s.id = $1`;

const VERSION_JSON = (row: string): string => `
  'seq', ${row}.seq, 'syncVersion', ${row}.sync_version, 'hash', ${row}.server_hash, 'sentVersion', ${row}.sent_version, 'sentHash', ${row}.sent_hash,
  'base', case when ${row}.base_version is null then null else json_build_object('version', ${row}.base_version, 'hash', ${row}.base_hash) end,
  'uniqueKey', ${row}.unique_key, 'createdBy', ${row}.created_by, 'deviceId', ${row}.device_id, 'deleted', ${row}.deleted, 'reoffered', ${row}.reoffered,
  'updatedAt', (extract(epoch from ${row}.updated_at) * 1000)::bigint`;

/** Everything that deciding about writes may need, in one statement. $1 store, $2 the questions as a JSON text (see readContexts). */
export const CONTEXT_SQL = `
select q.idx, json_build_object(
  'current', (
    select json_build_object(${VERSION_JSON("r")}, 'data', r.data)
    from records r where r.store_id = $1 and r.collection = q.collection and r.local_id = q.local_id),
  'history', coalesce((
    select json_agg(json_build_object(${VERSION_JSON("h")}) order by h.seq desc)
    from record_history h where h.store_id = $1 and h.collection = q.collection and h.local_id = q.local_id), '[]'::json),
  'lastData', (
    select h.data from record_history h join records r using (store_id, collection, local_id)
    where h.store_id = $1 and h.collection = q.collection and h.local_id = q.local_id and r.deleted and not h.deleted order by h.seq desc limit 1),
  'baseData', (
    select b.data from (
      select h.data, 1 as rank from record_history h
      where h.store_id = $1 and h.collection = q.collection and h.local_id = q.local_id and h.sync_version = q.base_version and h.server_hash = q.base_hash
      union all
      select m.data, 2 from decided_writes m
      where m.store_id = $1 and m.collection = q.collection and m.local_id = q.local_id and m.sync_version = q.base_version and m.hash = q.base_hash
        and m.data is not null
    ) b order by b.rank limit 1),
  'decided', (
    select json_build_object('outcome', m.outcome, 'conflict', m.conflict) from decided_writes m
    where m.store_id = $1 and m.collection = q.collection and m.local_id = q.local_id and m.device_id = q.device_id
      and m.sync_version = q.sync_version and m.hash = q.hash and m.base = q.base),
  'number', json_build_object(
    'taken', exists (
      select 1 from records n where n.store_id = $1 and n.collection = q.collection and n.unique_key = q.number and n.local_id <> q.local_id),
    'highestAmendment', coalesce((
      select max(substr(n.unique_key, length(q.amendment_prefix) + 2)::int) from records n
      where n.store_id = $1 and n.collection = q.collection and n.unique_key >= q.amendment_prefix || '-' and n.unique_key < q.amendment_prefix || '.'
        and substr(n.unique_key, length(q.amendment_prefix) + 2) ~ '^[1-9][0-9]{0,7}$'), 1)),
  'epochSeq', s.epoch_seq,
  'epochReoffer', s.reoffer
) as context
from stores s, json_to_recordset($2::text::json) as q(
  idx integer, collection text, local_id text, device_id text, sync_version integer, hash text, base text, base_version integer, base_hash text,
  number text, amendment_prefix text)
where s.id = $1`;
