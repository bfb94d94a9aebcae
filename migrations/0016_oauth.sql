-- OAuth 2.0 clients and their access tokens.

-- The proof is a keyed digest over all other columns but the last. It also stands in the audit event of the version, so
-- that no earlier row can be put back. A row stays after the end of its client, for its version.
create table oauth_clients (
    org_id uuid not null references organizations (org_id),
    client_id uuid not null,
    name text not null,
    limits text not null,
    access_token_duration bigint not null,
    created_at timestamptz not null,
    version bigint not null check (version > 0),
    digest bytea not null,
    proof bytea not null,
    deleted_at timestamptz,
    primary key (org_id, client_id)
);
select strongroom_tenant_table('oauth_clients');

-- The digest covers all other columns. A revoked token has no row.
create table access_tokens (
    org_id uuid not null references organizations (org_id),
    token_id uuid not null,
    client_id uuid not null,
    scopes text not null,
    issued_at timestamptz not null,
    expires_at timestamptz not null,
    digest bytea not null,
    primary key (org_id, token_id)
);
create index access_tokens_expiry on access_tokens (org_id, expires_at);
select strongroom_tenant_table('access_tokens');

create function strongroom_forward_oauth_clients() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not public.strongroom_moves_forward(tg_relid) then
        return new;
    end if;
    if old.deleted_at is not null then
        raise exception using errcode = 'SR003', message = 'a client that has ended does not change';
    elsif new.version <= old.version then
        raise exception using errcode = 'SR003', message = 'the version of a client only rises';
    end if;
    return new;
end
$$;
revoke all on function strongroom_forward_oauth_clients() from public;

-- The removal of tokens whose time has passed changes nothing that a server may have cached.
create function strongroom_next_key_epoch_after_tokens() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from gone where gone.expires_at > now()) then
        update public.key_epoch set epoch = gen_random_uuid();
    end if;
    return null;
end
$$;
revoke all on function strongroom_next_key_epoch_after_tokens() from public;

do $$
declare
    server text;
begin
    create index audit_events_of_oauth on audit_events (org_id, key_id)
        where action in ('oauth_client.create', 'oauth_client.update', 'oauth_client.rotate_secret',
            'oauth_client.delete', 'oauth_client.attest', 'token.issue', 'token.revoke');
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert on oauth_clients to %s', server);
        execute format('grant update (name, limits, access_token_duration, version, digest, proof, deleted_at) '
            'on oauth_clients to %s', server);
        execute format('grant select, insert, delete on access_tokens to %s', server);
    end loop;
    -- A sharded cluster takes no trigger on a tenant table.
    if exists (select from pg_extension where extname = 'citus') then
        return;
    end if;
    execute 'create trigger forward_only before update on oauth_clients for each row '
        'execute function strongroom_forward_oauth_clients()';
    execute 'create trigger key_epoch after update or delete on oauth_clients for each statement '
        'execute function strongroom_next_key_epoch()';
    execute 'create trigger key_epoch after update on access_tokens for each statement '
        'execute function strongroom_next_key_epoch()';
    execute 'create trigger key_epoch_after_removal after delete on access_tokens '
        'referencing old table as gone for each statement '
        'execute function strongroom_next_key_epoch_after_tokens()';
end
$$;
