-- A stamp of the credential alone is that of a reveal: it needs no policy. Stamps have random bytes of their rows, since xmin
-- and ctid may come again after a failover. Servers of the version before send stamps without them.
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
        where c.xmin::text || c.ctid::text || substring(c.wrapped_key from 2 for 16)::text = used.stamp
            or exists (select from public.relay_policies p where p.org_id = used.org_id and p.cred_id = used.cred_id
                and used.stamp in (
                    c.xmin::text || c.ctid::text || substring(c.wrapped_key from 2 for 16)::text
                        || p.xmin::text || p.ctid::text || substring(p.digest from 2 for 16)::text,
                    c.xmin::text || c.ctid::text || p.xmin::text || p.ctid::text));
    if current < cardinality(orgs) then
        raise exception using errcode = 'SR004', message = 'a credential or its relay policy has changed';
    end if;
end
$$;
