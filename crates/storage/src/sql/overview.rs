//! Statements that count an organization's credentials.

// By provider and type: all; those that have expired at the first time, or expire after it and
// before each of the next three; and those whose last use, or else their creation, is before the
// fifth. `$id` is the first id of the fifth. Last uses are brought together with their credentials
// by a group for each id: for a join, PostgreSQL expects an organization of average size, and looks
// up the last use of one credential after the other.
macro_rules! counts {
    ([$now:literal $week:literal $month:literal $quarter:literal], [$since:literal $id:literal],
        $matching:expr) => {
        concat!(
            "select one.provider, one.cred_type, count(*) as total, \
             count(*) filter (where one.expires_at <= ",
            $now,
            ") as expired, count(*) filter (where one.expires_at > ",
            $now,
            " and one.expires_at <= ",
            $week,
            ") as week, count(*) filter (where one.expires_at > ",
            $now,
            " and one.expires_at <= ",
            $month,
            ") as month, count(*) filter (where one.expires_at > ",
            $now,
            " and one.expires_at <= ",
            $quarter,
            ") as quarter, count(*) filter (where coalesce(one.last_used_at < ",
            $since,
            ", one.cred_id < ",
            $id,
            ")) as unused from (select part.cred_id, max(part.provider) as provider, \
               max(part.cred_type) as cred_type, max(part.expires_at) as expires_at, \
               max(part.last_used_at) as last_used_at from ( \
                 select c.cred_id, c.provider, c.cred_type, c.expires_at, \
                 null::timestamptz as last_used_at from credentials c \
                 where c.org_id = $1 and c.deleted_at is null",
            $matching,
            " union all \
                 select u.cred_id, null, null, null, u.last_used_at from credential_uses u \
                 where u.org_id = $1) as part \
               group by part.cred_id) as one \
             where one.provider is not null \
             group by one.provider, one.cred_type order by one.provider, one.cred_type"
        )
    };
}

/// Counts all credentials.
pub const CREDENTIAL_COUNTS: &str = counts!(["$2" "$3" "$4" "$5"], ["$6" "$7"], "");
/// Counts the credentials that match a filter.
pub const MATCHING_COUNTS: &str = counts!(["$10" "$11" "$12" "$13"], ["$14" "$15"], matching!());

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("CREDENTIAL_COUNTS", CREDENTIAL_COUNTS),
    ("MATCHING_COUNTS", MATCHING_COUNTS),
];
