//! Statements for root keys, service keys, rotations and the running servers.

/// All root keys, oldest first.
pub const ROOT_KEYS: &str = "select root_key_id, check_value, kdf_salt, kdf_memory_kib, \
     kdf_passes, kdf_lanes, \
     created_at, state from root_keys order by created_at, root_key_id";
/// Inserts the first root key, if there is none yet.
pub const ROOT_KEY_INSERT_FIRST: &str = "insert into root_keys \
     (root_key_id, check_value, kdf_salt, kdf_memory_kib, kdf_passes, kdf_lanes, created_at) \
     select $1::uuid, $2::bytea, $3::bytea, $4::integer, $5::integer, $6::integer, $7::timestamptz \
     where not exists (select from root_keys)";
/// Serializes servers that start on an empty database, until the end of the transaction.
pub const ROOT_KEY_LOCK: &str = "select pg_advisory_xact_lock(7361982640127)";
/// All service keys.
pub const SERVICE_KEYS: &str = "select purpose, root_key_id, wrapped_key from service_keys";
/// Inserts a service key, unless its purpose has one.
pub const SERVICE_KEY_INSERT: &str = "insert into service_keys (purpose, root_key_id, wrapped_key) \
     values ($1, $2, $3) on conflict (purpose) do nothing";
/// Stores a re-wrapped generation of an organization's key, unless the row has changed.
pub const ORG_KEY_REWRAP: &str = "update org_keys set root_key_id = $4, wrapped_key = $5 \
     where org_id = $1 and generation = $2 and root_key_id = $3";
/// Deactivates a generation, if it is the active one.
pub const ORG_KEY_DEACTIVATE: &str =
    "update org_keys set active = false where org_id = $1 and generation = $2 and active";
/// Destroys an inactive generation of an organization's key.
pub const ORG_KEY_RETIRE: &str =
    "delete from org_keys where org_id = $1 and generation = $2 and not active";
/// The number of values and relay policies of credentials that need a generation of their
/// organization's key.
pub const CREDENTIALS_OF_GENERATION: &str = "select (select count(*) from credentials c \
     where c.org_id = $1 and c.key_generation = $2) + (select count(*) \
     from credential_versions v join credentials o on o.org_id = v.org_id \
     and o.cred_id = v.cred_id where v.org_id = $1 and o.org_id = $1 \
     and v.key_generation = $2) + (select count(*) \
     from relay_policies p join credentials o on o.org_id = p.org_id \
     and o.cred_id = p.cred_id where p.org_id = $1 and o.org_id = $1 \
     and p.key_generation = $2) as total";
/// Waits until no transaction that wrote credentials is open, and blocks new writers.
pub const CREDENTIALS_BARRIER: &str = "lock table credentials, credential_versions, \
     relay_policies in share mode";
/// Lets a barrier wait longer than PostgreSQL's `deadlock_timeout`, after which an autovacuum that
/// blocks it is canceled.
pub const BARRIER_LOCK_TIMEOUT: &str = "set local lock_timeout = '1500ms'";
/// Waits until no transaction that wrote organization keys is open, and blocks new writers.
pub const ORG_KEYS_BARRIER: &str = "lock table org_keys in share mode";
/// The number of credentials that are not under a generation of their organization's key.
pub const CREDENTIALS_BEHIND_COUNT: &str = "select count(*) as total from ( \
     select c.cred_id from credentials c where c.org_id = $1 and c.key_generation <> $2 union \
     select v.cred_id from credential_versions v join credentials o on o.org_id = v.org_id \
     and o.cred_id = v.cred_id where v.org_id = $1 and o.org_id = $1 \
     and v.key_generation <> $2 union \
     select p.cred_id from relay_policies p join credentials o on o.org_id = p.org_id \
     and o.cred_id = p.cred_id where p.org_id = $1 and o.org_id = $1 \
     and p.key_generation <> $2) as behind";
/// A page of credentials after an id of which a value or the relay policy is not under a generation
/// of their organization's key.
pub const CREDENTIALS_BEHIND: &str = "select cred_id from ( \
     (select c.cred_id from credentials c where c.org_id = $1 and c.key_generation <> $2 \
     and c.cred_id > $3 order by c.cred_id limit $4) union \
     (select v.cred_id from credential_versions v join credentials o on o.org_id = v.org_id \
     and o.cred_id = v.cred_id where v.org_id = $1 and o.org_id = $1 \
     and v.key_generation <> $2 and v.cred_id > $3 order by v.cred_id limit $4) union \
     (select p.cred_id from relay_policies p join credentials o on o.org_id = p.org_id \
     and o.cred_id = p.cred_id where p.org_id = $1 and o.org_id = $1 \
     and p.key_generation <> $2 and p.cred_id > $3 order by p.cred_id limit $4)) \
     as behind order by cred_id limit $4";
