-- The same check with a condition on each table. A sharded cluster queries only the shards that every table's own
-- condition names: without one on organizations, it queried all shards, so that each batch of writes needed all workers.
create or replace function strongroom_check_generations(orgs uuid[], generations integer[]) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    present bigint;
    current bigint;
begin
    select count(*), count(*) filter (where k.generation = used.generation) into present, current
        from public.org_keys k join unnest(orgs, generations) as used (org_id, generation) on k.org_id = used.org_id
        join public.organizations o on o.org_id = k.org_id
        where k.active and o.deleted_at is null and (k.org_id = any(orgs) or k.org_id = orgs[1])
            and (o.org_id = any(orgs) or o.org_id = orgs[1]);
    if present < cardinality(orgs) then
        raise exception using errcode = 'SR001', message = 'an organization is gone';
    elsif current < cardinality(orgs) then
        raise exception using errcode = 'SR002', message = 'a generation is not the active one';
    end if;
end
$$;
