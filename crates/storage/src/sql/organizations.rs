//! Statements for organizations, their keys and their API keys.

/// Inserts an organization.
pub const ORGANIZATION_INSERT: &str =
    "insert into organizations (org_id, name, parent_id, created_at) values ($1, $2, $3, $4)";
/// All organizations, oldest first.
pub const ORGANIZATIONS: &str = "select org_id, name, parent_id, created_at, deleted_at, \
     destroy_after, destroyed_at \
     from organizations order by created_at, org_id";
/// The ids of all organizations, in one row: there may be many, and each row takes memory.
pub const ORGANIZATION_IDS: &str = "select array_agg(org_id) as ids from organizations";
/// Deleted and destroyed organizations, oldest first.
pub const ORGANIZATIONS_DELETED: &str = "select org_id, name, parent_id, created_at, deleted_at, \
     destroy_after, destroyed_at \
     from organizations where deleted_at is not null order by created_at, org_id";
/// A row if there is an organization.
pub const ORGANIZATIONS_EXIST: &str = "select org_id from organizations limit 1";
/// One organization.
pub const ORGANIZATION: &str = "select org_id, name, parent_id, created_at, deleted_at, \
     destroy_after, destroyed_at \
     from organizations where org_id = $1";
/// Several organizations.
pub const ORGANIZATIONS_WANTED: &str = "select org_id, name, parent_id, created_at, deleted_at, \
     destroy_after, destroyed_at from organizations where org_id = any($1::uuid[])";
macro_rules! counted {
    ($of:literal) => {
        concat!(
            "select count(*) as total from (select h.org_id from ",
            $of,
            " limit $2) as held"
        )
    };
}
/// The number of credentials of organizations that are not deleted, up to a limit.
pub const CREDENTIALS_HELD: &str = counted!(
    "credentials h where (h.org_id = any($1) or h.org_id = ($1)[1]) and h.deleted_at is null"
);
/// The number of API keys of organizations that are not revoked, up to a limit.
pub const API_KEYS_HELD: &str = counted!(
    "api_keys h where (h.org_id = any($1) or h.org_id = ($1)[1]) and h.revoked_at is null"
);
/// The number of clients of organizations, up to a limit.
pub const CLIENTS_HELD: &str =
    counted!("oauth_clients h where (h.org_id = any($1) or h.org_id = ($1)[1])");
/// Locks the parent of a new organization against deletion, and does not wait for the lock.
pub const ORGANIZATION_HOLD: &str = "select org_id from organizations \
     where org_id = $1 and deleted_at is null for share nowait";
/// Locks an organization that is to be deleted against new sub-organizations, and does not wait for
/// the lock.
pub const ORGANIZATION_LOCK: &str = "select org_id from organizations \
     where org_id = $1 and deleted_at is null for update nowait";
/// Inserts an ancestor of an organization.
pub const ANCESTOR_INSERT: &str = "insert into organization_ancestors \
     (org_id, ancestor_id, distance, proof) values ($1, $2, $3, $4)";
/// One ancestor of an organization that is not destroyed, and whether the organization is deleted.
pub const ANCESTOR: &str = "select a.ancestor_id, a.distance, a.proof, \
     o.deleted_at is not null as deleted from organization_ancestors a \
     join organizations o on o.org_id = a.org_id \
     where a.org_id = $1 and o.org_id = $1 and a.ancestor_id = $2 and o.destroyed_at is null";
/// All ancestors of an organization, the parent first.
pub const ANCESTORS: &str = "select ancestor_id, distance, proof from organization_ancestors \
     where org_id = $1 order by distance, ancestor_id";
/// The rows that make an organization an ancestor.
pub const DESCENDANTS: &str = "select org_id, ancestor_id, distance, proof \
     from organization_ancestors where ancestor_id = $1";
/// The number of sub-organizations that an organization has or had.
pub const CHILDREN_COUNT: &str = "select count(*) as children from organization_ancestors \
     where ancestor_id = $1 and distance = 1";
/// Changes the name of an organization, unless it is deleted.
pub const ORGANIZATION_RENAME: &str =
    "update organizations set name = $2 where org_id = $1 and deleted_at is null";
/// Marks an organization as deleted, unless it is deleted or destroyed.
pub const ORGANIZATION_DELETE: &str = "update organizations set deleted_at = $2, destroy_after = \
     $3 \
     where org_id = $1 and deleted_at is null";
/// Restores a deleted organization, unless it is destroyed.
pub const ORGANIZATION_RESTORE: &str = "update organizations set deleted_at = null, \
     destroy_after = null \
     where org_id = $1 and deleted_at is not null and destroyed_at is null";
/// Marks a deleted organization as destroyed, after its grace period or immediately. The period
/// must also have ended by the database's clock, since a wrong clock of a server would destroy data
/// for good.
pub const ORGANIZATION_DESTROY: &str = "update organizations set destroyed_at = $2 \
     where org_id = $1 and deleted_at is not null and destroyed_at is null \
     and ((destroy_after <= $2 and destroy_after <= now()) or $3::boolean)";
