\set org random(0, :orgs - 1)
with recorded as (
    insert into bench_audit values (lpad(to_hex(:org::bigint), 32, '0')::uuid,
        '0190a1b2-0000-7000-8000-0123456789ab', nextval('bench_event'), now(), 'credential.list',
        'ok', 'admin', '0190a1b2-0000-7000-8000-0123456789ab', '127.0.0.1', null,
        '0190a1b2-0000-7000-8000-0123456789ab', null, null, null,
        '\x7878787878787878787878787878787878787878787878787878787878787878'))
select credential.cred_id, provider, cred_type, label, version, value_version, expires_at,
    expires_source, updated_at, etag, last_used_at, last_used_by,
    (select count(*) from bench_credentials
        where org_id = lpad(to_hex(:org::bigint), 32, '0')::uuid)
    - (select count(*) from bench_credentials
        where org_id = lpad(to_hex(:org::bigint), 32, '0')::uuid and deleted_at is not null)
    as total
from bench_credentials as credential
left join bench_last_used as used
    on used.org_id = credential.org_id and used.cred_id = credential.cred_id
where credential.org_id = lpad(to_hex(:org::bigint), 32, '0')::uuid and deleted_at is null
order by credential.cred_id limit 100;
