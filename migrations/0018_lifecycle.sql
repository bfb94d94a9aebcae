-- The versions of a credential's value, when it expires, and what is left of it after a deletion. The columns are null in
-- rows that an earlier version of the program wrote: their value has the version of the row.
do $$
begin
    alter table credentials
        add column value_version bigint,
        add column expires_at timestamptz,
        add column expires_source text,
        -- a keyed digest over the rows of credential_versions; null: there are none
        add column history bytea,
        -- a deleted credential can be restored until its window ends
        add column deleted_at timestamptz,
        add column recover_until timestamptz;
end
$$;

-- Values of a credential besides the current one: former values, and one that waits to become current.
create table credential_versions (
    org_id uuid not null,
    cred_id uuid not null,
    value_version bigint not null check (value_version > 0),
    -- null: a former value before the previous one, or a destroyed one
    stage text,
    staged_at timestamptz not null,
    expires_at timestamptz,
    expires_source text,
    -- null: destroyed
    key_generation integer,
    wrapped_key bytea,
    sealed_blob bytea,
    destroyed_at timestamptz,
    -- over the other columns, but for the wrapped key
    digest bytea not null,
    primary key (org_id, cred_id, value_version)
);
alter table credential_versions alter column sealed_blob set storage external;
select strongroom_tenant_table('credential_versions');

do $$
declare
    server text;
begin
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert, update, delete on credential_versions to %s', server);
    end loop;
end
$$;
