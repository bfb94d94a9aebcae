//! Statements on operations, on requests that may be repeated, and on how far a region is.

use std::sync::LazyLock;

use crate::sql::insert::Insert;

/// Operations of a batch.
pub static OPERATIONS_INSERT: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("operations", &[("org_id", "uuid"), ("op_id", "uuid")]));
/// Claims of a batch, in place of expired ones; gives those that were not taken.
pub static CLAIMS_INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::with_conflict(
        "idempotency_keys as kept",
        &[
            ("org_id", "uuid"),
            ("key_digest", "bytea"),
            ("request_digest", "bytea"),
            ("cred_id", "uuid"),
            ("op_id", "uuid"),
            ("claimed_at", "timestamptz"),
            ("expires_at", "timestamptz"),
        ],
        "on conflict (org_id, key_digest) do update set request_digest = excluded.request_digest, \
         cred_id = excluded.cred_id, op_id = excluded.op_id, claimed_at = excluded.claimed_at, \
         expires_at = excluded.expires_at where kept.expires_at <= excluded.claimed_at \
         returning org_id, key_digest",
    )
});
/// What earlier requests with these claims did.
pub const CLAIMS: &str = "select k.org_id, k.key_digest, k.request_digest, k.cred_id, k.op_id \
     from unnest($1::uuid[], $2::bytea[]) as wanted (org_id, key_digest) \
     join idempotency_keys k on k.org_id = wanted.org_id and k.key_digest = wanted.key_digest \
     where k.org_id = any($1) or k.org_id = ($1)[1]";
/// Which of these operations are visible here.
pub const OPERATIONS: &str = "select o.org_id, o.op_id \
     from unnest($1::uuid[], $2::uuid[]) as wanted (org_id, op_id) \
     join operations o on o.org_id = wanted.org_id and o.op_id = wanted.op_id \
     where o.org_id = any($1) or o.org_id = ($1)[1]";
/// Which organizations have operations that began before an id was issued.
pub const OPERATIONS_OLD: &str = "select o.org_id from unnest($1::uuid[]) as wanted (org_id) \
     join operations o on o.org_id = wanted.org_id \
     where (o.org_id = any($1) or o.org_id = ($1)[1]) and o.op_id < $2 group by o.org_id";
/// Which organizations have claims that have expired.
pub const CLAIMS_OLD: &str = "select k.org_id from unnest($1::uuid[]) as wanted (org_id) \
     join idempotency_keys k on k.org_id = wanted.org_id \
     where (k.org_id = any($1) or k.org_id = ($1)[1]) and k.expires_at <= $2 group by k.org_id";
/// Forgets operations that began before an id was issued.
pub const OPERATIONS_FORGET: &str = "delete from operations where org_id = $1 and op_id < $2";
/// Forgets claims that have expired.
pub const CLAIMS_FORGET: &str =
    "delete from idempotency_keys where org_id = $1 and expires_at <= $2";
/// Forgets all of an organization's operations.
pub const ALL_OPERATIONS_DELETE: &str = "delete from operations where org_id = $1";
/// Forgets all of an organization's claims.
pub const ALL_CLAIMS_DELETE: &str = "delete from idempotency_keys where org_id = $1";
/// How far the log is flushed here; asked after a commit, this is where the commit ends, or later.
pub const FLUSHED: &str = "select pg_current_wal_flush_lsn() as position";
/// How far this server is: on a standby what it has replayed, else what is flushed.
pub const REGION_POSITION: &str = "select pg_is_in_recovery() as standby, \
     case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end \
       as position, \
     pg_last_xact_replay_timestamp() as replayed_at, clock_timestamp() as now";

/// Every constant of this module.
pub(super) const ALL: [(&str, &str); 10] = [
    ("CLAIMS", CLAIMS),
    ("OPERATIONS", OPERATIONS),
    ("OPERATIONS_OLD", OPERATIONS_OLD),
    ("CLAIMS_OLD", CLAIMS_OLD),
    ("OPERATIONS_FORGET", OPERATIONS_FORGET),
    ("CLAIMS_FORGET", CLAIMS_FORGET),
    ("ALL_OPERATIONS_DELETE", ALL_OPERATIONS_DELETE),
    ("ALL_CLAIMS_DELETE", ALL_CLAIMS_DELETE),
    ("FLUSHED", FLUSHED),
    ("REGION_POSITION", REGION_POSITION),
];