/// Destroys all generations of an organization's key.
pub const ORG_KEYS_DELETE: &str = "delete from org_keys where org_id = $1";
/// Revokes all of an organization's API keys irreversibly.
pub const API_KEYS_REVOKE: &str = "update api_keys set revoked_at = coalesce(revoked_at, $2), \
     digest = '' \
     where org_id = $1";
/// Inserts a generation of an organization's key.
pub const ORG_KEY_INSERT: &str = "insert into org_keys \
     (org_id, generation, root_key_id, wrapped_key, active, created_at) values ($1, $2, $3, $4, \
     $5, $6)";
/// All generations of an organization's key.
pub const ORG_KEYS: &str = "select generation, root_key_id, wrapped_key, active from org_keys \
     where org_id = $1 order by generation";
/// All generations of several organizations' keys. The second parameter, for ids, is unused.
pub const ORG_KEYS_WANTED: &str = "select org_id, generation, root_key_id, wrapped_key, active \
     from org_keys \
     where org_id = any($1::uuid[]) and $2::uuid[] is not null order by org_id, generation";
/// Fails unless each organization's active generation is the one at the same index.
///
/// The transaction must already hold its lock on the table whose rows name these generations. A
/// rotation that activates another generation waits for the writers that hold this lock, and later
/// writers see the new generation here.
pub const CHECK_GENERATIONS: &str =
    "select strongroom_check_generations($1::uuid[], $2::integer[])";
/// The key epoch. It changes after each change of an API key, an organization or its key.
pub const KEY_EPOCH: &str = "select epoch from key_epoch";

/// Inserts an API key.
pub const API_KEY_INSERT: &str = "insert into api_keys \
     (org_id, key_id, role, limits, name, digest, created_at, expires_at) \
     values ($1, $2, $3, $4, $5, $6, $7, $8)";
// A sharded cluster queries all shards, unless the sub-select itself names the organizations.
macro_rules! revoked_in_trail {
    ($of_orgs:literal) => {
        concat!(
            "exists (select from audit_events e where e.org_id = k.org_id and e.key_id = k.key_id \
               and ",
            $of_orgs,
            " and (e.action = 'key.revoke' \
                 or e.action = 'key.attest' and e.details like '%\"revoked\":true%'))"
        )
    };
}
macro_rules! recorded_end {
    ($of_orgs:literal) => {
        concat!(
            "(select min(substring(e.details from '\"ends_at\":\"([^\"]+)\"')) from audit_events e \
               where e.org_id = k.org_id and ",
            $of_orgs,
            " and e.key_id = k.key_id and e.action in ('key.schedule_end', 'key.attest')) \
             as recorded_end"
        )
    };
}
/// Several API keys by (organization, id), whether their organization exists and is not deleted,
/// and whether their revocation was undone. With an inner join, a sharded cluster would query all
/// shards.
pub const API_KEYS_WANTED: &str = concat!(
    "select k.org_id, k.key_id, k.role, k.limits, k.name, k.digest, k.created_at, k.expires_at, \
     k.revoked_at, k.ends_at, k.end_proof, ",
    recorded_end!("(e.org_id = any($1) or e.org_id = ($1)[1])"),
    ", o.org_id is not null and o.deleted_at is null as usable, \
     k.revoked_at is null and ",
    revoked_in_trail!("(e.org_id = any($1) or e.org_id = ($1)[1])"),
    " as revocation_undone from \
     api_keys k join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, key_id) \
     on k.org_id = wanted.org_id and k.key_id = wanted.key_id \
     left join organizations o on o.org_id = k.org_id \
     where k.org_id = any($1) or k.org_id = ($1)[1]"
);
/// All API keys of an organization, with what the audit trail says of them. The events of keys from
/// before a prune may be gone.
pub const API_KEYS_WITH_TRAIL: &str = concat!(
    "select k.key_id, k.revoked_at, k.ends_at, k.end_proof, ",
    recorded_end!("e.org_id = $1"),
    ", k.revoked_at is null and ",
    revoked_in_trail!("e.org_id = $1"),
    " as revocation_undone, exists (select from audit_events e where e.org_id = $1 \
       and e.key_id = k.key_id and e.action in ('key.create', 'key.attest')) \
     or exists (select from audit_checkpoints c where c.org_id = $1 \
       and c.pruned_before > k.created_at) as issued \
     from api_keys k where k.org_id = $1 order by k.created_at, k.key_id"
);
/// The API keys of an organization that have no event of their issue or attestation from a time on.
pub const API_KEYS_UNATTESTED: &str = "select k.key_id, k.role, k.limits, k.name, k.digest, \
     k.created_at, k.expires_at, k.revoked_at, k.ends_at, k.end_proof from api_keys k \
     where k.org_id = $1 and not exists ( \
       select from audit_events e where e.org_id = $1 and e.key_id = k.key_id \
       and e.action in ('key.create', 'key.attest') and e.at >= $2) \
     order by k.created_at, k.key_id";