/// Replaces a credential's wrapped data key, and nothing else.
pub const CREDENTIAL_REWRAP: &str = "update credentials set key_generation = $3, wrapped_key = $4 \
     where org_id = $1 and cred_id = $2";
/// Inserts a rotation.
pub const ROTATION_INSERT: &str = "insert into rotations \
     (org_id, generation, re_encrypt, state, rows_total, rows_done, throttle, started_at, \
     updated_at) \
     values ($1, $2, $3, 'running', $6, 0, $4, $5, $5)";
/// An organization's rotations, newest first.
pub const ROTATIONS: &str = "select org_id, generation, re_encrypt, state, rows_total, \
     rows_done, throttle, \
     started_at, updated_at, finished_at from rotations where org_id = $1 order by generation desc";
/// Every organization's rotations, newest first.
pub const ROTATIONS_LISTING: &str = "select org_id, generation, re_encrypt, state, rows_total, \
     rows_done, \
     throttle, started_at, updated_at, finished_at from rotations order by started_at desc";
/// Records the progress of a rotation, and the time as a sign that it is active.
pub const ROTATION_PROGRESS: &str = "update rotations set rows_done = least(rows_total, \
     rows_done + $3), \
     updated_at = $4 where org_id = $1 and generation = $2 and state = 'running'";
/// Claims a rotation, unless its progress has changed since it was read.
pub const ROTATION_CLAIM: &str = "update rotations set updated_at = $4 \
     where org_id = $1 and generation = $2 and state = 'running' and updated_at = $3";
/// Finishes a rotation.
pub const ROTATION_FINISH: &str = "update rotations set state = 'done', rows_done = rows_total, \
     updated_at = $3, finished_at = $3 where org_id = $1 and generation = $2 and state = 'running'";
/// Deletes the records of an organization's rotations.
pub const ROTATIONS_DELETE: &str = "delete from rotations where org_id = $1";
/// Inserts a prepared root key.
pub const ROOT_KEY_PREPARE: &str = "insert into root_keys (root_key_id, check_value, kdf_salt, \
     kdf_memory_kib, \
     kdf_passes, kdf_lanes, created_at, state) values ($1, $2, $3, $4, $5, $6, $7, 'prepared')";
/// Moves a root key from one state to another.
pub const ROOT_KEY_STATE: &str =
    "update root_keys set state = $3 where root_key_id = $1 and state = $2";
/// A root key, if it is in a state.
pub const ROOT_KEY_IN_STATE: &str =
    "select root_key_id from root_keys where root_key_id = $1 and state = $2 for update";
/// Marks superseded root keys as unneeded.
pub const ROOT_KEYS_UNNEEDED: &str =
    "update root_keys set state = 'unneeded' where state = 'superseded'";
/// The active root key.
pub const ROOT_KEY_ACTIVE: &str = "select root_key_id from root_keys where state = 'active'";
/// Stores a re-wrapped service key, unless the row has changed.
pub const SERVICE_KEY_REWRAP: &str = "update service_keys set root_key_id = $3, wrapped_key = $4 \
     where purpose = $1 and root_key_id = $2";
/// Inserts a root key rotation.
pub const ROOT_ROTATION_INSERT: &str = "insert into root_rotations \
     (root_key_id, state, rows_total, rows_done, throttle, started_at, updated_at) \
     values ($1, 'running', $2, 0, $3, $4, $4)";
/// Root key rotations, newest first.
pub const ROOT_ROTATIONS: &str = "select root_key_id, state, rows_total, rows_done, throttle, \
     started_at, \
     updated_at, finished_at from root_rotations order by started_at desc";
/// Records the progress of a root key rotation.
pub const ROOT_ROTATION_PROGRESS: &str = "update root_rotations \
     set rows_done = least(rows_total, rows_done + $2), updated_at = $3 \
     where root_key_id = $1 and state = 'running'";
/// Claims a root key rotation, unless its progress has changed since it was read.
pub const ROOT_ROTATION_CLAIM: &str = "update root_rotations set updated_at = $3 \
     where root_key_id = $1 and state = 'running' and updated_at = $2";
