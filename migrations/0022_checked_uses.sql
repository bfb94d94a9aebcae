-- Fails unless each credential and its relay policy are the rows that their stamp names: the statement that records uses
-- of credentials calls it. An update gives a row another xmin and ctid, whatever it changes.
create function strongroom_check_uses(orgs uuid[], creds uuid[], stamps text[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    current bigint;
begin
    select count(*) into current
        from unnest(orgs, creds, stamps) as used (org_id, cred_id, stamp)
        join public.credentials c on c.org_id = used.org_id and c.cred_id = used.cred_id and c.deleted_at is null
        join public.relay_policies p on p.org_id = used.org_id and p.cred_id = used.cred_id
        where c.xmin::text || c.ctid::text || p.xmin::text || p.ctid::text = used.stamp;
    if current < cardinality(orgs) then
        raise exception using errcode = 'SR004', message = 'a credential or its relay policy has changed';
    end if;
end
$$;
revoke all on function strongroom_check_uses(uuid[], uuid[], text[]) from public;

do $$
declare
    server text;
begin
    -- Roles of servers get their right to it.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant execute on function strongroom_check_uses(uuid[], uuid[], text[]) to %s', server);
    end loop;
end
$$;
