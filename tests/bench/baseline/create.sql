\set org random(:orgs, 2 * :orgs - 1)
with created as (
    insert into bench_credentials values (
        lpad(to_hex(:org::bigint), 32, '0')::uuid,
        lpad(to_hex(nextval('bench_id')), 32, '0')::uuid, 'generic', 'api_key',
        'bench-0-123456', 1, 1,
        '\xababababababababababababababababababababababababababababababababababab'
        'abababababababababababababababababababababababababab',
        '\xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd'
        'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd'
        'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',
        now(), null, '\x56565656565656565656565656565656', 1)
    returning org_id, cred_id)
insert into bench_audit
select org_id, '0190a1b2-0000-7000-8000-0123456789ab', nextval('bench_event'), now(),
    'credential.create', 'ok', 'admin', '0190a1b2-0000-7000-8000-0123456789ab', '127.0.0.1',
    cred_id, '0190a1b2-0000-7000-8000-0123456789ab', 1,
    '\x5656565656565656565656565656565656565656565656565656565656565656', null,
    '\x7878787878787878787878787878787878787878787878787878787878787878'
from created;
