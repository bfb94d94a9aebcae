//! Statements that list an organization's credentials.
//!
//! Lists without a filter have separate statements: with filters that may be null, PostgreSQL would
//! fetch every row to count it.

macro_rules! page {
    ($window:literal) => {
        concat!(
            "select ",
            listed!(),
            " from credentials c where c.org_id = $1 and c.deleted_at is null",
            $window
        )
    };
}
// Matching rows may be far apart: between two of them are last-used times of many others.
macro_rules! matching_page {
    ($rows:literal, $window:literal) => {
        concat!(
            "select page.*, u.last_used_at, u.last_used_by from (select ",
            listed!(),
            ", c.deleted_at, c.recover_until",
            " from credentials c where c.org_id = $1",
            matching!(),
            $rows,
            $window,
            ") as page left join lateral ( \
             select last_used_at, last_used_by from credential_uses \
             where org_id = $1 and cred_id = page.cred_id limit 1) as u on true order by \
             page.cred_id"
        )
    };
}

/// The number of an organization's credentials. Both counts read an index alone.
pub const CREDENTIALS_COUNT: &str = "select (select count(*) from credentials c \
     where c.org_id = $1) - (select count(*) from credentials d where d.org_id = $1 \
     and d.deleted_at is not null) as total";
/// The number of an organization's credentials, with the deleted ones.
pub const ALL_CREDENTIALS_COUNT: &str =
    "select count(*) as total from credentials where org_id = $1";
/// The number of an organization's credentials that match a filter.
pub const MATCHING_COUNT: &str = concat!(
    "select count(*) as total from credentials c where c.org_id = $1 and c.deleted_at is null",
    matching!()
);
/// The number of an organization's deleted credentials that match a filter.
pub const MATCHING_DELETED_COUNT: &str = concat!(
    "select count(*) as total from credentials c where c.org_id = $1 and c.deleted_at is not null",
    matching!()
);
/// A page of credentials from an offset.
pub const CREDENTIALS_FROM: &str = page!(" order by c.cred_id limit $2 offset $3");
/// A page of credentials that match a filter, from an offset, with their last-used times.
pub const MATCHING_FROM: &str = matching_page!(
    " and c.deleted_at is null",
    " order by c.cred_id limit $10 offset $11"
);
/// The same of deleted credentials.
pub const DELETED_FROM: &str = matching_page!(
    " and c.deleted_at is not null",
    " order by c.cred_id limit $10 offset $11"
);
/// A page of credentials after an id.
pub const CREDENTIALS_AFTER: &str = page!(" and c.cred_id > $3 order by c.cred_id limit $2");
/// Last-used times from an id, in the order of ids. One range of their index takes a third of the
/// time of single lookups.
pub const USES: &str = "select cred_id, last_used_at, last_used_by from credential_uses \
     where org_id = $1 and cred_id >= $2 order by cred_id limit $3";
/// A page of credentials that match a filter, after an id, with their last-used times.
pub const MATCHING_AFTER: &str = matching_page!(
    " and c.deleted_at is null",
    " and c.cred_id > $11 order by c.cred_id limit $10"
);
/// The same of deleted credentials.
pub const DELETED_AFTER: &str = matching_page!(
    " and c.deleted_at is not null",
    " and c.cred_id > $11 order by c.cred_id limit $10"
);

/// Those of several credentials of one organization whose entity tags are worth computing. A page
/// of large ones would take much memory.
pub const UNTAGGED: &str = concat!(
    "select ",
    sealed!(""),
    " from credentials where org_id = $1 and cred_id = any($2) \
     and octet_length(sealed_blob) <= 8192"
);

/// The first credentials with a label that match a filter. The first condition finds them in their
/// index.
pub const LABELED: &str = concat!(
    "select c.cred_id from credentials c where c.org_id = $1 and c.deleted_at is null \
     and c.label collate \"C\" = $4 and c.label <> ''",
    matching!(),
    " order by c.cred_id limit $10"
);

/// Makes a transaction read the rows of the next statements in the order of an index. Without
/// statistics, which a table that was just filled lacks, PostgreSQL would sort all rows of an
/// organization for each thousand of them.
pub const IN_ORDER: &str = "set local enable_sort = off";

