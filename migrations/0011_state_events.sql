-- The events that say which key generation, API key or deletion is current. A server looks at them when it loads keys;
-- there are few of them among all events.
do $$
begin
    create index audit_events_of_state on audit_events (org_id, at)
        where action in ('organization.create', 'organization.delete', 'organization.restore', 'organization.rotate',
            'organization.retire', 'organization.attest');
    create index audit_events_of_keys on audit_events (org_id, key_id)
        where action in ('key.create', 'key.revoke', 'key.attest');
end
$$;
