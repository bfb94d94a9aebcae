//! Statements that count an organization's credentials.

// By provider and type: all; those that have expired at the first time, or expire after it and
// before each of the next three; and those whose last use, or else their creation, is before the
// fifth. `$id` is the first id of the fifth.
macro_rules! counts {
    ([$now:literal $week:literal $month:literal $quarter:literal], [$since:literal $id:literal],
        $matching:expr) => {
        concat!(
            "select c.provider, c.cred_type, count(*) as total, \
             count(*) filter (where c.expires_at <= ",
            $now,
            ") as expired, count(*) filter (where c.expires_at > ",
            $now,
            " and c.expires_at <= ",
            $week,
            ") as week, count(*) filter (where c.expires_at > ",
            $now,
            " and c.expires_at <= ",
            $month,
            ") as month, count(*) filter (where c.expires_at > ",
            $now,
            " and c.expires_at <= ",
            $quarter,
            ") as quarter, count(*) filter (where coalesce(u.last_used_at < ",
            $since,
            ", c.cred_id < ",
            $id,
            ")) as unused from credentials c left join credential_uses u \
             on u.org_id = c.org_id and u.cred_id = c.cred_id and u.org_id = $1 \
             where c.org_id = $1 and c.deleted_at is null",
            $matching,
            " group by c.provider, c.cred_type order by c.provider, c.cred_type"
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
