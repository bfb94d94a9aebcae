-- A keyed digest over an idempotency record: which credential a repeated request gets. Rows of an earlier version have
-- none; they are accepted for a day after the record format advanced.
do $$
begin
    alter table idempotency_keys add column proof bytea;
end
$$;
alter table record_format add column since timestamptz not null default '1970-01-01T00:00:00Z';

do $$
declare
    server text;
begin
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant update (since) on record_format to %s', server);
    end loop;
end
$$;
