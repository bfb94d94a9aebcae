//! Every statement this crate runs on tenant and service tables. Each one on a tenant table names `org_id`,
//! and a test prepares them all.

mod audit;
pub mod backup;
pub mod doctor;
mod insert;
mod keys;
mod listing;
pub mod operations;
#[cfg(test)]
mod shapes;

use uuid::Uuid;

pub use audit::*;
pub use insert::*;
pub use keys::*;
pub use listing::*;

/// The scope of the listing of organizations.
pub const LISTING: &str = "*";

/// The scope of organizations: what a transaction says whose rows it is about.
#[must_use]
pub fn scope(orgs: &[Uuid]) -> String {
    let mut scope = String::with_capacity(37 * orgs.len());
    for org in orgs {
        scope.push_str(org.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        scope.push(',');
    }
    scope
}

/// Opens a transaction to the rows of a scope, and closes it to those seen before.
#[must_use]
pub fn enter(scope: &str) -> String {
    format!("set local strongroom.orgs = '{scope}'")
}

/// A query of at most so many parameters as a transaction of its own, whose scope is the parameter after these.
/// The condition names no table, so PostgreSQL asks it before it looks at any.
#[must_use]
pub fn alone(query: &str, params: usize) -> String {
    let scope = params + 1;
    format!(
        "select alone.* from ({query}) as alone \
         where (select set_config('strongroom.orgs', ${scope}, true)) is not null"
    )
}

/// A new organization.
pub const ORGANIZATION_INSERT: &str =
    "insert into organizations (org_id, name, created_at) values ($1, $2, $3)";
/// Every organization, oldest first.
pub const ORGANIZATIONS: &str = "select org_id, name, created_at, deleted_at, destroy_after, destroyed_at \
     from organizations order by created_at, org_id";
/// Those that are deleted or destroyed, oldest first.
pub const ORGANIZATIONS_DELETED: &str = "select org_id, name, created_at, deleted_at, destroy_after, destroyed_at \
     from organizations where deleted_at is not null order by created_at, org_id";
/// One organization.
pub const ORGANIZATION: &str = "select org_id, name, created_at, deleted_at, destroy_after, destroyed_at \
     from organizations where org_id = $1";
/// Marks an organization as deleted; one that is already, or destroyed, stays as it is.
pub const ORGANIZATION_DELETE: &str = "update organizations set deleted_at = $2, destroy_after = $3 \
     where org_id = $1 and deleted_at is null";
/// Brings an organization back whose keys are still there.
pub const ORGANIZATION_RESTORE: &str = "update organizations set deleted_at = null, destroy_after = null \
     where org_id = $1 and deleted_at is not null and destroyed_at is null";
/// Marks a deleted organization as destroyed, once its grace period has ended or, if so told, at once. The period has to
/// have ended by the database's clock too: what is destroyed does not come back when a server's clock is set right.
pub const ORGANIZATION_DESTROY: &str = "update organizations set destroyed_at = $2 \
     where org_id = $1 and deleted_at is not null and destroyed_at is null \
     and ((destroy_after <= $2 and destroy_after <= now()) or $3::boolean)";
/// Destroys all generations of an organization's key.
pub const ORG_KEYS_DELETE: &str = "delete from org_keys where org_id = $1";
/// Revokes all of an organization's API keys, for good.
pub const API_KEYS_REVOKE: &str = "update api_keys set revoked_at = coalesce(revoked_at, $2), digest = '' \
     where org_id = $1";
/// A generation of an organization's key.
pub const ORG_KEY_INSERT: &str = "insert into org_keys \
     (org_id, generation, root_key_id, wrapped_key, active, created_at) values ($1, $2, $3, $4, $5, $6)";
/// All generations of an organization's key.
pub const ORG_KEYS: &str = "select generation, root_key_id, wrapped_key, active from org_keys \
     where org_id = $1 order by generation";
/// All generations of several organizations' keys. The second parameter stands for ids, of which there are none.
pub const ORG_KEYS_WANTED: &str = "select org_id, generation, root_key_id, wrapped_key, active from org_keys \
     where org_id = any($1::uuid[]) and $2::uuid[] is not null order by org_id, generation";
/// Fails unless each organization's active generation is the one at the same place. It has to be asked when the
/// transaction has its lock on the table of the rows that name these generations, never before: a rotation that makes another generation active waits for
/// the writers that already hold the table's lock, and whoever takes that lock later sees the new generation here.
pub const CHECK_GENERATIONS: &str =
    "select strongroom_check_generations($1::uuid[], $2::integer[])";
/// The epoch of all organizations' keys: another one after each change of an API key, an organization or its key.
pub const KEY_EPOCH: &str = "select epoch from key_epoch";

/// A new API key.
pub const API_KEY_INSERT: &str = "insert into api_keys \
     (org_id, key_id, role, name, digest, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";
/// Several API keys by (organization, id), and whether their organization is there and not deleted. An outer join,
/// since with an inner one a sharded cluster asks all shards.
pub const API_KEYS_WANTED: &str = "select k.org_id, k.key_id, k.role, k.name, k.digest, k.created_at, \
     k.expires_at, k.revoked_at, o.org_id is not null and o.deleted_at is null as usable from api_keys k join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, key_id) \
     on k.org_id = wanted.org_id and k.key_id = wanted.key_id \
     left join organizations o on o.org_id = k.org_id \
     where k.org_id = any($1) or k.org_id = ($1)[1]";
/// All API keys of an organization, oldest first.
pub const API_KEYS: &str = "select key_id, role, name, digest, created_at, expires_at, revoked_at \
     from api_keys where org_id = $1 order by created_at, key_id";
/// Revokes an API key, keeping the time of the first revocation. Its digest goes, so that setting the time
/// back to null does not bring the key back.
pub const API_KEY_REVOKE: &str = "update api_keys set revoked_at = coalesce(revoked_at, $3), digest = '' \
     where org_id = $1 and key_id = $2";
/// Tells every listening server to forget the keys it holds in memory.
pub const KEYS_CHANGED: &str = "select pg_notify('strongroom_keys', '')";

macro_rules! credentials {
    ($uses:literal) => {
        concat!(
            "select c.org_id, c.cred_id, c.provider, c.cred_type, c.label, c.version, \
             c.key_generation, c.wrapped_key, c.sealed_blob, c.updated_at, c.pieces_user, \
             u.last_used_at, u.last_used_by \
             from credentials c join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, cred_id) \
             on c.org_id = wanted.org_id and c.cred_id = wanted.cred_id left join ",
            $uses,
            " where c.org_id = any($1) or c.org_id = ($1)[1]"
        )
    };
}
/// Several credentials by (organization, id), with their last use. The last condition says nothing new: it shows a
/// sharded cluster which shards to ask. As a plain `= any($1)` it would become part of PostgreSQL's index scan, which
/// then takes twice as long. Each use is looked up by itself: a join that was planned while there were none reads all.
pub const CREDENTIALS: &str = credentials!(
    "lateral (select last_used_at, last_used_by from credential_uses \
     where org_id = c.org_id and cred_id = c.cred_id limit 1) as u on true"
);
/// The same for a sharded cluster, where rows have a place of their own only in joins.
pub const CREDENTIALS_SHARDED: &str =
    credentials!("credential_uses u on u.org_id = c.org_id and u.cred_id = c.cred_id");
/// Several credentials of one organization, locked until the transaction ends; those that another transaction
/// holds are left out.
pub const CREDENTIALS_LOCK: &str = "select org_id, cred_id, provider, cred_type, label, version, \
     key_generation, wrapped_key, sealed_blob, updated_at, pieces_user from credentials \
     where org_id = $1 and cred_id = any($2) order by cred_id for update skip locked";
/// Which of several credentials of one organization exist.
pub const CREDENTIALS_EXISTING: &str =
    "select cred_id from credentials where org_id = $1 and cred_id = any($2)";
/// The credential of a user of the Pieces surface.
pub const CREDENTIAL_OF_USER: &str = "select org_id, cred_id, provider, cred_type, label, version, \
     key_generation, wrapped_key, sealed_blob, updated_at, pieces_user from credentials \
     where org_id = $1 and pieces_user = $2";
/// Writes a credential's next version.
pub const CREDENTIAL_UPDATE: &str = "update credentials set label = $3, version = $4, key_generation = $5, \
     wrapped_key = $6, sealed_blob = $7, updated_at = $8 where org_id = $1 and cred_id = $2";
/// Deletes several credentials of one organization.
pub const CREDENTIALS_DELETE: &str =
    "delete from credentials where org_id = $1 and cred_id = any($2)";
/// Deletes a thousand credentials of one organization.
pub const CREDENTIALS_DELETE_SOME: &str = "delete from credentials where org_id = $1 and cred_id = any(array( \
     select cred_id from credentials where org_id = $1 order by cred_id limit 1000)) \
     returning cred_id, version";

/// The heads of the newest lanes of an organization: walks the key from lane to lane.
pub const LANE_HEADS: &str = "with recursive newest (lane, seq, mac, nth) as ( \
       (select lane, seq, mac, 1 from audit_events where org_id = $1 order by lane desc, seq desc limit 1) \
       union all \
       select head.lane, head.seq, head.mac, nth + 1 from newest, lateral ( \
         select e.lane, e.seq, e.mac from audit_events e where e.org_id = $1 and e.lane < newest.lane \
         order by e.lane desc, e.seq desc limit 1) as head \
       where nth < 64) \
     select lane, seq, mac from newest order by lane";

/// Forgets when an organization's credentials were used.
pub const ALL_CREDENTIAL_USES_DELETE: &str = "delete from credential_uses where org_id = $1";
/// Forgets when an organization's API keys were used.
pub const ALL_KEY_USES_DELETE: &str = "delete from key_uses where org_id = $1";
/// Forgets the uses of several credentials of one organization.
pub const CREDENTIAL_USES_DELETE: &str =
    "delete from credential_uses where org_id = $1 and cred_id = any($2)";
/// Which of several credentials, by (organization, id), exist.
pub const CREDENTIALS_KNOWN: &str = "select c.org_id, c.cred_id from credentials c \
     join unnest($1::uuid[], $2::uuid[]) as used (org_id, cred_id) \
     on c.org_id = used.org_id and c.cred_id = used.cred_id \
     where c.org_id = any($1) or c.org_id = ($1)[1]";
/// When each API key of an organization was last used.
pub const KEY_USES: &str = "select key_id, last_used_at from key_uses where org_id = $1";

/// For short index scans that look long to the planner: no compiler, no parallel workers. Set within the transaction, so
/// that a sharded cluster's workers take it too.
pub const SHORT_SCANS: [&str; 2] = [
    "set local jit = off",
    "set local max_parallel_workers_per_gather = 0",
];
/// A page of credentials from an id on, each with its newest write event and whether it was ever deleted. One
/// statement, and so one moment: a write commits together with its event. A blob that is larger than any that a
/// server stores stays where it is, and what comes instead of it does not open.
pub const CREDENTIALS_WITH_TRAIL: &str = "select c.org_id, c.cred_id, c.provider, c.cred_type, c.label, \
     c.version, c.key_generation, c.wrapped_key, case when octet_length(c.sealed_blob) <= 1048576 \
       then c.sealed_blob else '' end as sealed_blob, c.updated_at, c.pieces_user, \
     written.version as written_version, written.digest as written_digest, \
     coalesce((select true from audit_events d where d.org_id = c.org_id and d.cred_id = c.cred_id \
       and d.action = 'credential.delete' and d.version is not null and d.outcome = 'ok' limit 1), false) \
       as deleted, \
     coalesce((select true from audit_events f where f.org_id = c.org_id and f.cred_id = c.cred_id \
       and f.action in ('credential.create', 'credential.update', 'credential.reseal') \
       and f.version is not null and f.outcome = 'ok' group by f.version having count(*) > 1 limit 1), false) \
       as forked \
     from credentials c left join lateral (select e.version, e.digest from audit_events e \
       where e.org_id = c.org_id and e.cred_id = c.cred_id and e.version is not null and e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', 'credential.attest') \
       order by e.version desc, e.at desc limit 1) as written on true \
     where c.org_id = $1 and c.cred_id >= $2 order by c.cred_id limit $3";
/// A page of the credentials that the trail says were written, from an id on, and whether each is missing: its
/// row is gone, and no event says that it was deleted.
pub const TRAIL_WITH_CREDENTIALS: &str = "with page as (select e.cred_id from audit_events e \
       where e.org_id = $1 and e.cred_id >= $2 and e.version is not null and e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', 'credential.attest') \
       group by e.cred_id order by e.cred_id limit $3) \
     select page.cred_id, c.cred_id is null and (select true from audit_events d \
       where d.org_id = $1 and d.cred_id = page.cred_id and d.action = 'credential.delete' \
       and d.version is not null and d.outcome = 'ok' limit 1) is null as missing \
     from page left join credentials c on c.org_id = $1 and c.cred_id = page.cred_id \
     order by page.cred_id";

/// Makes audit partitions ahead of time.
pub const ENSURE_PARTITIONS: &str = "select strongroom_ensure_audit_partitions()";

/// Every statement, with a name, for the test that prepares them.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("ALL_CREDENTIAL_USES_DELETE", ALL_CREDENTIAL_USES_DELETE),
        ("ALL_KEY_USES_DELETE", ALL_KEY_USES_DELETE),
        ("ORGANIZATION_INSERT", ORGANIZATION_INSERT),
        ("ORGANIZATIONS", ORGANIZATIONS),
        ("ORGANIZATIONS_DELETED", ORGANIZATIONS_DELETED),
        ("ORGANIZATION", ORGANIZATION),
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
        ("API_KEYS", API_KEYS),
        ("API_KEY_REVOKE", API_KEY_REVOKE),
        ("KEYS_CHANGED", KEYS_CHANGED),
        ("CREDENTIALS_SHARDED", CREDENTIALS_SHARDED),
        ("CREDENTIALS_LOCK", CREDENTIALS_LOCK),
        ("CREDENTIALS_EXISTING", CREDENTIALS_EXISTING),
        ("CREDENTIAL_OF_USER", CREDENTIAL_OF_USER),
        ("CREDENTIAL_UPDATE", CREDENTIAL_UPDATE),
        ("CREDENTIALS_DELETE", CREDENTIALS_DELETE),
        ("CREDENTIALS_DELETE_SOME", CREDENTIALS_DELETE_SOME),
        ("LANE_HEADS", LANE_HEADS),
        ("CREDENTIAL_USES_DELETE", CREDENTIAL_USES_DELETE),
        ("CREDENTIALS_KNOWN", CREDENTIALS_KNOWN),
        ("KEY_USES", KEY_USES),
        ("SHORT_SCANS", SHORT_SCANS[0]),
        ("SHORT_SCANS", SHORT_SCANS[1]),
        ("CREDENTIALS_WITH_TRAIL", CREDENTIALS_WITH_TRAIL),
        ("TRAIL_WITH_CREDENTIALS", TRAIL_WITH_CREDENTIALS),
        ("ENSURE_PARTITIONS", ENSURE_PARTITIONS),
    ];
    all.extend(audit::ALL);
    all.extend(backup::ALL);
    all.extend(doctor::ALL);
    all.extend(keys::ALL);
    all.extend(listing::ALL);
    all.extend(operations::ALL);
    for insert in [
        &CREDENTIALS_INSERT,
        &AUDIT_INSERT,
        &CREDENTIAL_USES_MERGE,
        &KEY_USES_MERGE,
        &operations::OPERATIONS_INSERT,
        &operations::CLAIMS_INSERT,
    ] {
        all.extend(insert.statements().map(|sql| ("INSERT", sql)));
    }
    all
}
