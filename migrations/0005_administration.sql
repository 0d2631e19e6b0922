-- Who did what to a shop, written with the deed itself; marks that tell a copied device; indexes for lists of conflicts.

create or replace function revoke_device(p_store text, p_device text) returns boolean
language plpgsql volatile as $$
begin
  perform 1 from stores where id = p_store for update;
  with revoked as (
    update devices set revoked_at = now() where store_id = p_store and id = p_device and revoked_at is null
    returning id, name, role
  )
  insert into audit_log (store_id, actor, action, details)
  select p_store, 'admin', 'device.revoked', jsonb_build_object('deviceId', r.id, 'name', r.name, 'role', r.role) from revoked r;
  return found;
end
$$;

-- p_reason: ADMINISTRATOR, CURSOR_AHEAD, DATABASE_RESTORED.
drop function begin_epoch(text, text, text, boolean);
create function begin_epoch(p_store text, p_expected text, p_epoch text, p_reoffer boolean, p_reason text default 'DATABASE_RESTORED') returns text
language plpgsql volatile as $$
declare s stores%rowtype;
begin
  select * into s from stores where id = p_store for update;
  if s.epoch = p_expected then
    update stores set epoch = p_epoch, epoch_seq = head, reoffer = p_reoffer where id = p_store;
    insert into audit_log (store_id, actor, action, details)
    values (p_store, case when p_reason = 'ADMINISTRATOR' then 'admin' else 'server' end, 'epoch.begun',
      jsonb_build_object('reason', p_reason, 'reoffer', p_reoffer, 'head', s.head, 'epoch', p_epoch, 'epochBefore', s.epoch));
    return p_epoch;
  end if;
  return s.epoch;
end
$$;

-- A mark is `n.random`, n counting up: a mark above the one last given proves that this database was put back, and accuses nobody.
--
-- p_mark: as the device presents it, with its n (0: none to be read); null: it has none. p_checked: its sync token is of the current epoch and
-- not ahead of the head. Returns the mark to give, whether a warning stands, and whether this is a finding to tell of: the first one, or
-- one a day while the warning stands.
create function present_mark(p_store text, p_device text, p_mark text, p_count bigint, p_random text, p_checked boolean)
returns table (mark text, copied boolean, news boolean)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  d devices%rowtype;
  v_count bigint;
  v_copied boolean;
  v_mark text;
begin
  select * into d from devices where store_id = p_store and id = p_device for update;
  -- Who keeps no marks, or lost the welcome that brought the first one, changes nothing for those who do.
  if not found or (p_mark is null and d.mark is not null) then
    return query select d.mark, d.copied_at is not null, false;
    return;
  end if;
  v_count := coalesce(split_part(d.mark, '.', 1)::bigint, 0);
  v_copied := p_checked and d.mark is not null and p_mark <> d.mark and p_mark is distinct from d.mark_before and p_count <= v_count;
  v_mark := (greatest(v_count, p_count) + 1) || '.' || p_random;
  update devices set mark = v_mark, mark_before = p_mark, copied_at = case when v_copied then now() else copied_at end
  where store_id = p_store and id = p_device;
  return query select v_mark, v_copied or d.copied_at is not null,
    v_copied and (d.copied_at is null or d.copied_at < now() - interval '1 day');
end
$$;

-- Takes the warning back. False: no such device.
create function clear_copied(p_store text, p_device text) returns boolean
language plpgsql volatile as $$
begin
  -- The store first, as everywhere: else this and a revocation could wait for each other.
  perform 1 from stores where id = p_store for key share;
  with cleared as (
    update devices set copied_at = null where store_id = p_store and id = p_device and copied_at is not null returning id
  )
  insert into audit_log (store_id, actor, action, details)
  select p_store, 'admin', 'device.copy-cleared', jsonb_build_object('deviceId', c.id) from cleared c;
  return exists (select 1 from devices where store_id = p_store and id = p_device);
end
$$;

-- A list of conflicts must not read the sales between them. Open ones bear a unique_key.
create index records_conflicts on records (store_id, seq) where collection = 'conflicts';
create index records_open_conflicts on records (store_id, seq) where collection = 'conflicts' and unique_key is not null;
create index records_conflicts_of_record on records (store_id, (data ->> 'recordId'), seq) where collection = 'conflicts';
