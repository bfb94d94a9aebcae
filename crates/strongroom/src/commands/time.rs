//! Times, and spans of time, on the command line.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Timelike, Utc};
use strongroom_domain::{Clock, SystemClock};

use crate::error::CommandError;

const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// A time, or a date, which means its beginning in UTC. A leap second is taken as the second after
/// it, since no clock of a server shows it.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        let time = time.to_utc();
        let nanos = time.nanosecond();
        return match nanos.checked_sub(NANOS_PER_SECOND) {
            Some(nanos) => DateTime::from_timestamp(time.timestamp() + 1, nanos),
            None => Some(time),
        };
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

/// A span of time. Its years and months are those of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    months: Months,
    time: TimeDelta,
}

impl Span {
    /// Numbers with units, such as `90d`, `1h30m` or `1y 6months`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut months, mut others) = (0_u32, String::new());
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, tail) = rest.split_at(end);
            let tail = tail.trim_start();
            let end = tail.find(|c: char| !c.is_alphabetic());
            let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
            if number.is_empty() || unit.is_empty() {
                return None;
            }
            match months_in(unit) {
                Some(each) => {
                    let number: u32 = number.parse().ok()?;
                    months = months.checked_add(number.checked_mul(each)?)?;
                }
                None => others += &format!("{number}{unit} "),
            }
            rest = tail.trim_start();
        }
        if months > 0 && others.is_empty() {
            others += "0s";
        }
        let time = humantime::parse_duration(others.trim()).ok()?;
        Some(Self {
            months: Months::new(months),
            time: TimeDelta::from_std(time).ok()?,
        })
    }

    /// The time at which it ends if it begins at `start`.
    pub(super) fn after(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = start.checked_add_months(self.months)?;
        start.checked_add_signed(self.time)
    }

    /// The time at which it began if it ends at `end`.
    pub(super) fn before(self, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let end = end.checked_sub_months(self.months)?;
        end.checked_sub_signed(self.time)
    }
}

/// When what `--expires` is about expires.
///
/// # Errors
/// [`CommandError::Usage`].
pub(super) fn expiry(text: &str) -> Result<DateTime<Utc>, CommandError> {
    parse_expiry(text, SystemClock.now()).ok_or_else(|| {
        let problem = "--expires must be a date (2027-01-31), a time (2027-01-31T12:00:00Z) \
                       or a duration (90d, 12h, 1y)";
        CommandError::Usage(problem.into())
    })
}

fn parse_expiry(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    parse_time(text).or_else(|| Span::parse(text)?.after(now))
}

fn months_in(unit: &str) -> Option<u32> {
    match unit {
        "y" | "yr" | "yrs" | "year" | "years" => Some(12),
        "M" | "month" | "months" => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(time: Option<DateTime<Utc>>) -> Option<String> {
        time.map(|time| time.to_rfc3339())
    }

    #[test]
    fn a_time_is_a_date_or_has_an_offset() {
        for (text, expected) in [
            ("2027-01-31", "2027-01-31T00:00:00+00:00"),
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00+00:00"),
            ("2027-06-30T23:59:60Z", "2027-07-01T00:00:00+00:00"),
            ("2027-06-30T23:59:60.5Z", "2027-07-01T00:00:00.500+00:00"),
        ] {
            assert_eq!(shown(parse_time(text)).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", "yesterday", "2027-02-30", "2027-01-31T12:00:00"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn years_and_months_are_those_of_the_calendar() {
        let start = parse_time("2027-11-30").unwrap();
        for (text, expected) in [
            ("1y", "2028-11-30T00:00:00+00:00"),
            ("1 year", "2028-11-30T00:00:00+00:00"),
            ("3months", "2028-02-29T00:00:00+00:00"),
            ("1y 1M 1d", "2028-12-31T00:00:00+00:00"),
            ("2w", "2027-12-14T00:00:00+00:00"),
            ("1h30m", "2027-11-30T01:30:00+00:00"),
        ] {
            let end = Span::parse(text).unwrap().after(start);
            assert_eq!(shown(end).as_deref(), Some(expected), "{text}");
        }
        let year = Span::parse("1y").unwrap();
        let before = shown(year.before(start));
        assert_eq!(before.as_deref(), Some("2026-11-30T00:00:00+00:00"));
        for bad in ["", "tomorrow", "1", "y", "1.5y", "-1d", "9999999999y"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        let long = Span::parse("4000000y");
        assert_eq!(long.and_then(|long| long.after(start)), None);
    }

    #[test]
    fn expiry_is_a_date_a_time_or_a_duration() {
        let now = DateTime::UNIX_EPOCH;
        let expires = |text| shown(parse_expiry(text, now));
        assert_eq!(
            expires("2027-01-31").as_deref(),
            Some("2027-01-31T00:00:00+00:00")
        );
        assert_eq!(
            expires("2027-01-31T12:00:00+02:00").as_deref(),
            Some("2027-01-31T10:00:00+00:00")
        );
        assert_eq!(expires("1d").as_deref(), Some("1970-01-02T00:00:00+00:00"));
        for bad in ["", "tomorrow", "2027-13-01", "99999999999999d", "-1d"] {
            assert_eq!(expires(bad), None, "{bad}");
        }
    }
}
