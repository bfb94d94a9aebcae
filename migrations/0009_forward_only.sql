-- The state of keys moves forward only. What the servers' role may write, an attacker with its password may write as
-- well: a copied row of a retired key must not become the current one again.

-- A name in a function resolves to what its author meant, whatever the session's search path is and whatever another
-- role created. Functions of extensions and of PostgreSQL itself are in pg_catalog.
create or replace function strongroom_protect(tenant_table regclass) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format('create policy tenant on %s using (%s)', tenant_table, public.strongroom_tenant_condition());
end
$$;

create or replace function strongroom_distribute(tenant_table regclass) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    shards text := nullif(current_setting('strongroom.shards', true), '');
begin
    if not exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    if tenant_table = 'public.organizations'::regclass then
        perform create_distributed_table(tenant_table, 'org_id', colocate_with := 'none',
            shard_count := coalesce(shards::integer, 4 * (select count(*)::integer
                from citus_get_active_worker_nodes())));
    else
        perform create_distributed_table(tenant_table, 'org_id', colocate_with := 'public.organizations');
    end if;
end
$$;

create or replace function strongroom_tenant_table(tenant_table regclass) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.strongroom_protect(tenant_table);
    perform public.strongroom_distribute(tenant_table);
end
$$;

alter function strongroom_check_generations(uuid[], integer[]) set search_path = pg_catalog, pg_temp;

-- Whether the role of the session is bound by the triggers below. The owner of the tables is not: it restores backups.
create function strongroom_moves_forward(table_id oid) returns boolean
    language sql
    set search_path = pg_catalog, pg_temp
as $$
    select not pg_has_role(current_user, relowner, 'usage') from pg_class where oid = table_id
$$;

create function strongroom_forward_org_keys() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    changed record := coalesce(new, old);
    newest integer;
    destroyed boolean;
begin
    if not public.strongroom_moves_forward(tg_relid) then
        return changed;
    end if;
    if tg_op = 'UPDATE' then
        if new.active and not old.active then
            raise exception using errcode = 'SR003',
                message = 'a generation that is not active never becomes active';
        end if;
        return new;
    end if;
    select max(generation) into newest from public.org_keys where org_id = changed.org_id;
    select destroyed_at is not null into destroyed from public.organizations where org_id = changed.org_id;
    if tg_op = 'INSERT' and (destroyed or new.generation <= newest) then
        raise exception using errcode = 'SR003', message = 'a new generation is above all earlier ones';
    elsif tg_op = 'DELETE' and old.generation >= newest and not coalesce(destroyed, false) then
        raise exception using errcode = 'SR003',
            message = 'the newest generation is deleted only after its organization is destroyed';
    end if;
    return changed;
end
$$;

create function strongroom_forward_organizations() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not public.strongroom_moves_forward(tg_relid) then
        return new;
    end if;
    if old.destroyed_at is not null then
        raise exception using errcode = 'SR003', message = 'a destroyed organization does not change';
    elsif old.deleted_at is not null and new.deleted_at is not null
        and (new.deleted_at, new.destroy_after) is distinct from (old.deleted_at, old.destroy_after) then
        raise exception using errcode = 'SR003',
            message = 'the times of a deleted organization change only with its restoration';
    end if;
    return new;
end
$$;

create function strongroom_forward_api_keys() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not public.strongroom_moves_forward(tg_relid) then
        return new;
    end if;
    if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
        raise exception using errcode = 'SR003', message = 'the revocation of a key is final';
    elsif new.digest <> old.digest and (new.revoked_at is null or new.digest <> '') then
        raise exception using errcode = 'SR003', message = 'the digest of a key changes only with its revocation';
    end if;
    return new;
end
$$;

create function strongroom_forward_root_keys() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    states text[] := array['prepared', 'active', 'superseded', 'unneeded', 'retired'];
begin
    if not public.strongroom_moves_forward(tg_relid) then
        return new;
    end if;
    if tg_op = 'INSERT' then
        if new.state <> 'prepared' and exists (select from public.root_keys) then
            raise exception using errcode = 'SR003', message = 'a new root key is prepared before it becomes active';
        end if;
    elsif array_position(states, new.state) < array_position(states, old.state) then
        raise exception using errcode = 'SR003', message = 'the state of a root key moves forward only';
    end if;
    return new;
end
$$;

revoke all on function strongroom_forward_org_keys(), strongroom_forward_organizations(),
    strongroom_forward_api_keys(), strongroom_forward_root_keys() from public;

do $$
begin
    execute 'create trigger forward_only before insert or update on root_keys for each row '
        'execute function strongroom_forward_root_keys()';
    -- A sharded cluster takes no trigger on a tenant table.
    if exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    execute 'create trigger forward_only before insert or update or delete on org_keys for each row '
        'execute function strongroom_forward_org_keys()';
    execute 'create trigger forward_only before update on organizations for each row '
        'execute function strongroom_forward_organizations()';
    execute 'create trigger forward_only before update on api_keys for each row '
        'execute function strongroom_forward_api_keys()';
end
$$;
