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

/**
 * Everything that deciding about writes may need, in one statement. $1 store, $2 the questions as a JSON text (see readContexts).
 * Why `between` and `order by` where `=` would do: see commit_writes. Conflicts have an index of their own besides, which must not serve here.
 */
export const CONTEXT_SQL = `
select q.idx, json_build_object(
  'current', case when r.seq is not null then json_build_object(${VERSION_JSON("r")}, 'data', r.data) end,
  'history', coalesce((
    select json_agg(json_build_object(${VERSION_JSON("h")}) order by h.sync_version desc)
    from record_history h where h.store_id = $1 and h.collection = q.collection and h.local_id = q.local_id
      and h.sync_version >= least(q.sync_version, case when q.named_hash is not null then (
        select max(n.sync_version) from record_history n
        where n.store_id = $1 and n.collection = q.collection and n.local_id = q.local_id and q.named_hash in (n.server_hash, n.sent_hash)) end)), '[]'::json),
  'lastData', case when r.deleted then (
    select h.data from record_history h
    where h.store_id = $1 and h.collection = q.collection and h.local_id = q.local_id and not h.deleted order by h.sync_version desc limit 1) end,
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
    'taken', (
      select true from records n
      where n.store_id = $1 and n.collection = q.collection and n.unique_key between q.number and q.number and n.local_id <> q.local_id
      order by n.unique_key limit 1) is not null,
    'nextAmendment', case when q.number is not null then (
      select min(used.n) + 1 from (
        select given.n, lead(given.n) over (order by given.n) as next from (
          select 1 as n union (
            select substr(n.unique_key, length(q.amendment_prefix) + 2)::int from records n
            where n.store_id = $1 and n.collection = q.collection and n.unique_key >= q.amendment_prefix || '-' and n.unique_key < q.amendment_prefix || '.'
              and substr(n.unique_key, length(q.amendment_prefix) + 2) ~ '^[1-9][0-9]{0,7}$'
            order by n.unique_key)
        ) given
      ) used where used.next is null or used.next > used.n + 1) else 2 end),
  'openConflict', (
    select json_build_object(${VERSION_JSON("o")}, 'data', o.data) from records o
    where o.store_id = $1 and o.collection between 'conflicts' and 'conflicts'
      and o.unique_key between q.open_conflict_key and q.open_conflict_key
    order by o.collection, o.unique_key limit 1),
  'resolves', (
    select json_build_object(${VERSION_JSON("c")}, 'data', c.data) from records c
    where c.store_id = $1 and c.collection between 'conflicts' and 'conflicts' and c.local_id between q.resolves and q.resolves
    order by c.collection, c.local_id limit 1),
  'policy', (select p.policy from store_collections p where p.store_id = $1 and p.collection = q.collection limit 1),
  'policyVersion', s.policy_version,
  'epoch', s.epoch,
  'epochSeq', s.epoch_seq,
  'epochReoffer', s.reoffer
) as context
from stores s cross join json_to_recordset($2::text::json) as q(
  idx integer, collection text, local_id text, device_id text, sync_version integer, hash text, base text, base_version integer, base_hash text,
  named_hash text, number text, amendment_prefix text, resolves text, open_conflict_key text)
left join lateral (
  select * from records r where r.store_id = $1 and r.collection = q.collection and r.local_id between q.local_id and q.local_id
  order by r.local_id limit 1
) r on true
where s.id = $1`;
