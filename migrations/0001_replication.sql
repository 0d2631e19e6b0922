-- Stores, devices, and the feed. Every key begins with store_id, so that the tables distribute over a cluster by shop as they are.

create table stores (
  id text collate "C" primary key,
  name text not null,
  -- Highest seq of the feed. The row's lock is what puts a store's commits into one order.
  head bigint not null default 0,
  -- Identity of this history of the feed, and the head with which it began.
  epoch text not null,
  epoch_seq bigint not null default 0,
  -- Whether devices shall offer what they hold beyond it.
  reoffer boolean not null default false,
  -- Time of the latest commit: updated_at never falls, whatever the clock does.
  changed_at timestamptz not null default '-infinity',
  register_codes integer not null default 0,
  created_at timestamptz not null default now()
);

create table store_collections (
  store_id text collate "C" not null references stores (id),
  collection text collate "C" not null,
  count bigint not null default 0,
  -- Sum modulo 2^64, see protocol/src/digest.ts.
  digest numeric(20) not null default 0,
  -- Overrides the declaration's policy; null: as declared.
  policy text,
  primary key (store_id, collection)
);

create table devices (
  store_id text collate "C" not null references stores (id),
  id text collate "C" not null,
  role text not null check (role in ('register', 'display', 'script')),
  name text not null,
  register_code text not null,
  token_hash text collate "C" not null unique,
  -- What it last told of itself.
  cursor bigint,
  status jsonb,
  app jsonb,
  last_seen_at timestamptz,
  revoked_at timestamptz,
  -- The seed's devices send their own clock as lastSyncTimestamp: the value last sent, and where the answer to it began and ended.
  sync_timestamp bigint,
  sync_answer_from bigint,
  sync_answer_to bigint,
  created_at timestamptz not null default now(),
  primary key (store_id, id)
);

create table enrolments (
  code_hash text collate "C" primary key,
  store_id text collate "C" not null references stores (id),
  name text not null,
  role text not null check (role in ('register', 'display', 'script')),
  tries integer not null default 0,
  expires_at timestamptz not null,
  used_at timestamptz,
  device_id text,
  created_at timestamptz not null default now()
);

create table settings (
  key text primary key,
  value text not null
);

-- The state is the feed: one row a record, found by its key or by the seq of its latest change.
create table records (
  store_id text collate "C" not null references stores (id),
  collection text collate "C" not null,
  local_id text collate "C" not null,
  seq bigint not null,
  sync_version integer not null,
  server_hash text collate "C" not null,
  -- Version and hash as the device sent them, where what is stored differs (an amended number).
  sent_version integer,
  sent_hash text collate "C",
  -- What the write was made on; null: not known.
  base_version integer,
  base_hash text collate "C",
  unique_key text collate "C",
  created_by text not null,
  device_id text not null,
  deleted boolean not null,
  reoffered boolean not null default false,
  -- null for a tombstone
  data jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (store_id, collection, local_id)
);
create unique index records_seq on records (store_id, seq);
create unique index records_unique_key on records (store_id, collection, unique_key) where unique_key is not null;

-- Superseded versions: who changed what, when; memory for late retries; bases for merging.
create table record_history (
  like records,
  primary key (store_id, collection, local_id, sync_version)
);

-- Writes, as sent, that were decided but not stored as sent. Together with records and record_history: every decided write.
create table decided_writes (
  store_id text collate "C" not null references stores (id),
  collection text collate "C" not null,
  local_id text collate "C" not null,
  -- '' for a re-offer: whichever device offers it, it is one write
  device_id text collate "C" not null,
  sync_version integer not null,
  hash text collate "C" not null,
  -- 'version:hash', or '?' where it was not known
  base text collate "C" not null,
  outcome text not null,
  -- {id, kind, policy, fields} as the result told it
  conflict jsonb,
  -- as sent; null for a delete
  data jsonb,
  decided_at timestamptz not null default now(),
  primary key (store_id, collection, local_id, device_id, sync_version, hash, base)
);

