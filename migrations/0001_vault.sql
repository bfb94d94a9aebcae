-- Organisations, their keys and their credentials. Every tenant table's key begins with org_id, and every
-- query on one runs under forced row-level security, scoped to the caller's organisations.

-- A transaction says whose rows it is about: set local strongroom.orgs = '<id>,<id>,'. Or it opens the one door across
-- organisations, listing them: set local strongroom.orgs = '*'.

-- Shows a table's rows in the scope of their organisation alone, even to the table's owner: where text follows the
-- organisation's id. split_part, since strpos would also count characters; no function of our own, since its call would
-- take longer than the check; no sub-select, since sharded clusters do not take one here.
create function strongroom_protect(tenant_table regclass) returns void
    language plpgsql
    set search_path = public, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format('create policy tenant on %s using (pg_catalog.split_part('
        'pg_catalog.current_setting(''strongroom.orgs'', true), org_id::text, 2) <> '''')', tenant_table);
end
$$;
revoke all on function strongroom_protect(regclass) from public;

-- Shards a table by org_id where the Citus extension is, and does nothing elsewhere. Four shards per worker, unless
-- strongroom.shards says how many in all: few, since gathered statements touch many of them.
create function strongroom_distribute(tenant_table regclass) returns void
    language plpgsql
as $$
declare
    shards text := nullif(current_setting('strongroom.shards', true), '');
begin
    if not exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    if tenant_table = 'organizations'::regclass then
        perform create_distributed_table(tenant_table, 'org_id', colocate_with := 'none',
            shard_count := coalesce(shards::integer, 4 * (select count(*)::integer
                from citus_get_active_worker_nodes())));
    else
        perform create_distributed_table(tenant_table, 'org_id', colocate_with := 'organizations');
    end if;
end
$$;
revoke all on function strongroom_distribute(regclass) from public;

-- Both, for a new tenant table that has its columns and keys. A table is distributed before another references it.
create function strongroom_tenant_table(tenant_table regclass) returns void
    language plpgsql
as $$
begin
    perform strongroom_protect(tenant_table);
    perform strongroom_distribute(tenant_table);
end
$$;
revoke all on function strongroom_tenant_table(regclass) from public;

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
select strongroom_tenant_table('organizations');

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
select strongroom_tenant_table('org_keys');

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
select strongroom_tenant_table('api_keys');

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
select strongroom_tenant_table('credentials');

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
select strongroom_tenant_table('audit_events');
-- Events whose month has no partition of its own: none, while servers run and make them ahead of time.
create table audit_events_default partition of audit_events default;
select strongroom_protect('audit_events_default');
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
            set local citus.multi_shard_modify_mode = 'sequential';
            execute format('create table if not exists public.%I partition of public.audit_events '
                'for values from (%L) to (%L)', partition, month, next_month);
            perform public.strongroom_protect(format('public.%I', partition)::regclass);
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
