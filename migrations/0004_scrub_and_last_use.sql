-- What the integrity scrub asks of the audit trail: a credential's newest write, and whether it was deleted.
do $$
begin
    create index audit_events_writes on audit_events (org_id, cred_id, version)
        where action in ('credential.create', 'credential.update', 'credential.reseal', 'credential.attest',
            'credential.delete');
    create index audit_events_deletions on audit_events (org_id, cred_id)
        where action = 'credential.delete' and version is not null;
end
$$;

-- When each credential and API key was last used. Written in batches behind the requests, beside the rows they
-- are about and not in them, so that a use never waits for a write to the row. No foreign key for the same
-- reason; a row goes with its credential, and one that is left over is about nothing and does no harm.
create table credential_uses (
    org_id uuid not null,
    cred_id uuid not null,
    last_used_at timestamptz not null,
    -- null: somebody without an API key
    last_used_by uuid,
    primary key (org_id, cred_id)
) with (fillfactor = 80);

create table key_uses (
    org_id uuid not null,
    key_id uuid not null,
    last_used_at timestamptz not null,
    primary key (org_id, key_id)
) with (fillfactor = 80);

select strongroom_tenant_table('credential_uses');
select strongroom_tenant_table('key_uses');
