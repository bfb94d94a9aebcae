-- Organisations, their keys and their credentials. Every tenant table's key begins with org_id, and every
-- query on one runs under forced row-level security, scoped to the caller's organisations.

-- Scopes the current transaction to these organisations. A function, because a plain set_config would not
-- reach the workers of a sharded cluster.
create function strongroom_enter(orgs uuid[]) returns void
    language plpgsql
as $$
begin
    execute pg_catalog.format('set local strongroom.orgs = %L', pg_catalog.array_to_string(orgs, ','));
end
$$;

-- Opens, for the current transaction, the one door across organisations: listing them.
create function strongroom_enter_listing() returns void
    language plpgsql
as $$
begin
    set local strongroom.orgs = '*';
end
$$;

-- Whether org is in the current transaction's scope. The high cost keeps the check behind the index.
create function strongroom_in_scope(org uuid) returns boolean
    language plpgsql stable parallel safe cost 5000
as $$
begin
    return pg_catalog.strpos(pg_catalog.current_setting('strongroom.orgs', true), org::text) > 0;
end
$$;

create table root_keys (
    root_key_id uuid primary key,
    check_value bytea not null,
    -- argon2id parameters, when the root key is a passphrase
    kdf_salt bytea,
    kdf_memory_kib integer,
    kdf_passes integer,
    kdf_lanes integer,
    created_at timestamptz not null,
    check ((kdf_salt is null) = (kdf_memory_kib is null)
        and (kdf_salt is null) = (kdf_passes is null)
        and (kdf_salt is null) = (kdf_lanes is null))
);

create table service_keys (
    purpose text primary key,
    root_key_id uuid not null,
    wrapped_key bytea not null
);

create table organizations (
    org_id uuid primary key,
    name text not null,
    created_at timestamptz not null
);

create table org_keys (
    org_id uuid not null references organizations (org_id),
    generation integer not null check (generation > 0),
    root_key_id uuid not null,
    wrapped_key bytea not null,
    active boolean not null,
    created_at timestamptz not null,
    primary key (org_id, generation)
);
create unique index org_keys_one_active on org_keys (org_id) where active;

create table api_keys (
    org_id uuid not null references organizations (org_id),
    key_id uuid not null,
    role text not null,
    name text not null,
    digest bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    primary key (org_id, key_id)
);

-- No foreign key to org_keys: it would lock one hot row with every write. The write's transaction checks the
-- generation itself.
create table credentials (
    org_id uuid not null,
    cred_id uuid not null,
    provider text not null,
    cred_type text not null,
    label text not null,
    version bigint not null check (version > 0),
    key_generation integer not null,
    wrapped_key bytea not null,
    sealed_blob bytea not null,
    updated_at timestamptz not null,
    primary key (org_id, cred_id)
);
-- What is sealed does not compress; trying costs time.
alter table credentials alter column sealed_blob set storage external;

-- One chain per organisation and lane. Unique keys of a partitioned table include the partition's column, so
-- verification, and not the key, catches a sequence number that is there twice.
create table audit_events (
    org_id uuid not null,
    lane uuid not null,
    seq bigint not null check (seq > 0),
    at timestamptz not null,
    action text not null,
    outcome text not null,
    actor text not null,
    request_id text not null,
    source text not null,
    cred_id uuid,
    key_id uuid,
    version bigint,
    digest bytea,
    heads bytea,
    mac bytea not null,
    primary key (org_id, lane, seq, at)
) partition by range (at);
-- Events whose month has no partition of its own: none, while servers run and make them ahead of time.
create table audit_events_default partition of audit_events default;
alter table audit_events_default enable row level security;
alter table audit_events_default force row level security;

do $$
declare
    tenant_table text;
begin
    foreach tenant_table in array array['organizations', 'org_keys', 'api_keys', 'credentials', 'audit_events'] loop
        execute format('alter table %I enable row level security', tenant_table);
        execute format('alter table %I force row level security', tenant_table);
        execute format('create policy tenant on %I using (strongroom_in_scope(org_id)) '
            'with check (strongroom_in_scope(org_id))', tenant_table);
    end loop;
end
$$;
create policy listing on organizations for select
    using (pg_catalog.current_setting('strongroom.orgs', true) = '*');

-- Makes the audit partitions of this month and the next three. It runs as its owner, since servers own no
-- table and so cannot make one.
create function strongroom_ensure_audit_partitions() returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    month timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc';
    next_month timestamptz;
    partition text;
begin
    for ahead in 0..3 loop
        next_month := (month at time zone 'utc' + interval '1 month') at time zone 'utc';
        partition := 'audit_events_' || to_char(month at time zone 'utc', '"y"YYYY"m"MM');
        if to_regclass('public.' || partition) is null then
          -- A month of which the default partition holds events already cannot have one of its own; that must
          -- not keep the next ones from theirs.
          begin
            perform pg_advisory_xact_lock(hashtext('strongroom_ensure_audit_partitions'));
            execute format('create table if not exists public.%I partition of public.audit_events '
                'for values from (%L) to (%L)', partition, month, next_month);
            execute format('alter table public.%I enable row level security', partition);
            execute format('alter table public.%I force row level security', partition);
          exception when check_violation then
            raise warning 'the audit events of % stay in the default partition', partition;
          end;
        end if;
        month := next_month;
    end loop;
end
$$;
revoke all on function strongroom_ensure_audit_partitions() from public;
select strongroom_ensure_audit_partitions();
