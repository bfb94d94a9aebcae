//! The statements on tenant and service tables.
//!
//! Every statement on a tenant table has a condition on `org_id`. A test prepares all statements.

#[macro_use]
mod macros;

mod audit;
mod audit_by_time;
pub mod audit_roots;
pub mod backup;
mod console_sessions;
mod daily_totals;
pub mod doctor;
mod insert;
mod keys;
mod listing;
#[cfg(test)]
mod migration_shapes;
mod oauth;
pub mod operations;
mod organizations;
mod overview;
mod relay;
#[cfg(test)]
mod shapes;
mod sorted;
mod versions;

use uuid::Uuid;

pub use audit::*;
pub use audit_by_time::*;
pub use console_sessions::*;
pub use daily_totals::*;
pub use insert::*;
pub use keys::*;
pub use listing::*;
pub use oauth::*;
pub use organizations::*;
pub use overview::*;
pub use relay::*;
pub use sorted::*;
pub use versions::*;

/// The scope that lists organizations and rotations.
pub const LISTING: &str = "*";

/// The scope of organizations: the value of `strongroom.orgs`, which row-level security reads.
#[must_use]
pub fn scope(orgs: &[Uuid]) -> String {
    let mut scope = String::with_capacity(37 * orgs.len());
    for org in orgs {
        scope.push_str(org.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        scope.push(',');
    }
    scope
}

/// Sets the scope of the current transaction, in place of its former scope.
#[must_use]
pub fn enter(scope: &str) -> String {
    format!("set local strongroom.orgs = '{scope}'")
}

/// A query with `params` parameters as a transaction of its own; the next parameter is the scope.
/// The condition refers to no table, so PostgreSQL evaluates it before it reads any.
#[must_use]
pub fn alone(query: &str, params: usize) -> String {
    let scope = params + 1;
    format!(
        "select alone.* from ({query}) as alone \
         where (select set_config('strongroom.orgs', ${scope}, true)) is not null"
    )
}

macro_rules! credentials {
    ($uses:literal) => {
        concat!(
            "select ",
            sealed!("c."),
            ", u.last_used_at, u.last_used_by, ",
            credential_stamp!("c."),
            " as stamp \
             from credentials c join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, cred_id) \
             on c.org_id = wanted.org_id and c.cred_id = wanted.cred_id \
             and c.deleted_at is null left join ",
            $uses,
            " where c.org_id = any($1) or c.org_id = ($1)[1]"
        )
    };
}
/// Several credentials by (organization, id), with their last-used times and stamps.
///
/// The last condition is redundant; it shows a sharded cluster which shards to query. As the plain
/// condition `= any($1)`, it would become part of PostgreSQL's index scan, which then takes twice
/// as long. Each last-used time is a separate lookup: a join planned while the table was empty
/// reads all rows.
pub const CREDENTIALS: &str = credentials!(
    "lateral (select last_used_at, last_used_by from credential_uses \
     where org_id = c.org_id and cred_id = c.cred_id limit 1) as u on true"
);
/// The same for a sharded cluster, which colocates rows only in joins on `org_id`.
pub const CREDENTIALS_SHARDED: &str =
    credentials!("credential_uses u on u.org_id = c.org_id and u.cred_id = c.cred_id");
/// Several credentials of one organization, also deleted ones, locked until the transaction ends.
/// Rows that another transaction has locked are omitted.
pub const CREDENTIALS_LOCK: &str = concat!(
    "select ",
    sealed!(""),
    " from credentials \
     where org_id = $1 and cred_id = any($2) order by cred_id for update skip locked"
);
/// Those of several credentials of one organization that exist.
pub const CREDENTIALS_EXISTING: &str =
    "select cred_id from credentials where org_id = $1 and cred_id = any($2)";
/// The credential of a user of the Pieces surface.
pub const CREDENTIAL_OF_USER: &str = concat!(
    "select ",
    sealed!(""),
    " from credentials where org_id = $1 and pieces_user = $2 and deleted_at is null"
);
/// Updates a credential to its next version.
pub const CREDENTIAL_UPDATE: &str = "update credentials set label = $3, version = $4, \
     key_generation = $5, \
     wrapped_key = $6, sealed_blob = $7, updated_at = $8, etag = $9, value_version = $10, \
     expires_at = $11, expires_source = $12, history = $13 \
     where org_id = $1 and cred_id = $2";
/// Deletes several credentials of one organization.
pub const CREDENTIALS_DELETE: &str =
    "delete from credentials where org_id = $1 and cred_id = any($2)";
/// Marks several credentials of one organization as deleted, each at a time and until a time.
pub const CREDENTIALS_RETAIN: &str = "update credentials c set deleted_at = d.at, \
     recover_until = d.until from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) \
     as d (cred_id, at, until) where c.org_id = $1 and c.cred_id = d.cred_id";
/// Marks a deleted credential as restored.
pub const CREDENTIAL_RESTORE: &str = "update credentials set deleted_at = null, \
     recover_until = null where org_id = $1 and cred_id = $2";
/// Deletes a thousand credentials of a destroyed organization.
pub const CREDENTIALS_REMOVE_SOME: &str = "delete from credentials where org_id = $1 and cred_id \
     = any(array( \
     select cred_id from credentials where org_id = $1 order by cred_id limit 1000))";

/// The heads of an organization's newest lanes. It walks the primary key from lane to lane.
pub const LANE_HEADS: &str = "with recursive newest (lane, seq, mac, nth) as ( \
       (select lane, seq, mac, 1 from audit_events where org_id = $1 order by lane desc, seq \
       desc limit 1) \
       union all \
       select head.lane, head.seq, head.mac, nth + 1 from newest, lateral ( \
         select e.lane, e.seq, e.mac from audit_events e where e.org_id = $1 and e.lane < \
         newest.lane \
         order by e.lane desc, e.seq desc limit 1) as head \
       where nth < 64) \
     select lane, seq, mac from newest order by lane";

/// Deletes the last-used times of all credentials of an organization.
pub const ALL_CREDENTIAL_USES_DELETE: &str = "delete from credential_uses where org_id = $1";
/// Deletes the last-used times of all API keys of an organization.
pub const ALL_KEY_USES_DELETE: &str = "delete from key_uses where org_id = $1";
/// Deletes the last-used times of several credentials of one organization.
pub const CREDENTIAL_USES_DELETE: &str =
    "delete from credential_uses where org_id = $1 and cred_id = any($2)";
/// Those of several credentials, by (organization, id), that exist.
pub const CREDENTIALS_KNOWN: &str = "select c.org_id, c.cred_id from credentials c \
     join unnest($1::uuid[], $2::uuid[]) as used (org_id, cred_id) \
     on c.org_id = used.org_id and c.cred_id = used.cred_id \
     where c.org_id = any($1) or c.org_id = ($1)[1]";
/// The last-used times of an organization's API keys.
pub const KEY_USES: &str = "select key_id, last_used_at from key_uses where org_id = $1";

/// Disables JIT and parallel workers, for short index scans whose cost the planner overestimates.
/// The settings are local to the transaction, so that they reach the workers of a sharded cluster.
pub const SHORT_SCANS: [&str; 2] = [
    "set local jit = off",
    "set local max_parallel_workers_per_gather = 0",
];
/// A page of credentials from an id, each with its newest write event and its newest deletion. One
/// statement reads one snapshot, in which each write has its event. A blob larger than any that a
/// server stores is replaced by one that does not decrypt.
pub const CREDENTIALS_WITH_TRAIL: &str = "select c.org_id, c.cred_id, c.provider, c.cred_type, \
     c.label, \
     c.version, c.value_version, c.expires_at, c.expires_source, c.history, c.deleted_at, \
     c.recover_until, \
     c.key_generation, c.wrapped_key, case when octet_length(c.sealed_blob) <= 1048576 \
       then c.sealed_blob else '' end as sealed_blob, c.updated_at, c.pieces_user, \
     written.version as written_version, written.digest as written_digest, \
     deletion.version as deleted_version, deletion.details as deletion_details, \
     coalesce((select true from audit_events r where r.org_id = $1 and r.cred_id = c.cred_id \
       and r.version = deletion.version + 1 and r.action = 'credential.update' \
       and r.outcome = 'ok' and r.details like '%\"restored\":true%' limit 1), false) \
       as restored, \
     coalesce((select true from audit_events f where f.org_id = $1 and f.cred_id = c.cred_id \
       and f.action in ('credential.create', 'credential.update', 'credential.reseal') \
       and f.version is not null and f.outcome = 'ok' group by f.version having count(*) > 1 \
       limit 1), false) \
       as forked \
     from credentials c left join lateral (select e.version, e.digest from audit_events e \
       where e.org_id = $1 and e.cred_id = c.cred_id and e.version is not null and \
       e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', \
       'credential.attest') \
       order by e.version desc, e.at desc limit 1) as written on true \
     left join lateral (select d.version, d.details from audit_events d \
       where d.org_id = $1 and d.cred_id = c.cred_id and d.action = 'credential.delete' \
       and d.version is not null and d.outcome = 'ok' \
       order by d.version desc, d.at desc limit 1) as deletion on true \
     where c.org_id = $1 and c.cred_id >= $2 order by c.cred_id limit $3";
/// A page of the credentials with write events, from an id, and whether each is missing: it has no
/// row, and no event of its final deletion. That of a deletion that can be undone says until when.
pub const TRAIL_WITH_CREDENTIALS: &str = "with page as (select e.cred_id, \
       max(e.version) as version from audit_events e \
       where e.org_id = $1 and e.cred_id >= $2 and e.version is not null and e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', \
       'credential.attest') \
       group by e.cred_id order by e.cred_id limit $3) \
     select page.cred_id, c.cred_id is null and (select true from audit_events d \
       where d.org_id = $1 and d.cred_id = page.cred_id and d.action = 'credential.delete' \
       and d.version >= page.version and d.outcome = 'ok' \
       and coalesce(d.details, '') not like '%\"recover_until\"%' limit 1) is null as missing \
     from page left join credentials c on c.org_id = $1 and c.cred_id = page.cred_id \
     order by page.cred_id";

/// Creates audit partitions ahead of time.
pub const ENSURE_PARTITIONS: &str = "select strongroom_ensure_audit_partitions()";

/// The constants above, with their names.
const ALL: &[(&str, &str)] = &[
    ("ALL_CREDENTIAL_USES_DELETE", ALL_CREDENTIAL_USES_DELETE),
    ("ALL_KEY_USES_DELETE", ALL_KEY_USES_DELETE),
    ("CREDENTIALS_SHARDED", CREDENTIALS_SHARDED),
    ("CREDENTIALS_LOCK", CREDENTIALS_LOCK),
    ("CREDENTIALS_EXISTING", CREDENTIALS_EXISTING),
    ("CREDENTIAL_OF_USER", CREDENTIAL_OF_USER),
    ("CREDENTIAL_UPDATE", CREDENTIAL_UPDATE),
    ("CREDENTIALS_DELETE", CREDENTIALS_DELETE),
    ("CREDENTIALS_RETAIN", CREDENTIALS_RETAIN),
    ("CREDENTIAL_RESTORE", CREDENTIAL_RESTORE),
    ("CREDENTIALS_REMOVE_SOME", CREDENTIALS_REMOVE_SOME),
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

/// The names of the statements that read the rows of every organization: for jobs, or by ancestor.
pub const LISTINGS: [&str; 7] = [
    "ORGANIZATIONS",
    "ORGANIZATION_IDS",
    "ORGANIZATIONS_DELETED",
    "ORGANIZATIONS_EXIST",
    "ROTATIONS_LISTING",
    "DESCENDANTS",
    "CHILDREN_COUNT",
];

/// All statements with their names, for the test that prepares them.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str)> {
    let mut all = ALL.to_vec();
    all.extend(audit::ALL);
    all.extend(audit_by_time::ALL);
    all.extend(audit_roots::ALL);
    all.extend(backup::ALL);
    all.extend(console_sessions::ALL);
    all.extend(daily_totals::ALL);
    all.extend(doctor::ALL);
    all.extend(keys::ALL);
    all.extend(listing::ALL);
    all.extend(oauth::ALL);
    all.extend(operations::ALL);
    all.extend(organizations::ALL);
    all.extend(overview::ALL);
    all.extend(relay::ALL);
    all.extend(sorted::ALL);
    all.extend(versions::ALL);
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
