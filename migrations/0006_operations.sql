-- Writes that somebody waits for in other regions, or may repeat. A row commits together with the write, so
-- where the row is visible, the write has arrived. The id begins with the time, so old rows are the smallest.
create table operations (
    org_id uuid not null,
    op_id uuid not null,
    primary key (org_id, op_id)
);

-- Requests that may be repeated, and what the first one did. Keyed digests: neither the caller's key nor the
-- request can be guessed from them.
create table idempotency_keys (
    org_id uuid not null,
    key_digest bytea not null,
    request_digest bytea not null,
    cred_id uuid not null,
    op_id uuid not null,
    claimed_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (org_id, key_digest)
);
create index idempotency_keys_expiry on idempotency_keys (org_id, expires_at);

select strongroom_tenant_table('operations');
select strongroom_tenant_table('idempotency_keys');
