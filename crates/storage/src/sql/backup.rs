//! Statements for backup and restore.

/// Begins a read-only snapshot: all following statements see the same state.
pub const SNAPSHOT_BEGIN: &str = "begin isolation level repeatable read read only";
/// The number of an organization's credentials and audit events.
pub const BACKUP_COUNT: &str = "select (select count(*) from credentials where org_id = $1) \
     + (select count(*) from audit_events where org_id = $1) as total";
/// All generations of an organization's key, with their creation times.
pub const BACKUP_ORG_KEYS: &str = "select generation, root_key_id, wrapped_key, active, created_at \
     from org_keys where org_id = $1 order by generation";
/// An organization's API keys, as they are stored.
pub const BACKUP_API_KEYS: &str = "select key_id, role, limits, name, digest, created_at, \
     expires_at, revoked_at, ends_at, end_proof from api_keys where org_id = $1 order by key_id";
/// An organization's OAuth 2.0 clients, as they are stored.
pub const BACKUP_OAUTH_CLIENTS: &str = "select client_id, name, limits, access_token_duration, \
     created_at, version, digest, proof, deleted_at from oauth_clients where org_id = $1 \
     order by client_id";
/// Last-used times of an organization's credentials, after an id.
pub const BACKUP_CREDENTIAL_USES: &str = "select cred_id, last_used_at, last_used_by from \
     credential_uses \
     where org_id = $1 and cred_id > $2 order by cred_id limit $3";
/// Last-used times of an organization's API keys, after an id.
pub const BACKUP_KEY_USES: &str = "select key_id, last_used_at from key_uses \
     where org_id = $1 and key_id > $2 order by key_id limit $3";

/// All signed roots of audit trails.
pub const BACKUP_AUDIT_ROOTS: &str = "select at, leaves, root, previous, public_key, signature \
     from audit_roots order by at";
/// An organization's leaves under signed roots, after a time.
pub const BACKUP_AUDIT_LEAVES: &str = "select at, number, heads, path from audit_root_leaves \
     where org_id = $1 and at > $2 order by at limit $3";
/// Inserts a signed root of a backup, unless it is there.
pub const RESTORE_AUDIT_ROOT: &str = "insert into audit_roots \
     (at, leaves, root, previous, public_key, signature) values ($1, $2, $3, $4, $5, $6) \
     on conflict (at) do nothing";
/// Inserts a leaf of a backup, unless it is there.
pub const RESTORE_AUDIT_LEAF: &str = "insert into audit_root_leaves \
     (org_id, at, heads, number, path) values ($1, $2, $3, $4, $5) \
     on conflict (org_id, at) do nothing";

/// The tables of a restore into which the current role cannot insert.
pub const RESTORE_RIGHTS: &str = "select name from unnest(array['root_keys', 'service_keys', \
     'root_rotations', \
       'organizations', 'organization_ancestors', 'org_keys', 'api_keys', \
       'oauth_clients', 'rotations', 'credentials', 'credential_versions', 'credential_uses', \
       'key_uses', \
       'audit_events', 'audit_checkpoints', 'audit_roots', 'audit_root_leaves']) as name \
     where not has_table_privilege(current_user, name, 'insert')";
/// Inserts a root key of a backup.
pub const RESTORE_ROOT_KEY: &str = "insert into root_keys (root_key_id, check_value, kdf_salt, \
     kdf_memory_kib, \
     kdf_passes, kdf_lanes, created_at, state) values ($1, $2, $3, $4, $5, $6, $7, $8)";
/// Inserts a service key of a backup; its purpose must have none.
pub const RESTORE_SERVICE_KEY: &str =
    "insert into service_keys (purpose, root_key_id, wrapped_key) values ($1, $2, $3)";
/// Inserts a root key rotation of a backup.
pub const RESTORE_ROOT_ROTATION: &str = "insert into root_rotations (root_key_id, state, \
     rows_total, rows_done, \
     throttle, started_at, updated_at, finished_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
/// The number of root keys and service keys.
pub const RESTORE_KNOWN_KEYS: &str = "select (select count(*) from root_keys) \
     + (select count(*) from service_keys) as total";
/// Inserts an organization of a backup.
pub const RESTORE_ORGANIZATION: &str = "insert into organizations \
     (org_id, name, parent_id, created_at, deleted_at, destroy_after, destroyed_at) \
     values ($1, $2, $3, $4, $5, $6, $7)";
/// Inserts an ancestor of a backup, unless it is there.
pub const RESTORE_ANCESTOR: &str = "insert into organization_ancestors \
     (org_id, ancestor_id, distance, proof) values ($1, $2, $3, $4) \
     on conflict (org_id, ancestor_id) do nothing";
/// Inserts an API key of a backup.
pub const RESTORE_API_KEY: &str = "insert into api_keys \
     (org_id, key_id, role, limits, name, digest, created_at, expires_at, revoked_at, ends_at, \
     end_proof) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
