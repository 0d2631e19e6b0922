-- Two histories of one shop: a database that was put back, and went on, gives seqs anew that devices have read. So each commit has a stamp that no other
-- one has. A sync token carries that of the change at its cursor, and what is at this seq now shows whether the device read this history.
-- null: changes from before.
alter table records add column stamp text collate "C";
alter table record_history add column stamp text collate "C";
-- Of the latest commit: the stamp of the change that has the head.
alter table stores add column stamp text collate "C";

-- A cursor may stand at a change that was superseded since. Of those with a stamp alone, so that nothing else is looked up by it: while a shop looks
-- small, it would seem as good as the key.
create index record_history_stamp on record_history (store_id, seq) where stamp is not null;

-- The stamp of the change that had the seq. A function, so that it can be held to its indexes: see commit_writes.
create function stamp_at(p_store text, p_seq bigint) returns text
language plpgsql stable
set enable_bitmapscan = off
set enable_seqscan = off
set jit = off
as $$
declare v_stamp text;
begin
  select r.stamp into v_stamp from records r where r.store_id = p_store and r.seq = p_seq;
  if not found then
    select h.stamp into v_stamp from record_history h where h.store_id = p_store and h.seq = p_seq and h.stamp is not null;
  end if;
  return v_stamp;
end
$$;

drop function commit_writes(text, text, json, json);

-- The commit: applies every planned write whose expectations still hold under the store's lock, and says which did not.
--
-- p_groups: one object a write: grp, the device that sent it, how it was sent (as-sent memory), and the shop's policies by which it was decided
-- (policy_version null: no policy mattered); `outcome` null: nothing to remember.
-- p_rows: the records that a write stores (its own, conflict records), with the (version, hash) that each must still have.
-- p_stamp: the commit's own, kept with each row; null: given by who knows of none. stamp_before: of the change that had the head.
-- A function and not one bare statement: its first statement waits for the lock, and only the later ones take their snapshots, so
-- that they see what the previous holder committed.
-- Plans rest on statistics that lag behind and are of all shops together, and must not read all records of a shop that grew
-- fast or is larger than the others. So each look into a table is a subquery with a limit, which works one key at a time only,
-- and asks for an order (hence `between` in place of `=`) that the right index alone has: else, while a shop looks small, the
-- index on seq looks as good.
create function commit_writes(p_store text, p_epoch text, p_groups json, p_rows json, p_stamp text default null)
returns table (epoch text, epoch_seq bigint, head_before bigint, head_after bigint, at_ms bigint, refused json, digests json, stamp_before text)
language plpgsql volatile
set enable_bitmapscan = off
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  s stores%rowtype;
  v_at timestamptz;
  v_refused json;
  v_rows bigint;
  v_digests json;
