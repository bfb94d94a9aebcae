-- Reading the audit trail: by time, by credential; and where a lane goes on whose first events were pruned.
do $$
begin
    create index audit_events_by_time on audit_events (org_id, at);
    create index audit_events_by_credential on audit_events (org_id, cred_id, at) where cred_id is not null;
end
$$;

-- The last pruned event of a lane, signed with Ed25519: the events after it still verify.
create table audit_checkpoints (
    org_id uuid not null,
    lane uuid not null,
    seq bigint not null check (seq > 0),
    mac bytea not null check (octet_length(mac) = 32),
    -- every event pruned with it was older
    pruned_before timestamptz not null,
    signature bytea not null,
    primary key (org_id, lane)
);
select strongroom_tenant_table('audit_checkpoints');
