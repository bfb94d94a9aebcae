-- The tree of organizations, and what limits an API key besides its role.
do $$
begin
    alter table organizations add column parent_id uuid;
    alter table api_keys
        -- JSON under the key's digest; null: the role is the only limit
        add column limits text,
        add column ends_at timestamptz,
        add column end_proof bytea;
    create index audit_events_of_key_ends on audit_events (org_id, key_id)
        where action in ('key.schedule_end', 'key.attest');
    create index audit_events_of_settings on audit_events (org_id, at)
        where action in ('organization.configure', 'organization.attest');
end
$$;

-- One row for each ancestor of an organization. The proof is a keyed digest over the other columns: whoever can write
-- rows cannot place an organization under another.
create table organization_ancestors (
    org_id uuid not null,
    ancestor_id uuid not null,
    distance smallint not null check (distance > 0),
    proof bytea not null,
    primary key (org_id, ancestor_id)
);
create index organization_ancestors_descendants on organization_ancestors (ancestor_id, distance);
select strongroom_tenant_table('organization_ancestors');

do $$
declare
    server text;
begin
    -- An organization also sees the rows that make it an ancestor.
    execute format('create policy descendants on organization_ancestors for select using (%s)',
        replace(strongroom_tenant_condition(), 'org_id', 'ancestor_id'));
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert on organization_ancestors to %s', server);
        execute format('grant update (name) on organizations to %s', server);
        execute format('grant update (ends_at, end_proof) on api_keys to %s', server);
    end loop;
end
$$;

create or replace function strongroom_forward_api_keys() returns trigger
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
    elsif old.ends_at is not null and (new.ends_at is null or new.ends_at > old.ends_at) then
        raise exception using errcode = 'SR003', message = 'the end of a key only moves nearer';
    end if;
    return new;
end
$$;
