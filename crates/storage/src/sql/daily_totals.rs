//! Statements that count reveals and relays per day, and keep the totals.

/// Those of several organizations that have an event at or after a time.
pub const ORGANIZATIONS_WITH_EVENTS: &str = "select org_id from audit_events \
     where org_id = any($1) and at >= $2 group by org_id";
/// Counts an organization's events after a place by day, the oldest first, at most a number of
/// them, each day with the place of the last event of all and their number.
pub const EVENTS_COUNT: &str = "with page as materialized ( \
       select at, lane, seq, action, outcome from audit_events where org_id = $1 and at < $5 \
       and at >= $2 and (at, lane, seq) > ($2::timestamptz, $3::uuid, $4::bigint) \
       order by at, lane, seq limit $6) \
     select counted.*, last.at, last.lane, last.seq from ( \
       select (at at time zone 'utc')::date as day, count(*) as events, \
       count(*) filter (where action = 'credential.reveal' and outcome = 'ok') as reveals, \
       count(*) filter (where action = 'credential.use' and outcome = 'ok') as relays \
       from page group by 1) as counted \
     cross join (select at, lane, seq from page order by at desc, lane desc, seq desc limit 1) \
       as last \
     order by counted.day";
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