/// Finishes a root key rotation.
pub const ROOT_ROTATION_FINISH: &str = "update root_rotations \
     set state = 'done', rows_done = rows_total, updated_at = $2, finished_at = $2 \
     where root_key_id = $1 and state = 'running'";
/// Records that a server runs and which root keys it holds.
pub const SERVER_REPORT: &str = "insert into servers (server_id, name, started_at, seen_at, \
     root_keys, record_format) \
     values ($1, $2, $3, $4, $5, $6) on conflict (server_id) \
     do update set seen_at = excluded.seen_at, root_keys = excluded.root_keys";
/// Servers that reported within a time range.
pub const SERVERS: &str = "select server_id, name, started_at, seen_at, root_keys, \
     record_format from servers \
     where seen_at >= $1 and seen_at < $2 order by name";
/// The record format that servers write.
pub const RECORD_FORMAT: &str = "select format, since from record_format";
/// Advances the record format, unless it is as high. The time is that of the advance beyond 1.
pub const RECORD_FORMAT_ADVANCE: &str = "update record_format set format = $1, \
     since = case when format = 1 then $2 else since end where format < $1";
/// Deletes a server's report, and reports outside a time range.
pub const SERVER_FORGET: &str =
    "delete from servers where server_id = $1 or seen_at < $2 or seen_at >= $3";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("ROOT_KEYS", ROOT_KEYS),
    ("ROOT_KEY_INSERT_FIRST", ROOT_KEY_INSERT_FIRST),
    ("ROOT_KEY_LOCK", ROOT_KEY_LOCK),
    ("SERVICE_KEYS", SERVICE_KEYS),
    ("SERVICE_KEY_INSERT", SERVICE_KEY_INSERT),
    ("ORG_KEY_REWRAP", ORG_KEY_REWRAP),
    ("ORG_KEY_DEACTIVATE", ORG_KEY_DEACTIVATE),
    ("ORG_KEY_RETIRE", ORG_KEY_RETIRE),
    ("CREDENTIALS_OF_GENERATION", CREDENTIALS_OF_GENERATION),
    ("CREDENTIALS_BARRIER", CREDENTIALS_BARRIER),
    ("BARRIER_LOCK_TIMEOUT", BARRIER_LOCK_TIMEOUT),
    ("ORG_KEYS_BARRIER", ORG_KEYS_BARRIER),
    ("CREDENTIALS_BEHIND_COUNT", CREDENTIALS_BEHIND_COUNT),
    ("CREDENTIALS_BEHIND", CREDENTIALS_BEHIND),
    ("CREDENTIAL_REWRAP", CREDENTIAL_REWRAP),
    ("ROTATION_INSERT", ROTATION_INSERT),
    ("ROTATIONS", ROTATIONS),
    ("ROTATIONS_LISTING", ROTATIONS_LISTING),
    ("ROTATION_PROGRESS", ROTATION_PROGRESS),
    ("ROTATION_CLAIM", ROTATION_CLAIM),
    ("ROTATION_FINISH", ROTATION_FINISH),
    ("ROTATIONS_DELETE", ROTATIONS_DELETE),
    ("ROOT_KEY_PREPARE", ROOT_KEY_PREPARE),
    ("ROOT_KEY_STATE", ROOT_KEY_STATE),
    ("ROOT_KEY_IN_STATE", ROOT_KEY_IN_STATE),
    ("ROOT_KEYS_UNNEEDED", ROOT_KEYS_UNNEEDED),
    ("ROOT_KEY_ACTIVE", ROOT_KEY_ACTIVE),
    ("SERVICE_KEY_REWRAP", SERVICE_KEY_REWRAP),
    ("ROOT_ROTATION_INSERT", ROOT_ROTATION_INSERT),
    ("ROOT_ROTATIONS", ROOT_ROTATIONS),
    ("ROOT_ROTATION_PROGRESS", ROOT_ROTATION_PROGRESS),
    ("ROOT_ROTATION_CLAIM", ROOT_ROTATION_CLAIM),
    ("ROOT_ROTATION_FINISH", ROOT_ROTATION_FINISH),
    ("SERVER_REPORT", SERVER_REPORT),
    ("SERVERS", SERVERS),
    ("RECORD_FORMAT", RECORD_FORMAT),
    ("RECORD_FORMAT_ADVANCE", RECORD_FORMAT_ADVANCE),
    ("SERVER_FORGET", SERVER_FORGET),
];
