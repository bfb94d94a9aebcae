//! Statements for signed roots of audit trails, and for the result of the last scrub.

/// The newest roots until a time.
pub const AUDIT_ROOTS_NEWEST: &str = "select at, leaves, root, previous, public_key, signature \
     from audit_roots where at <= $1 and isfinite(at) order by at desc limit 16";
/// Inserts a root.
pub const AUDIT_ROOT_INSERT: &str = "insert into audit_roots \
     (at, leaves, root, previous, public_key, signature) values ($1, $2, $3, $4, $5, $6)";
/// Deletes roots before a time.
pub const AUDIT_ROOTS_FORGET: &str = "delete from audit_roots where at < $1";
/// The leaf of an organization under the root of a time.
pub const AUDIT_LEAF: &str =
    "select heads, number, path from audit_root_leaves where org_id = $1 and at = $2";
/// Inserts the leaf of an organization.
pub const AUDIT_LEAF_INSERT: &str = "insert into audit_root_leaves \
     (org_id, at, heads, number, path) values ($1, $2, $3, $4, $5)";
/// Deletes an organization's leaves before a time.
pub const AUDIT_LEAVES_FORGET: &str = "delete from audit_root_leaves where org_id = $1 and at < $2";
/// The heads of the lanes after a lane whose last event is not older than a time, if there is an
/// event as new. It walks the primary key from lane to lane.
pub const CHANGED_HEADS: &str = "with recursive walk (lane, nth) as ( \
       (select lane, 1::bigint from audit_events where org_id = $1 and lane > $2 and exists ( \
          select from audit_events n where n.org_id = $1 and n.after_mark is null \
          and n.at >= $4::timestamptz - interval '100 ms') order by lane limit 1) \
       union all \
       select (select e.lane from audit_events e where e.org_id = $1 and e.lane > walk.lane \
               order by e.lane limit 1), nth + 1 \
       from walk where walk.lane is not null and nth < $3) \
     select head.lane, head.seq, head.mac from walk, lateral ( \
       select e.lane, e.seq, e.mac, e.at from audit_events e where e.org_id = $1 \
       and e.lane = walk.lane order by e.seq desc limit 1) as head \
     where head.at >= $4 order by head.lane";

/// The result of the last scrub.
pub const SCRUB_RESULT: &str = "select ended_at, credentials, findings, events, trail_findings, \
     proof from scrub_results";
/// Replaces the result of the last scrub.
pub const SCRUB_RESULT_PUT: &str = "insert into scrub_results \
     (ended_at, credentials, findings, events, trail_findings, proof) \
     values ($1, $2, $3, $4, $5, $6) on conflict (single) do update set \
     ended_at = excluded.ended_at, credentials = excluded.credentials, \
     findings = excluded.findings, events = excluded.events, \
     trail_findings = excluded.trail_findings, proof = excluded.proof";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("AUDIT_ROOTS_NEWEST", AUDIT_ROOTS_NEWEST),
    ("AUDIT_ROOT_INSERT", AUDIT_ROOT_INSERT),
    ("AUDIT_ROOTS_FORGET", AUDIT_ROOTS_FORGET),
    ("AUDIT_LEAF", AUDIT_LEAF),
    ("AUDIT_LEAF_INSERT", AUDIT_LEAF_INSERT),
    ("AUDIT_LEAVES_FORGET", AUDIT_LEAVES_FORGET),
    ("CHANGED_HEADS", CHANGED_HEADS),
    ("SCRUB_RESULT", SCRUB_RESULT),
    ("SCRUB_RESULT_PUT", SCRUB_RESULT_PUT),
];