// The condition on the row itself is checked again when the statement has waited for its lock. Each
// of these starts after the last credential of the one before: it does not pass by the rows
// that are deleted already.
macro_rules! some {
    ($verb:literal, $own:literal, $rows:literal, $after:literal) => {
        concat!(
            $verb,
            " where org_id = $1",
            $own,
            " and cred_id = any(array( \
             select c.cred_id from credentials c where c.org_id = $1",
            matching!(),
            $rows,
            " and c.cred_id > ",
            $after,
            " order by c.cred_id limit 1000)) \
             returning cred_id, version, coalesce(value_version, version) as value_version"
        )
    };
}
/// Deletes a thousand credentials of one organization that match a filter, after an id.
pub const DELETE_SOME: &str = some!(
    "delete from credentials",
    " and deleted_at is null",
    " and c.deleted_at is null",
    "$10"
);
/// The same, with those that were deleted before and can be restored.
pub const PURGE_SOME: &str = some!("delete from credentials", "", "", "$10");
/// Marks a thousand credentials of one organization that match a filter as deleted, after an id.
pub const RETAIN_SOME: &str = some!(
    "update credentials set deleted_at = $11, recover_until = $12",
    " and deleted_at is null",
    " and c.deleted_at is null",
    "$10"
);
/// The number of credentials of organizations that have expired, and that expire before each of
/// three times.
pub const EXPIRING_COUNT: &str = "select count(*) filter (where expires_at <= $2) as expired, \
     count(*) filter (where expires_at <= $3) as week, \
     count(*) filter (where expires_at <= $4) as month, count(*) as quarter from credentials \
     where org_id = any($1) and expires_at is not null and expires_at <= $5 \
     and deleted_at is null";
/// The deleted credentials of an organization whose window has ended, those that ended first.
pub const PURGE_DUE: &str = "select recover_until, cred_id from credentials where org_id = $1 \
     and deleted_at is not null and recover_until <= $2 \
     and (recover_until, cred_id) > ($3::timestamptz, $4::uuid) \
     order by recover_until, cred_id limit $5";
/// Deleted credentials after an id, without an event of their deletion at or after a time.
pub const UNATTESTED_DELETIONS: &str = concat!(
    "select ",
    sealed!("c."),
    " from credentials c where c.org_id = $1 and c.deleted_at is not null and c.cred_id > $3 \
     and not exists (select from audit_events d where d.org_id = $1 and d.cred_id = c.cred_id \
     and d.at >= $2 and d.version = c.version and d.outcome = 'ok' \
     and d.action = 'credential.delete') order by c.cred_id limit $4"
);
/// The number of deleted credentials of organizations, and of those whose window has ended.
pub const DELETED_COUNT: &str = "select count(*) as total, \
     count(*) filter (where recover_until <= $2) as due from credentials \
     where org_id = any($1) and deleted_at is not null";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("CREDENTIALS_COUNT", CREDENTIALS_COUNT),
    ("MATCHING_COUNT", MATCHING_COUNT),
    ("CREDENTIALS_FROM", CREDENTIALS_FROM),
    ("MATCHING_FROM", MATCHING_FROM),
    ("CREDENTIALS_AFTER", CREDENTIALS_AFTER),
    ("USES", USES),
    ("MATCHING_AFTER", MATCHING_AFTER),
    ("DELETED_FROM", DELETED_FROM),
    ("DELETED_AFTER", DELETED_AFTER),
    ("DELETED_COUNT", DELETED_COUNT),
    ("MATCHING_DELETED_COUNT", MATCHING_DELETED_COUNT),
    ("ALL_CREDENTIALS_COUNT", ALL_CREDENTIALS_COUNT),
    ("UNTAGGED", UNTAGGED),
    ("LABELED", LABELED),
    ("IN_ORDER", IN_ORDER),
    ("DELETE_SOME", DELETE_SOME),
    ("PURGE_SOME", PURGE_SOME),
    ("RETAIN_SOME", RETAIN_SOME),
    ("PURGE_DUE", PURGE_DUE),
    ("UNATTESTED_DELETIONS", UNATTESTED_DELETIONS),
    ("EXPIRING_COUNT", EXPIRING_COUNT),
];
