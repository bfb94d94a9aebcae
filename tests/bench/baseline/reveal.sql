\set n random(1, :rows)
with recorded as (
    insert into bench_audit values (lpad(to_hex(:n::bigint % :orgs), 32, '0')::uuid,
        '0190a1b2-0000-7000-8000-0123456789ab', nextval('bench_event'), now(), 'credential.reveal',
        'ok', 'admin', '0190a1b2-0000-7000-8000-0123456789ab', '127.0.0.1',
        lpad(to_hex(:n::bigint), 32, '0')::uuid, '0190a1b2-0000-7000-8000-0123456789ab', 1, null,
        null, '\x7878787878787878787878787878787878787878787878787878787878787878'))
select credential.org_id, credential.cred_id, provider, cred_type, label, version, key_generation,
    wrapped_key, sealed_blob, updated_at, pieces_user, value_version, expires_at,
    expires_source, history, last_used_at, last_used_by
from bench_credentials as credential
left join bench_last_used as used
    on used.org_id = credential.org_id and used.cred_id = credential.cred_id
where credential.org_id = lpad(to_hex(:n::bigint % :orgs), 32, '0')::uuid
    and credential.cred_id = lpad(to_hex(:n::bigint), 32, '0')::uuid and deleted_at is null;
