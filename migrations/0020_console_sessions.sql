-- Sessions of the console. The digest covers all other columns but last_seen_at, together with the API key or client and
-- the secret in the cookie. A session that has ended has no row.
create table console_sessions (
    org_id uuid not null references organizations (org_id),
    session_id uuid not null,
    -- key or client
    holder_kind text not null,
    holder_id uuid not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    digest bytea not null,
    primary key (org_id, session_id)
);
create index console_sessions_holder on console_sessions (org_id, holder_id);
create index console_sessions_age on console_sessions (org_id, created_at);
select strongroom_tenant_table('console_sessions');

do $$
declare
    server text;
begin
    create index audit_events_of_console on audit_events (org_id, key_id)
        where action in ('console.sign_in', 'console.sign_out');
    -- Roles of servers get their rights on the new table, too.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert, delete on console_sessions to %s', server);
        execute format('grant update (last_seen_at) on console_sessions to %s', server);
    end loop;
end
$$;
