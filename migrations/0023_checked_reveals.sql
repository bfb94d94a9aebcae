-- A stamp of the credential alone is that of a reveal: it needs no policy.
create or replace function strongroom_check_uses(orgs uuid[], creds uuid[], stamps text[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    current bigint;
begin
    select count(*) into current
        from unnest(orgs, creds, stamps) as used (org_id, cred_id, stamp)
        join public.credentials c on c.org_id = used.org_id and c.cred_id = used.cred_id and c.deleted_at is null
        where c.xmin::text || c.ctid::text = used.stamp
            or exists (select from public.relay_policies p where p.org_id = used.org_id and p.cred_id = used.cred_id
                and c.xmin::text || c.ctid::text || p.xmin::text || p.ctid::text = used.stamp);
    if current < cardinality(orgs) then
        raise exception using errcode = 'SR004', message = 'a credential or its relay policy has changed';
    end if;
end
$$;