-- One record's share of its collection's digest.
create function record_digest(p_local_id text, p_version integer, p_hash text, p_deleted boolean) returns numeric
language sql immutable parallel safe as $$
  select case when high < 0 then high + 18446744073709551616 else high end
  from (select ('x' || encode(substr(sha256(convert_to(
    p_local_id || '|' || p_version || '|' || p_hash || '|' || case when p_deleted then '1' else '0' end, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint::numeric as high) d
$$;

-- The commit: applies every planned write whose expectations still hold under the store's lock, and says which did not.
--
-- p_groups: one object a write: grp, the device that sent it, and how it was sent (as-sent memory); `outcome` null: nothing to remember.
-- p_rows: the records that a write stores (its own, conflict records), with the (version, hash) that each must still have.
-- A function and not one bare statement: its first statement waits for the lock, and only the later ones take their snapshots, so
-- that they see what the previous holder committed.
-- Plans rest on statistics that lag behind and are of all shops together, and must not read all records of a shop that grew
-- fast or is larger than the others. So each look into a table is a subquery with a limit, which works one key at a time only,
-- and asks for an order (hence `between` in place of `=`) that the right index alone has: else, while a shop looks small, the
-- index on seq looks as good.
create function commit_writes(p_store text, p_epoch text, p_groups json, p_rows json)
returns table (epoch text, epoch_seq bigint, head_before bigint, head_after bigint, at_ms bigint, refused json, digests json)
language plpgsql volatile
set enable_bitmapscan = off
set enable_seqscan = off
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
    return query select s.epoch, s.epoch_seq, s.head, s.head, 0::bigint, null::json, null::json;
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
            and m.device_id = g.device_id and m.sync_version = g.sync_version and m.hash = g.hash and m.base = g.base limit 1), v.why)
      end as why
    from json_to_recordset(p_groups) as g(
      grp integer, sender text, collection text, local_id text, device_id text, sync_version integer, hash text, base text,
      outcome text, conflict jsonb, data jsonb)
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
      unique_key, created_by, device_id, deleted, reoffered, data, created_at, updated_at)
    select p_store, p.collection, p.local_id, p.seq, p.sync_version, p.hash, p.sent_version, p.sent_hash, p.base_version, p.base_hash,
      p.unique_key, p.created_by, p.device_id, p.deleted, p.reoffered, p.data, coalesce(p.old_created_at, v_at),
      coalesce(to_timestamp(p.updated_at / 1000.0), v_at)
    from good p order by p.seq
    on conflict (store_id, collection, local_id) do update set
      seq = excluded.seq, sync_version = excluded.sync_version, server_hash = excluded.server_hash, sent_version = excluded.sent_version,
      sent_hash = excluded.sent_hash, base_version = excluded.base_version, base_hash = excluded.base_hash,
      unique_key = case when excluded.deleted then r.unique_key else excluded.unique_key end, created_by = excluded.created_by, device_id = excluded.device_id,
      deleted = excluded.deleted, reoffered = excluded.reoffered, data = excluded.data, updated_at = excluded.updated_at
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
    update stores set head = s.head + v_rows, changed_at = v_at where id = p_store;
  end if;
  select json_object_agg(c.collection, json_build_object('count', c.count, 'digest', c.digest::text)) into v_digests
  from store_collections c where c.store_id = p_store;
  return query select s.epoch, s.epoch_seq, s.head, s.head + v_rows, (extract(epoch from v_at) * 1000)::bigint, v_refused, v_digests;
end
$$;

-- Revocation takes the store's lock: nothing of the device is committed after it.
create function revoke_device(p_store text, p_device text) returns boolean
language plpgsql volatile as $$
begin
  perform 1 from stores where id = p_store for update;
  update devices set revoked_at = now() where store_id = p_store and id = p_device and revoked_at is null;
  return found;
end
$$;

-- A new epoch, by compare-and-swap: of several nodes that notice one restore, one begins it.
create function begin_epoch(p_store text, p_expected text, p_epoch text, p_reoffer boolean) returns text
language plpgsql volatile as $$
declare v_epoch text;
begin
  select epoch into v_epoch from stores where id = p_store for update;
  if v_epoch = p_expected then
    update stores set epoch = p_epoch, epoch_seq = head, reoffer = p_reoffer where id = p_store;
    return p_epoch;
  end if;
  return v_epoch;
end
$$;
