-- Policies that a shop sets for itself, at run time; who changed what of a shop's set-up; how a copied device is told.

-- Counts the changes of the shop's policies: a commit refuses what was decided by earlier ones.
alter table stores add column policy_version bigint not null default 0;

-- What administrators, and the server by itself, did to a shop. Only ever added to.
create table audit_log (
  store_id text collate "C" not null references stores (id),
  id bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  -- `admin`, `server`, or a deviceId
  actor text not null,
  -- policy.changed, device.enrolled, device.revoked, device.copied, epoch.begun, ...
  action text not null,
  details jsonb not null default '{}',
  primary key (store_id, id)
);

-- The mark that the device's local database was last given, and the one that it presented before: an older one tells of a copy.
alter table devices add column mark text;
alter table devices add column mark_before text;
alter table devices add column copied_at timestamptz;

-- Sets policies (by collection; null: as declared again) under the store's lock. Returns what changed, by collection: {from, to}.
create function set_policies(p_store text, p_policies json, p_actor text) returns json
language plpgsql volatile as $$
declare v_changed json;
begin
  perform 1 from stores where id = p_store for update;
  if not found then
    return null;
  end if;
  select json_object_agg(p.key, json_build_object('from', c.policy, 'to', p.value)) into v_changed
  from json_each_text(p_policies) p
  left join store_collections c on c.store_id = p_store and c.collection = p.key
  where c.policy is distinct from p.value;
  if v_changed is null then
    return '{}'::json;
  end if;
  insert into store_collections as c (store_id, collection, policy)
  select p_store, p.key, p.value from json_each_text(p_policies) p
  on conflict (store_id, collection) do update set policy = excluded.policy;
  update stores set policy_version = policy_version + 1 where id = p_store;
  insert into audit_log (store_id, actor, action, details) values (p_store, p_actor, 'policy.changed', v_changed::jsonb);
  return v_changed;
end
$$;
