-- Tables of a backend without a vault: the ciphertext, the audit trail with the indexes to read it,
-- and the last-used times.
drop table if exists bench_credentials, bench_audit, bench_last_used;
drop sequence if exists bench_id, bench_event;
create sequence bench_id cache 1000;
create sequence bench_event cache 1000;
create table bench_credentials (
    org_id uuid not null,
    cred_id uuid not null,
    provider text not null,
    cred_type text not null,
    label text not null,
    version bigint not null,
    key_generation integer not null,
    wrapped_key bytea not null,
    sealed_blob bytea not null,
    updated_at timestamptz not null,
    pieces_user text,
    etag bytea,
    value_version bigint,
    expires_at timestamptz,
    expires_source text,
    history bytea,
    deleted_at timestamptz,
    recover_until timestamptz,
    primary key (org_id, cred_id)
);
create unique index on bench_credentials (org_id, pieces_user)
    where pieces_user is not null and deleted_at is null;
create index on bench_credentials (org_id, label collate "C") where label <> '';
create index on bench_credentials (org_id, expires_at) where expires_at is not null;
create index on bench_credentials (org_id, recover_until) where deleted_at is not null;
create table bench_audit (
    org_id uuid not null,
    lane uuid not null,
    seq bigint not null,
    at timestamptz not null,
    action text not null,
    outcome text not null,
    actor text not null,
    request_id text not null,
    source text not null,
    cred_id uuid,
    key_id uuid,
    version bigint,
    digest bytea,
    heads bytea,
    mac bytea not null,
    primary key (org_id, lane, seq, at)
);
create index on bench_audit (org_id, at);
create index on bench_audit (org_id, cred_id, at)
    where cred_id is not null and action not in ('credential.create', 'credential.update',
        'credential.reseal', 'credential.attest', 'credential.delete');
create index on bench_audit (org_id, cred_id, version)
    where action in ('credential.create', 'credential.update', 'credential.reseal',
        'credential.attest', 'credential.delete');
create index on bench_audit (org_id, cred_id)
    where action = 'credential.delete' and version is not null;
create table bench_last_used (
    org_id uuid not null,
    cred_id uuid not null,
    last_used_at timestamptz not null,
    last_used_by uuid,
    primary key (org_id, cred_id)
);
-- Sizes of a row of the vault: 61 bytes of wrapped key, 94 bytes of ciphertext.
insert into bench_credentials
select lpad(to_hex(n % :orgs), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, 'generic', 'api_key',
    'load-' || n, 1, 1, decode(repeat('ab', 61), 'hex'), decode(repeat('cd', 94), 'hex'), now(),
    null, decode(repeat('56', 16), 'hex'), 1
from generate_series(1, :rows) n;
insert into bench_last_used
select org_id, cred_id, now(), '0190a1b2-0000-7000-8000-0123456789ab' from bench_credentials;
select setval('bench_id', :rows + 1000000000);
