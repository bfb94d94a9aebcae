//! Statements that count reveals and relays per day, and keep the totals.

/// Those of several organizations that have an event at or after a time, and maybe others, whose
/// newest event is older by the time that a mark and its events may be apart.
pub const ORGANIZATIONS_WITH_EVENTS: &str = "select org_id from audit_events \
     where org_id = any($1) and after_mark is null \
     and at >= $2::timestamptz - interval '100 ms' group by org_id";
/// Counts an organization's events from a time on and before another one by day, the oldest first.
pub const EVENTS_COUNT: &str = concat!(
    "select (at at time zone 'utc')::date as day, count(*) as events, \
     count(*) filter (where action = 'credential.reveal' and outcome = 'ok') as reveals, \
     count(*) filter (where action = 'credential.use' and outcome = 'ok') as relays \
     from ",
    events_in_time!("$2::timestamptz", "$3::timestamptz"),
    " where at < $3 group by 1 order by 1"
);
/// The totals of an organization from one day to another.
pub const DAILY_TOTALS: &str = "select day, reveals, relays, counted_at from daily_totals \
     where org_id = $1 and day >= $2 and day <= $3 order by day";
/// Stores the totals of a day, unless later counted ones are stored.
pub const DAILY_TOTAL_PUT: &str = "insert into daily_totals \
     (org_id, day, reveals, relays, counted_at) values ($1, $2, $3, $4, $5) \
     on conflict (org_id, day) do update set reveals = excluded.reveals, \
     relays = excluded.relays, counted_at = excluded.counted_at \
     where daily_totals.counted_at <= excluded.counted_at";
/// Deletes an organization's totals of the days before a day.
pub const DAILY_TOTALS_FORGET: &str = "delete from daily_totals where org_id = $1 and day < $2";
/// Deletes all totals of an organization.
pub const ALL_DAILY_TOTALS_DELETE: &str = "delete from daily_totals where org_id = $1";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("ORGANIZATIONS_WITH_EVENTS", ORGANIZATIONS_WITH_EVENTS),
    ("EVENTS_COUNT", EVENTS_COUNT),
    ("DAILY_TOTALS", DAILY_TOTALS),
    ("DAILY_TOTAL_PUT", DAILY_TOTAL_PUT),
    ("DAILY_TOTALS_FORGET", DAILY_TOTALS_FORGET),
    ("ALL_DAILY_TOTALS_DELETE", ALL_DAILY_TOTALS_DELETE),
];
