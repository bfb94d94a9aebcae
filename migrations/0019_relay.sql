-- Relay policies: which requests may carry a credential that is not revealed. The row stays when a policy is deleted, so
-- that no version comes again; it goes with the credential.
create table relay_policies (
    org_id uuid not null,
    cred_id uuid not null,
    version bigint not null check (version > 0),
    updated_at timestamptz not null,
    -- null: this version deleted the policy
    key_generation integer,
    wrapped_key bytea,
    sealed_policy bytea,
    -- a keyed digest over the other columns, but for the wrapped key; the event of the version has it, too
    digest bytea not null,
    primary key (org_id, cred_id)
);
alter table relay_policies alter column sealed_policy set storage external;
select strongroom_tenant_table('relay_policies');

create function strongroom_forward_relay_policies() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not public.strongroom_moves_forward(tg_relid) then
        return new;
    end if;
    if new.version < old.version then
        raise exception using errcode = 'SR003', message = 'the version of a relay policy only rises';
    elsif new.version = old.version and (new.sealed_policy is distinct from old.sealed_policy
        or new.digest <> old.digest or new.updated_at <> old.updated_at) then
        raise exception using errcode = 'SR003', message = 'a version of a relay policy does not change';
    end if;
    return new;
end
$$;
revoke all on function strongroom_forward_relay_policies() from public;

do $$
declare
    server text;
begin
    create index audit_events_of_relay_policies on audit_events (org_id, cred_id, version)
        where action in ('relay_policy.put', 'relay_policy.delete', 'relay_policy.attest');
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert, delete on relay_policies to %s', server);
        execute format('grant update (version, updated_at, key_generation, wrapped_key, sealed_policy, digest) '
            'on relay_policies to %s', server);
    end loop;
    -- A sharded cluster takes no trigger on a tenant table.
    if exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    execute 'create trigger forward_only before update on relay_policies for each row '
        'execute function strongroom_forward_relay_policies()';
end
$$;
