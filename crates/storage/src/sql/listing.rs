//! Statements that list an organization's credentials.
//!
//! Lists without a filter have separate statements: with filters that may be null, PostgreSQL would
//! fetch every row to count it.

macro_rules! matching {
    () => {
        " and ($2::text is null or c.provider = $2) and ($3::text is null or c.cred_type = $3) \
         and ($4::text is null or c.label = $4) \
         and ($5::text[] is null or c.provider = any($5)) \
         and ($6::text[] is null or c.cred_type = any($6)) \
         and ($7::text is null or starts_with(c.label, $7)) \
         and ($8::uuid[] is null or c.cred_id = any($8))"
    };
}
macro_rules! count {
    ($filter:expr) => {
        concat!(
            "select count(*) as total from credentials c where c.org_id = $1",
            $filter
        )
    };
}
// Without a tag of its version, a row is read as a whole, so that its tag can be computed: a server
// of an earlier version, or a restore, wrote it. Large rows are listed without a tag, since a page
// of them would take much memory.
macro_rules! listed {
    () => {
        "c.cred_id, c.provider, c.cred_type, c.label, c.version, c.updated_at, c.etag, \
         c.pieces_user, case when (c.etag is null or substring(c.etag from 1 for 8) <> \
         int8send(c.version)) and octet_length(c.sealed_blob) <= 8192 then c.sealed_blob end \
         as sealed_blob"
    };
}
// Last-used times are read as one range of their index, which takes a third of the time of single
// lookups. Their rows follow the page's rows, and have no provider.
macro_rules! page {
    ($window:literal) => {
        concat!(
            "with page as materialized (select ",
            listed!(),
            " from credentials c where c.org_id = $1",
            $window,
            ") select page.*, null::timestamptz as last_used_at, null::uuid as last_used_by from \
                 page \
             union all select u.cred_id, null, null, null, null, null, null, null, null, \
             u.last_used_at, u.last_used_by from credential_uses u where u.org_id = $1 \
             and u.cred_id >= (select cred_id from page limit 1) \
             and u.cred_id <= coalesce((select cred_id from page offset $2 - 1 limit 1), \
               'ffffffff-ffff-ffff-ffff-ffffffffffff')"
        )
    };
}
// Matching rows may be far apart, so a range could contain many more last-used times than the page.
macro_rules! matching_page {
    ($window:literal) => {
        concat!(
            "select page.*, u.last_used_at, u.last_used_by from (select ",
            listed!(),
            " from credentials c where c.org_id = $1",
            matching!(),
            $window,
            ") as page left join lateral ( \
             select last_used_at, last_used_by from credential_uses \
             where org_id = $1 and cred_id = page.cred_id limit 1) as u on true order by \
             page.cred_id"
        )
    };
}

/// The number of an organization's credentials.
pub const CREDENTIALS_COUNT: &str = count!("");
/// The number of an organization's credentials that match a filter.
pub const MATCHING_COUNT: &str = count!(matching!());
/// A page of credentials from an offset, with their last-used times.
pub const CREDENTIALS_FROM: &str = page!(" order by c.cred_id limit $2 offset $3");
/// A page of credentials that match a filter, from an offset.
pub const MATCHING_FROM: &str = matching_page!(" order by c.cred_id limit $9 offset $10");
/// A page of credentials after an id, with their last-used times.
pub const CREDENTIALS_AFTER: &str = page!(" and c.cred_id > $3 order by c.cred_id limit $2");
/// A page of credentials that match a filter, after an id.
pub const MATCHING_AFTER: &str = matching_page!(" and c.cred_id > $10 order by c.cred_id limit $9");

/// Deletes a thousand credentials of one organization that a key reaches.
pub const MATCHING_DELETE_SOME: &str = concat!(
    "delete from credentials where org_id = $1 and cred_id = any(array( \
     select c.cred_id from credentials c where c.org_id = $1",
    matching!(),
    " order by c.cred_id limit 1000)) returning cred_id, version"
);

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("CREDENTIALS_COUNT", CREDENTIALS_COUNT),
    ("MATCHING_COUNT", MATCHING_COUNT),
    ("CREDENTIALS_FROM", CREDENTIALS_FROM),
    ("MATCHING_FROM", MATCHING_FROM),
    ("CREDENTIALS_AFTER", CREDENTIALS_AFTER),
    ("MATCHING_AFTER", MATCHING_AFTER),
    ("MATCHING_DELETE_SOME", MATCHING_DELETE_SOME),
];
