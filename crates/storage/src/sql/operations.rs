//! Statements for operations, idempotency records and WAL positions.

use std::sync::LazyLock;

use crate::sql::insert::Insert;

/// Inserts the operations of a batch.
pub static OPERATIONS_INSERT: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("operations", &[("org_id", "uuid"), ("op_id", "uuid")]));
/// Inserts the idempotency records of a batch, or replaces expired ones. It returns those that were
/// stored.
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
            ("proof", "bytea"),
        ],
        "on conflict (org_id, key_digest) do update set request_digest = excluded.request_digest, \
         cred_id = excluded.cred_id, op_id = excluded.op_id, claimed_at = excluded.claimed_at, \
         expires_at = excluded.expires_at, proof = excluded.proof \
         where kept.expires_at <= excluded.claimed_at \
         returning org_id, key_digest",
    )
});
/// The idempotency records with these keys, including expired ones.
pub const CLAIMS: &str = "select k.org_id, k.key_digest, k.request_digest, k.cred_id, k.op_id, \
     k.expires_at, k.proof \
     from unnest($1::uuid[], $2::bytea[]) as wanted (org_id, key_digest) \
     join idempotency_keys k on k.org_id = wanted.org_id and k.key_digest = wanted.key_digest \
     where k.org_id = any($1) or k.org_id = ($1)[1]";
/// Those of these operations that are visible.
pub const OPERATIONS: &str = "select o.org_id, o.op_id \
     from unnest($1::uuid[], $2::uuid[]) as wanted (org_id, op_id) \
     join operations o on o.org_id = wanted.org_id and o.op_id = wanted.op_id \
     where o.org_id = any($1) or o.org_id = ($1)[1]";
/// The organizations that have operations older than an id.
pub const OPERATIONS_OLD: &str = "select o.org_id from unnest($1::uuid[]) as wanted (org_id) \
     join operations o on o.org_id = wanted.org_id \
     where (o.org_id = any($1) or o.org_id = ($1)[1]) and o.op_id < $2 group by o.org_id";
/// The organizations that have expired idempotency records.
pub const CLAIMS_OLD: &str = "select k.org_id from unnest($1::uuid[]) as wanted (org_id) \
     join idempotency_keys k on k.org_id = wanted.org_id \
     where (k.org_id = any($1) or k.org_id = ($1)[1]) and k.expires_at <= $2 group by k.org_id";
/// Deletes an organization's operations older than an id.
pub const OPERATIONS_FORGET: &str = "delete from operations where org_id = $1 and op_id < $2";
/// Deletes an organization's expired idempotency records.
pub const CLAIMS_FORGET: &str =
    "delete from idempotency_keys where org_id = $1 and expires_at <= $2";
/// Deletes all operations of an organization.
pub const ALL_OPERATIONS_DELETE: &str = "delete from operations where org_id = $1";
/// Deletes all idempotency records of an organization.
pub const ALL_CLAIMS_DELETE: &str = "delete from idempotency_keys where org_id = $1";
/// The WAL flush position. After a commit, it is at or after the end of the commit.
pub const FLUSHED: &str = "select pg_current_wal_flush_lsn() as position";
/// The replay position on a standby, otherwise the flush position.
pub const REGION_POSITION: &str = "select pg_is_in_recovery() as standby, \
     case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() \
     end \
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