/// All API keys of an organization, oldest first.
pub const API_KEYS: &str = "select key_id, role, limits, name, digest, created_at, expires_at, \
     revoked_at, ends_at, end_proof from api_keys where org_id = $1 order by created_at, key_id";
/// The names of those of an organization's API keys and OAuth 2.0 clients that have one of several
/// ids.
pub const ACTOR_NAMES: &str = "select key_id as id, name, false as is_client from api_keys \
     where org_id = $1 and key_id = any($2) \
     union all select client_id, name, true from oauth_clients \
     where org_id = $1 and client_id = any($2) order by id";
/// Revokes an API key; the time of the first revocation stays. The digest is cleared, so that
/// setting the time to null does not restore the key.
pub const API_KEY_REVOKE: &str = "update api_keys set revoked_at = coalesce(revoked_at, $3), \
     digest = '' \
     where org_id = $1 and key_id = $2";
/// Revokes an API key, unless it is revoked.
pub const API_KEY_END: &str = "update api_keys set revoked_at = $3, digest = '' \
     where org_id = $1 and key_id = $2 and revoked_at is null";
/// Schedules the end of an API key, unless it is revoked or ends earlier.
pub const API_KEY_SCHEDULE_END: &str = "update api_keys set ends_at = $3, end_proof = $4 \
     where org_id = $1 and key_id = $2 and revoked_at is null \
     and (ends_at is null or ends_at > $3)";
/// Whether an API key exists and is not revoked.
pub const API_KEY_LIVES: &str =
    "select key_id from api_keys where org_id = $1 and key_id = $2 and revoked_at is null";
/// Notifies all servers to clear the keys that they hold in memory.
pub const KEYS_CHANGED: &str = "select pg_notify('strongroom_keys', '')";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("ORGANIZATION_INSERT", ORGANIZATION_INSERT),
    ("ORGANIZATIONS", ORGANIZATIONS),
    ("ORGANIZATION_IDS", ORGANIZATION_IDS),
    ("ORGANIZATIONS_DELETED", ORGANIZATIONS_DELETED),
    ("ORGANIZATIONS_EXIST", ORGANIZATIONS_EXIST),
    ("ORGANIZATION", ORGANIZATION),
    ("ORGANIZATIONS_WANTED", ORGANIZATIONS_WANTED),
    ("CREDENTIALS_HELD", CREDENTIALS_HELD),
    ("API_KEYS_HELD", API_KEYS_HELD),
    ("CLIENTS_HELD", CLIENTS_HELD),
    ("ORGANIZATION_HOLD", ORGANIZATION_HOLD),
    ("ORGANIZATION_LOCK", ORGANIZATION_LOCK),
    ("ANCESTOR_INSERT", ANCESTOR_INSERT),
    ("ANCESTOR", ANCESTOR),
    ("ANCESTORS", ANCESTORS),
    ("DESCENDANTS", DESCENDANTS),
    ("CHILDREN_COUNT", CHILDREN_COUNT),
    ("ORGANIZATION_RENAME", ORGANIZATION_RENAME),
    ("ORGANIZATION_DELETE", ORGANIZATION_DELETE),
    ("ORGANIZATION_RESTORE", ORGANIZATION_RESTORE),
    ("ORGANIZATION_DESTROY", ORGANIZATION_DESTROY),
    ("ORG_KEYS_DELETE", ORG_KEYS_DELETE),
    ("API_KEYS_REVOKE", API_KEYS_REVOKE),
    ("ORG_KEY_INSERT", ORG_KEY_INSERT),
    ("ORG_KEYS", ORG_KEYS),
    ("CHECK_GENERATIONS", CHECK_GENERATIONS),
    ("KEY_EPOCH", KEY_EPOCH),
    ("API_KEY_INSERT", API_KEY_INSERT),
    ("API_KEYS_WANTED", API_KEYS_WANTED),
    ("ORG_KEYS_WANTED", ORG_KEYS_WANTED),
    ("API_KEYS_WITH_TRAIL", API_KEYS_WITH_TRAIL),
    ("API_KEYS_UNATTESTED", API_KEYS_UNATTESTED),
    ("API_KEYS", API_KEYS),
    ("ACTOR_NAMES", ACTOR_NAMES),
    ("API_KEY_REVOKE", API_KEY_REVOKE),
    ("API_KEY_END", API_KEY_END),
    ("API_KEY_SCHEDULE_END", API_KEY_SCHEDULE_END),
    ("API_KEY_LIVES", API_KEY_LIVES),
    ("KEYS_CHANGED", KEYS_CHANGED),
];
