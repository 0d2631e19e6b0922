-- What is known of records that somebody wants to write: everything that deciding may need, in one look.
--
-- p_questions: one object a write, numbered by `idx`: its record, how it was sent, its base, the number that it claims, the conflict that it names.
-- A function, so that its plan is made once and can be held to the right indexes, whatever the statistics say; the rest of why `between`
-- and `order by` stand where `=` would do, see commit_writes. Sorting is off as well: where statistics say that a shop has few records, reading
-- them all and sorting seems as good as the index that has the order already. Conflicts have an index of their own besides, which must not serve here.
create function read_contexts(p_store text, p_questions json) returns table (idx integer, context json)
language plpgsql stable
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  return query
  select q.idx, json_build_object(
    'current', case when r.seq is not null then json_build_object(
    'seq', r.seq, 'syncVersion', r.sync_version, 'hash', r.server_hash, 'sentVersion', r.sent_version, 'sentHash', r.sent_hash,
    'base', case when r.base_version is null then null else json_build_object('version', r.base_version, 'hash', r.base_hash) end,
    'uniqueKey', r.unique_key, 'createdBy', r.created_by, 'deviceId', r.device_id, 'deleted', r.deleted, 'reoffered', r.reoffered,
    'updatedAt', (extract(epoch from r.updated_at) * 1000)::bigint, 'data', r.data) end,
    'history', coalesce((
      select json_agg(json_build_object(
    'seq', h.seq, 'syncVersion', h.sync_version, 'hash', h.server_hash, 'sentVersion', h.sent_version, 'sentHash', h.sent_hash,
    'base', case when h.base_version is null then null else json_build_object('version', h.base_version, 'hash', h.base_hash) end,
    'uniqueKey', h.unique_key, 'createdBy', h.created_by, 'deviceId', h.device_id, 'deleted', h.deleted, 'reoffered', h.reoffered,
    'updatedAt', (extract(epoch from h.updated_at) * 1000)::bigint) order by h.sync_version desc)
      from record_history h where h.store_id = p_store and h.collection = q.collection and h.local_id = q.local_id
        and h.sync_version >= least(q.sync_version, case when q.named_hash is not null then (
          select max(n.sync_version) from record_history n
          where n.store_id = p_store and n.collection = q.collection and n.local_id = q.local_id and q.named_hash in (n.server_hash, n.sent_hash)) end)), '[]'::json),
    'lastData', case when r.deleted then (
      select h.data from record_history h
      where h.store_id = p_store and h.collection = q.collection and h.local_id = q.local_id and not h.deleted order by h.sync_version desc limit 1) end,
    'baseData', (
      select b.data from (
        select h.data, 1 as rank from record_history h
        where h.store_id = p_store and h.collection = q.collection and h.local_id = q.local_id and h.sync_version = q.base_version and h.server_hash = q.base_hash
        union all
        select m.data, 2 from decided_writes m
        where m.store_id = p_store and m.collection = q.collection and m.local_id = q.local_id and m.sync_version = q.base_version and m.hash = q.base_hash
          and m.data is not null
      ) b order by b.rank limit 1),
    'decided', (
      select json_build_object('outcome', m.outcome, 'conflict', m.conflict) from decided_writes m
      where m.store_id = p_store and m.collection = q.collection and m.local_id = q.local_id and m.device_id = q.device_id
        and m.sync_version = q.sync_version and m.hash = q.hash and m.base = q.base),
    'number', json_build_object(
      'taken', (
        select true from records n
        where n.store_id = p_store and n.collection = q.collection and n.unique_key between q.number and q.number and n.local_id <> q.local_id
        order by n.unique_key limit 1) is not null,
      'nextAmendment', case when q.number is not null then (
        select min(used.n) + 1 from (
          select given.n, lead(given.n) over (order by given.n) as next from (
            select 1 as n union (
              select substr(n.unique_key, length(q.amendment_prefix) + 2)::int from records n
              where n.store_id = p_store and n.collection = q.collection and n.unique_key >= q.amendment_prefix || '-' and n.unique_key < q.amendment_prefix || '.'
                and substr(n.unique_key, length(q.amendment_prefix) + 2) ~ '^[1-9][0-9]{0,7}$'
              order by n.unique_key)
          ) given
        ) used where used.next is null or used.next > used.n + 1) else 2 end),
    'openConflict', (
      select json_build_object(
    'seq', o.seq, 'syncVersion', o.sync_version, 'hash', o.server_hash, 'sentVersion', o.sent_version, 'sentHash', o.sent_hash,
    'base', case when o.base_version is null then null else json_build_object('version', o.base_version, 'hash', o.base_hash) end,
    'uniqueKey', o.unique_key, 'createdBy', o.created_by, 'deviceId', o.device_id, 'deleted', o.deleted, 'reoffered', o.reoffered,
    'updatedAt', (extract(epoch from o.updated_at) * 1000)::bigint, 'data', o.data) from records o
      where o.store_id = p_store and o.collection between 'conflicts' and 'conflicts'
        and o.unique_key between q.open_conflict_key and q.open_conflict_key
      order by o.collection, o.unique_key limit 1),
    'resolves', (
      select json_build_object(
    'seq', c.seq, 'syncVersion', c.sync_version, 'hash', c.server_hash, 'sentVersion', c.sent_version, 'sentHash', c.sent_hash,
    'base', case when c.base_version is null then null else json_build_object('version', c.base_version, 'hash', c.base_hash) end,
    'uniqueKey', c.unique_key, 'createdBy', c.created_by, 'deviceId', c.device_id, 'deleted', c.deleted, 'reoffered', c.reoffered,
    'updatedAt', (extract(epoch from c.updated_at) * 1000)::bigint, 'data', c.data) from records c
      where c.store_id = p_store and c.collection between 'conflicts' and 'conflicts' and c.local_id between q.resolves and q.resolves
      order by c.collection, c.local_id limit 1),
    'policy', (select p.policy from store_collections p where p.store_id = p_store and p.collection = q.collection limit 1),
    'policyVersion', s.policy_version,
    'epoch', s.epoch,
    'epochSeq', s.epoch_seq,
    'epochReoffer', s.reoffer
  ) as context
  from stores s cross join json_to_recordset(p_questions) as q(
    idx integer, collection text, local_id text, device_id text, sync_version integer, hash text, base text, base_version integer, base_hash text,
    named_hash text, number text, amendment_prefix text, resolves text, open_conflict_key text)
  left join lateral (
    select * from records r where r.store_id = p_store and r.collection = q.collection and r.local_id between q.local_id and q.local_id
    order by r.local_id limit 1
  ) r on true
  where s.id = p_store;
end
$$;
