//! Statements that read audit events by time.

macro_rules! newest {
    ($events:expr, $condition:expr) => {
        concat!(
            "select ",
            event!(),
            " from ",
            $events,
            " where at >= $2 and at < $3 \
             and at <= $4 and (at, lane, seq) < ($4::timestamptz, $5::uuid, $6::bigint) \
             and ($7::text is null or actor = $7) and ",
            $condition,
            " and ($9::text is null or action = $9) and ($11::text is null or outcome = $11) \
             and ($12::text is null or action <> $12) \
             order by at desc, lane desc, seq desc limit $10"
        )
    };
}
macro_rules! newest_of_credential {
    ($actions:literal) => {
        newest!(
            "audit_events",
            concat!("org_id = $1 and cred_id = $8 and action ", $actions)
        )
    };
}
/// Events before a place, newest first.
pub const AUDIT_NEWEST: &str = newest!(
    events_in_time!("$2::timestamptz", "least($3::timestamptz, $4::timestamptz)"),
    "$8::uuid is null"
);
/// Events of one credential before a place, newest first. One index has its write events, and one
/// has its other events.
pub const AUDIT_NEWEST_OF_CREDENTIAL: &str = concat!(
    "select * from ((",
    newest_of_credential!(
        "in ('credential.create', 'credential.update', 'credential.reseal', \
         'credential.attest', 'credential.delete')"
    ),
    ") union all (",
    newest_of_credential!(
        "not in ('credential.create', 'credential.update', 'credential.reseal', \
         'credential.attest', 'credential.delete')"
    ),
    ")) as event order by at desc, lane desc, seq desc limit $10"
);
/// Events after a place and before a time, oldest first.
pub const AUDIT_OLDEST: &str = concat!(
    "select ",
    event!(),
    " from ",
    events_in_time!(
        "greatest($2::timestamptz, $4::timestamptz)",
        "$3::timestamptz"
    ),
    " where at < $3 and (at, lane, seq) > ($4::timestamptz, $5::uuid, $6::bigint) \
     order by at, lane, seq limit $7"
);
/// The time of the mark that comes some marks before a time. It reads an index alone.
pub const AUDIT_MARK_BEFORE: &str = "select at from audit_events where org_id = $1 \
     and after_mark is null and at >= $2 and at < $3 and at < $4 \
     order by at desc offset $5 limit 1";
/// The time of the mark that comes some marks after a time.
pub const AUDIT_MARK_AFTER: &str = "select at from audit_events where org_id = $1 \
     and after_mark is null and at >= $2 and at < $3 and at > $4 order by at offset $5 limit 1";
/// The time of the event that comes some events before a time, among those of one credential that
/// write nothing.
pub const AUDIT_TIME_BEFORE_OF_CREDENTIAL: &str = "select at from audit_events where org_id = $1 \
     and at >= $2 and at < $3 and at < $4 and cred_id = $6 \
     and action not in ('credential.create', 'credential.update', 'credential.reseal', \
     'credential.attest', 'credential.delete') order by at desc offset $5 limit 1";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("AUDIT_NEWEST", AUDIT_NEWEST),
    ("AUDIT_NEWEST_OF_CREDENTIAL", AUDIT_NEWEST_OF_CREDENTIAL),
    ("AUDIT_OLDEST", AUDIT_OLDEST),
    ("AUDIT_MARK_BEFORE", AUDIT_MARK_BEFORE),
    ("AUDIT_MARK_AFTER", AUDIT_MARK_AFTER),
    (
        "AUDIT_TIME_BEFORE_OF_CREDENTIAL",
        AUDIT_TIME_BEFORE_OF_CREDENTIAL,
    ),
];

#[cfg(test)]
mod tests {
    use strongroom_domain::audit::mark::{MARK_SPAN, MARKED_EVENTS};

    #[test]
    fn events_are_found_within_the_limits_of_their_marks() {
        let sql = events_in_time!("$2", "$3");
        let span = format!("interval '{} ms'", MARK_SPAN.num_milliseconds());
        assert_eq!(sql.matches(&span).count(), 4);
        assert!(sql.contains(&format!("m.seq + {} as last", MARKED_EVENTS - 1)));
    }
}
