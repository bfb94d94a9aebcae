-- Root keys have a life: prepared (made and told to the servers), active (wraps what is new), superseded (still
-- wraps something old), unneeded (wraps nothing), retired (said to be destroyed).
alter table root_keys
    add column state text not null default 'active'
        check (state in ('prepared', 'active', 'superseded', 'unneeded', 'retired'));
create unique index root_keys_one_active on root_keys (state) where state = 'active';

-- Running servers and the root keys that each holds.
create table servers (
    server_id uuid primary key,
    name text not null,
    started_at timestamptz not null,
    seen_at timestamptz not null,
    root_keys uuid[] not null
);

-- Re-wrapping everything under a new root key: one row per root key that became active.
create table root_rotations (
    root_key_id uuid primary key,
    state text not null check (state in ('running', 'done')),
    rows_total bigint not null,
    rows_done bigint not null,
    throttle integer,
    started_at timestamptz not null,
    updated_at timestamptz not null,
    finished_at timestamptz
);

-- Bringing an organisation's credentials under a new generation of its key: one row per generation.
create table rotations (
    org_id uuid not null references organizations (org_id),
    generation integer not null,
    re_encrypt boolean not null,
    state text not null check (state in ('running', 'done')),
    rows_total bigint not null,
    rows_done bigint not null,
    throttle integer,
    started_at timestamptz not null,
    updated_at timestamptz not null,
    finished_at timestamptz,
    primary key (org_id, generation)
);
select strongroom_tenant_table('rotations');
-- Servers look for rotations that nobody works on any more, whichever organisation's they are.
create policy listing on rotations for select
    using (pg_catalog.current_setting('strongroom.orgs', true) = '*');

-- A deleted organisation is refused at once; its keys are destroyed when the grace period ends.
do $$
begin
    alter table organizations
        add column deleted_at timestamptz,
        add column destroy_after timestamptz,
        add column destroyed_at timestamptz;
end
$$;

-- Fails unless each of these organisations is there, is not deleted, and has this generation of its key active.
-- Raised here and not found out by the caller, so that it stops a transaction whose COMMIT was sent along.
create function strongroom_check_generations(orgs uuid[], generations integer[]) returns void
    language plpgsql
as $$
declare
    present bigint;
    current bigint;
begin
    select count(*), count(*) filter (where k.generation = used.generation) into present, current
        from public.org_keys k join unnest(orgs, generations) as used (org_id, generation) on k.org_id = used.org_id
        join public.organizations o on o.org_id = k.org_id
        where k.active and o.deleted_at is null and (k.org_id = any(orgs) or k.org_id = orgs[1]);
    if present < cardinality(orgs) then
        raise exception using errcode = 'SR001', message = 'an organization is gone';
    elsif current < cardinality(orgs) then
        raise exception using errcode = 'SR002', message = 'a generation is not the active one';
    end if;
end
$$;
