-- Events with further members. An event without proof_key has the first format; otherwise, proof_key is the generation
-- of the service key that its digest is made with.
do $$
begin
    alter table audit_events add column proof_key integer, add column details text;
end
$$;

-- The newest format of records that servers write. It advances once every running server reads that format.
create table record_format (
    single boolean primary key default true check (single),
    format integer not null
);
insert into record_format (format) values (1);

alter table servers add column record_format integer not null default 1;

create function strongroom_forward_record_format() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if public.strongroom_moves_forward(tg_relid) and new.format < old.format then
        raise exception using errcode = 'SR003', message = 'the format of records advances only';
    end if;
    return new;
end
$$;
revoke all on function strongroom_forward_record_format() from public;

do $$
declare
    server text;
begin
    execute 'create trigger forward_only before update on record_format for each row '
        'execute function strongroom_forward_record_format()';
    -- Whoever serves already goes on to do so.
    for server in select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
        where c.oid = 'org_keys'::regclass and a.privilege_type = 'INSERT' and a.grantee not in (0, c.relowner) loop
        execute format('grant select, update (format) on record_format to %s', server);
    end loop;
end
$$;
