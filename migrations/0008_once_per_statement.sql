-- Both for tables that are not sharded alone: a sharded cluster takes no sub-select in a policy, and no trigger.

-- What a row must satisfy to be seen. With a sub-select, PostgreSQL reads the scope once per statement and not for every
-- row. "is true" keeps the planner from looking rows up by the scope's organisations.
create function strongroom_tenant_condition() returns text
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from pg_extension where extname = 'citus') then
        return 'pg_catalog.split_part(pg_catalog.current_setting(''strongroom.orgs'', true), org_id::text, 2) <> ''''';
    end if;
    return '(org_id = any ((select pg_catalog.string_to_array(pg_catalog.rtrim('
        'nullif(pg_catalog.current_setting(''strongroom.orgs'', true), ''*''), '',''), '','')::uuid[] as orgs)'
        '::uuid[])) is true';
end
$$;
revoke all on function strongroom_tenant_condition() from public;

create or replace function strongroom_protect(tenant_table regclass) returns void
    language plpgsql
    set search_path = public, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format('create policy tenant on %s using (%s)', tenant_table, strongroom_tenant_condition());
end
$$;

-- Which state of all keys a write was checked against, and API keys were looked up in. It changes in the transaction that
-- changes a key's generation, revokes an API key or deletes an organisation, whoever does it. Random and no number, which would come again after a failover
-- to a standby that did not have the last one yet.
create table key_epoch (
    single boolean primary key default true check (single),
    epoch uuid not null
);
insert into key_epoch (epoch) values (gen_random_uuid());

create function strongroom_next_key_epoch() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update public.key_epoch set epoch = gen_random_uuid();
    return null;
end
$$;
revoke all on function strongroom_next_key_epoch() from public;

do $$
declare
    tenant_table regclass;
    server text;
begin
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select on key_epoch to %s', server);
    end loop;
    if exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    for tenant_table in select p.polrelid::regclass from pg_policy p join pg_class c on c.oid = p.polrelid
        where p.polname = 'tenant' and c.relnamespace = 'public'::regnamespace loop
        execute format('alter policy tenant on %s using (%s)', tenant_table, strongroom_tenant_condition());
    end loop;
    for tenant_table in select unnest(array['org_keys', 'organizations', 'api_keys']::regclass[]) loop
        execute format('create trigger key_epoch after update or delete on %s for each statement '
            'execute function strongroom_next_key_epoch()', tenant_table);
    end loop;
end
$$;