/// Inserts an OAuth 2.0 client of a backup, unless it is there.
pub const RESTORE_OAUTH_CLIENT: &str = "insert into oauth_clients (org_id, client_id, name, \
     limits, access_token_duration, created_at, version, digest, proof, deleted_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     on conflict (org_id, client_id) do nothing";
/// Inserts a rotation of a backup.
pub const RESTORE_ROTATION: &str = "insert into rotations (org_id, generation, re_encrypt, \
     state, rows_total, \
     rows_done, throttle, started_at, updated_at, finished_at) values ($1, $2, $3, $4, $5, $6, \
     $7, $8, $9, $10)";
/// Replaces a credential.
pub const RESTORE_CREDENTIAL_OVER: &str = "update credentials set provider = $3, cred_type = $4, \
     label = $5, \
     version = $6, key_generation = $7, wrapped_key = $8, sealed_blob = $9, updated_at = $10, \
     pieces_user = $11, etag = $12, value_version = $13, expires_at = $14, \
     expires_source = $15, deleted_at = $16, recover_until = $17, history = $18 \
     where org_id = $1 and cred_id = $2";
/// Those of several credentials of one organization that exist.
pub const RESTORE_CREDENTIALS: &str = concat!(
    "select ",
    sealed!(""),
    " from credentials where org_id = $1 and cred_id = any($2)"
);
/// Inserts a credential that is deleted or has other values.
pub const RESTORE_CREDENTIAL: &str = "insert into credentials (org_id, cred_id, provider, \
     cred_type, label, version, key_generation, wrapped_key, sealed_blob, updated_at, \
     pieces_user, etag, value_version, expires_at, expires_source, deleted_at, recover_until, \
     history) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
     $17, $18)";
/// The newest deletions of several credentials of one organization.
pub const RESTORE_DELETED: &str = "select distinct on (cred_id) cred_id, \
     version as deleted_version, details as deletion_details from audit_events \
     where org_id = $1 and cred_id = any($2) and action = 'credential.delete' \
     and version is not null and outcome = 'ok' order by cred_id, version desc, at desc";
/// Those of several events of one organization, by lane and number, that exist.
pub const RESTORE_EVENTS: &str = "select e.lane, e.seq, e.mac from audit_events e \
     join unnest($2::uuid[], $3::bigint[]) as wanted (lane, seq) \
     on e.lane = wanted.lane and e.seq = wanted.seq where e.org_id = $1";
/// The numbers up to which several lanes of one organization were pruned.
pub const RESTORE_PRUNED: &str =
    "select lane, seq from audit_checkpoints where org_id = $1 and lane = any($2)";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("BACKUP_COUNT", BACKUP_COUNT),
    ("BACKUP_ORG_KEYS", BACKUP_ORG_KEYS),
    ("BACKUP_API_KEYS", BACKUP_API_KEYS),
    ("BACKUP_OAUTH_CLIENTS", BACKUP_OAUTH_CLIENTS),
    ("BACKUP_CREDENTIAL_USES", BACKUP_CREDENTIAL_USES),
    ("BACKUP_KEY_USES", BACKUP_KEY_USES),
    ("BACKUP_AUDIT_ROOTS", BACKUP_AUDIT_ROOTS),
    ("BACKUP_AUDIT_LEAVES", BACKUP_AUDIT_LEAVES),
    ("RESTORE_AUDIT_ROOT", RESTORE_AUDIT_ROOT),
    ("RESTORE_AUDIT_LEAF", RESTORE_AUDIT_LEAF),
    ("RESTORE_RIGHTS", RESTORE_RIGHTS),
    ("RESTORE_ROOT_KEY", RESTORE_ROOT_KEY),
    ("RESTORE_SERVICE_KEY", RESTORE_SERVICE_KEY),
    ("RESTORE_ROOT_ROTATION", RESTORE_ROOT_ROTATION),
    ("RESTORE_KNOWN_KEYS", RESTORE_KNOWN_KEYS),
    ("RESTORE_ORGANIZATION", RESTORE_ORGANIZATION),
    ("RESTORE_ANCESTOR", RESTORE_ANCESTOR),
    ("RESTORE_API_KEY", RESTORE_API_KEY),
    ("RESTORE_OAUTH_CLIENT", RESTORE_OAUTH_CLIENT),
    ("RESTORE_ROTATION", RESTORE_ROTATION),
    ("RESTORE_CREDENTIAL_OVER", RESTORE_CREDENTIAL_OVER),
    ("RESTORE_CREDENTIAL", RESTORE_CREDENTIAL),
    ("RESTORE_CREDENTIALS", RESTORE_CREDENTIALS),
    ("RESTORE_DELETED", RESTORE_DELETED),
    ("RESTORE_EVENTS", RESTORE_EVENTS),
    ("RESTORE_PRUNED", RESTORE_PRUNED),
];
