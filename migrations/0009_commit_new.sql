-- One record's share of its collection's digest, as one expression: PostgreSQL then makes it part of the statement that asks, where it was a statement of
-- its own for each record. Half of all shares have the highest bit set, and would be negative without the second half of the sum.
create or replace function record_digest(p_local_id text, p_version integer, p_hash text, p_deleted boolean) returns numeric
language sql immutable parallel safe as $$
  select mod(('x' || encode(substr(sha256(convert_to(
    p_local_id || '|' || p_version || '|' || p_hash || '|' || case when p_deleted then '1' else '0' end, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
    + 18446744073709551616, 18446744073709551616)
$$;

-- Most commits hold new records alone: sales. They take a function of their own, since what commit_writes can do besides costs more at its start than
-- writing a record does. Both refuse the same, for the same reasons.
--
-- Each list is one text, its members parted by line feeds, which neither ids nor JSON hold: data are read by PostgreSQL once, as what they become. One
-- member a write: its record, which must not be there yet, its base as sent ('?': not known), its unique key ('': none), and its maker, who sends it
-- and must not be revoked.
create function commit_new(p_store text, p_epoch text, p_collections text, p_local_ids text, p_versions text, p_hashes text, p_bases text,
  p_unique_keys text, p_created_by text, p_device_ids text, p_data text, p_stamp text)
returns table (epoch text, epoch_seq bigint, head_before bigint, head_after bigint, at_ms bigint, refused json, digests json, stamp_before text)
language plpgsql volatile
set enable_bitmapscan = off
set enable_seqscan = off
set enable_sort = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  s stores%rowtype;
  v_at timestamptz;
  v_collections text[] := string_to_array(p_collections, E'\n');
  v_local_ids text[] := string_to_array(p_local_ids, E'\n');
  v_versions integer[] := string_to_array(p_versions, E'\n')::integer[];
  v_hashes text[] := string_to_array(p_hashes, E'\n');
  v_bases text[] := string_to_array(p_bases, E'\n');
  v_unique_keys text[] := string_to_array(p_unique_keys, E'\n', '');
  v_created_by text[] := string_to_array(p_created_by, E'\n');
  v_device_ids text[] := string_to_array(p_device_ids, E'\n');
  v_data text[] := string_to_array(p_data, E'\n');
  v_bad integer[];
  v_refused json;
  v_count integer := cardinality(v_local_ids);
  v_rows bigint;
  v_digests json;
begin
  select * into s from stores where id = p_store for update;
  if not found or s.epoch <> p_epoch then
    return query select s.epoch, s.epoch_seq, s.head, s.head, 0::bigint, null::json, null::json, s.stamp;
    return;
  end if;
  v_at := greatest(date_trunc('milliseconds', clock_timestamp()), s.changed_at);

  -- Each look is a subquery that works one key at a time, on the index that alone has its order: see commit_writes.
  select array_agg(u.i), json_agg(json_build_object('grp', u.i - 1, 'why', u.why)) into v_bad, v_refused
  from (
    select i,
      case
        when (select true from devices d where d.store_id = p_store and d.id = v_device_ids[i] and d.revoked_at is null limit 1) is null then 'revoked'
        else coalesce(
          (select 'decided' from decided_writes m where m.store_id = p_store and m.collection = v_collections[i] and m.local_id = v_local_ids[i]
            and m.device_id = v_device_ids[i] and m.sync_version = v_versions[i] and m.hash = v_hashes[i] and m.base = v_bases[i] limit 1),
          (select 'stale' from records r where r.store_id = p_store and r.collection = v_collections[i]
            and r.local_id between v_local_ids[i] and v_local_ids[i] order by r.local_id limit 1),
          (select 'number' from records n where n.store_id = p_store and n.collection = v_collections[i]
            and n.unique_key between v_unique_keys[i] and v_unique_keys[i] order by n.unique_key limit 1))
      end as why
    from generate_series(1, v_count) i
    offset 0
  ) u
  where u.why is not null;

  insert into records (store_id, collection, local_id, seq, sync_version, server_hash, base_version, unique_key, created_by, device_id, deleted, data,
    created_at, updated_at, stamp)
  select p_store, v_collections[i], v_local_ids[i], s.head + case when v_bad is null then i else i - (select count(*) from unnest(v_bad) b where b < i) end,
    v_versions[i], v_hashes[i], case when v_bases[i] = '?' then null else 0 end, v_unique_keys[i], v_created_by[i], v_device_ids[i], false, v_data[i]::jsonb,
    v_at, v_at, p_stamp
  from generate_series(1, v_count) i
  where v_bad is null or i <> all (v_bad);
  get diagnostics v_rows = row_count;

  if v_rows > 0 then
    insert into store_collections as c (store_id, collection, count, digest)
    select p_store, v_collections[i], count(*), mod(sum(record_digest(v_local_ids[i], v_versions[i], v_hashes[i], false)), 18446744073709551616)
    from generate_series(1, v_count) i
    where v_bad is null or i <> all (v_bad)
    group by v_collections[i]
    on conflict (store_id, collection) do update set
      count = c.count + excluded.count, digest = mod(c.digest + excluded.digest, 18446744073709551616);
    update stores set head = s.head + v_rows, changed_at = v_at, stamp = p_stamp where id = p_store;
  end if;
  select json_object_agg(c.collection, json_build_object('count', c.count, 'digest', c.digest::text)) into v_digests
  from store_collections c where c.store_id = p_store;
  return query select s.epoch, s.epoch_seq, s.head, s.head + v_rows, (extract(epoch from v_at) * 1000)::bigint, v_refused, v_digests, s.stamp;
end
$$;

-- Where statistics are of a shop without records, reading all and sorting looks as good as the right index: as in read_contexts.
alter function commit_writes(text, text, json, json, text) set enable_sort = off;
