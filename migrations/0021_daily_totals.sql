-- Reveals and relays of an organization per day (UTC), counted from its audit trail. They are statistics: no proof stands
-- over them, and they can be counted again while the trail has the events.
create table daily_totals (
    org_id uuid not null,
    day date not null,
    reveals bigint not null check (reveals >= 0),
    relays bigint not null check (relays >= 0),
    -- when they were counted: a day that was over for an hour then is not counted again
    counted_at timestamptz not null,
    primary key (org_id, day)
);
select strongroom_tenant_table('daily_totals');

do $$
declare
    server text;
begin
    -- Roles of servers get their rights on the new table, too.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, insert, update, delete on daily_totals to %s', server);
    end loop;
end
$$;
