-- The heads of all audit trails at one time, under one signed Merkle root, which also goes into the log: whoever keeps the
-- log can show that the end of a trail was cut off.
create table audit_roots (
    at timestamptz primary key,
    leaves bigint not null check (leaves >= 0),
    root bytea not null check (octet_length(root) = 32),
    -- the root before this one; zeros for the first
    previous bytea not null check (octet_length(previous) = 32),
    public_key bytea not null check (octet_length(public_key) = 32),
    signature bytea not null check (octet_length(signature) = 64)
);

-- One organization's heads under a root. The path proves that they belong to it.
create table audit_root_leaves (
    org_id uuid not null,
    at timestamptz not null,
    number bigint not null,
    heads bytea not null,
    path bytea not null,
    primary key (org_id, at)
);
select strongroom_tenant_table('audit_root_leaves');

-- The result of the last integrity scrub, which every server shows.
create table scrub_results (
    single boolean primary key default true check (single),
    ended_at timestamptz not null,
    credentials bigint not null,
    findings bigint not null,
    events bigint not null,
    trail_findings bigint not null,
    -- a keyed digest over the other columns
    proof bytea not null
);

do $$
declare
    server text;
begin
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert, delete on audit_roots, audit_root_leaves to %s', server);
        execute format('grant select, insert, update on scrub_results to %s', server);
    end loop;
end
$$;