begin
  select * into s from stores where id = p_store for update;
  if not found or s.epoch <> p_epoch then
    return query select s.epoch, s.epoch_seq, s.head, s.head, 0::bigint, null::json, null::json, s.stamp;
    return;
  end if;
  v_at := greatest(date_trunc('milliseconds', clock_timestamp()), s.changed_at);

  with planned as materialized (
    select p.*, c.seq as old_seq, c.sync_version as old_version, c.server_hash as old_hash, c.deleted as old_deleted, c.created_at as old_created_at,
      case
        when coalesce(c.sync_version, 0) <> p.expect_version or c.server_hash is distinct from p.expect_hash then 'stale'
        when p.unique_key is not null then (
          select 'number' from records n
          where n.store_id = p_store and n.collection = p.collection and n.unique_key between p.unique_key and p.unique_key
            and n.local_id <> p.local_id
          order by n.unique_key limit 1)
      end as why
    from json_to_recordset(p_rows) as p(
      grp integer, ord integer, collection text, local_id text, expect_version integer, expect_hash text, sync_version integer, hash text,
      sent_version integer, sent_hash text, base_version integer, base_hash text, unique_key text, created_by text, device_id text,
      deleted boolean, reoffered boolean, data jsonb, updated_at bigint)
    left join lateral (
      select r.seq, r.sync_version, r.server_hash, r.deleted, r.created_at from records r
      where r.store_id = p_store and r.collection = p.collection and r.local_id between p.local_id and p.local_id
      order by r.local_id limit 1
    ) c on true
  ), grouped as materialized (
    select g.*,
      case
        when g.sender <> 'server'
          and (select true from devices d where d.store_id = p_store and d.id = g.sender and d.revoked_at is null limit 1) is null then 'revoked'
        else coalesce((
          select 'decided' from decided_writes m where m.store_id = p_store and m.collection = g.collection and m.local_id = g.local_id
            and m.device_id = g.device_id and m.sync_version = g.sync_version and m.hash = g.hash and m.base = g.base limit 1),
          case when g.policy_version <> s.policy_version then 'policy' end, v.why)
      end as why
    from json_to_recordset(p_groups) as g(
      grp integer, sender text, collection text, local_id text, device_id text, sync_version integer, hash text, base text,
      policy_version bigint, outcome text, conflict jsonb, data jsonb)
    left join (select p.grp, max(p.why) as why from planned p group by p.grp) v on v.grp = g.grp
  ), good as materialized (
    select p.*, s.head + row_number() over (order by p.grp, p.ord) as seq
    from planned p join grouped g on g.grp = p.grp
    where g.why is null
  ), history as (
    insert into record_history
    select r.* from good p cross join lateral (
      select * from records r where r.store_id = p_store and r.collection = p.collection and r.local_id between p.local_id and p.local_id
      order by r.local_id limit 1
    ) r
    where p.old_version is not null
  ), stored as (
    insert into records as r (store_id, collection, local_id, seq, sync_version, server_hash, sent_version, sent_hash, base_version, base_hash,
      unique_key, created_by, device_id, deleted, reoffered, data, created_at, updated_at, stamp)
    select p_store, p.collection, p.local_id, p.seq, p.sync_version, p.hash, p.sent_version, p.sent_hash, p.base_version, p.base_hash,
      p.unique_key, p.created_by, p.device_id, p.deleted, p.reoffered, p.data, coalesce(p.old_created_at, v_at),
      least(to_timestamp(p.updated_at / 1000.0), v_at), p_stamp
    from good p order by p.seq
    on conflict (store_id, collection, local_id) do update set
      seq = excluded.seq, sync_version = excluded.sync_version, server_hash = excluded.server_hash, sent_version = excluded.sent_version,
      sent_hash = excluded.sent_hash, base_version = excluded.base_version, base_hash = excluded.base_hash,
      unique_key = case when excluded.deleted then r.unique_key else excluded.unique_key end, created_by = excluded.created_by, device_id = excluded.device_id,
      deleted = excluded.deleted, reoffered = excluded.reoffered, data = excluded.data, updated_at = excluded.updated_at,
      stamp = excluded.stamp
  ), remembered as (
    insert into decided_writes (store_id, collection, local_id, device_id, sync_version, hash, base, outcome, conflict, data, decided_at)
    select p_store, g.collection, g.local_id, g.device_id, g.sync_version, g.hash, g.base, g.outcome, g.conflict, g.data, v_at
    from grouped g where g.why is null and g.outcome is not null
  ), adjusted as (
    insert into store_collections as c (store_id, collection, count, digest)
    select p_store, p.collection, count(*) filter (where p.old_version is null),
      mod(sum(record_digest(p.local_id, p.sync_version, p.hash, p.deleted)
        - case when p.old_version is null then 0 else record_digest(p.local_id, p.old_version, p.old_hash, p.old_deleted) end)
        + count(*) * 18446744073709551616, 18446744073709551616)
    from good p group by p.collection
    on conflict (store_id, collection) do update set
      count = c.count + excluded.count, digest = mod(c.digest + excluded.digest, 18446744073709551616)
  )
  select (select count(*) from good), (select json_agg(json_build_object('grp', g.grp, 'why', g.why)) from grouped g where g.why is not null)
  into v_rows, v_refused;

  if v_rows > 0 then
    update stores set head = s.head + v_rows, changed_at = v_at, stamp = p_stamp where id = p_store;
  end if;
  select json_object_agg(c.collection, json_build_object('count', c.count, 'digest', c.digest::text)) into v_digests
  from store_collections c where c.store_id = p_store;
  return query select s.epoch, s.epoch_seq, s.head, s.head + v_rows, (extract(epoch from v_at) * 1000)::bigint, v_refused, v_digests, s.stamp;
end
$$;
