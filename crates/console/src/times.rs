//! Times on pages.

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// A time as a page shows it: in UTC, in words while the pointer rests on it, and, by the script,
/// in the browser's time zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Moment {
    /// `at`, seen at the time `now`.
    pub(crate) fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self { at, now }
    }

    /// For the attribute `datetime`.
    pub(crate) fn machine(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// As a text in UTC.
    pub(crate) fn utc(&self) -> String {
        self.at.format("%Y-%m-%d %H:%M UTC").to_string()
    }

    /// Relative to now, in words.
    pub(crate) fn relative(&self) -> String {
        let distance = (self.at - self.now).abs();
        let words = in_words(distance);
        match self.at > self.now {
            _ if words.is_empty() => "now".to_owned(),
            true => format!("in {words}"),
            false => format!("{words} ago"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc())
    }
}

fn in_words(distance: TimeDelta) -> String {
    let units = [
        (distance.num_days() / 365, "year"),
        (distance.num_days() / 30, "month"),
        (distance.num_days(), "day"),
        (distance.num_hours(), "hour"),
        (distance.num_minutes(), "minute"),
    ];
    let largest = units.into_iter().find(|(count, _)| *count > 0);
    largest.map_or(String::new(), |(count, unit)| match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_in_words() {
        let now = DateTime::UNIX_EPOCH;
        let at = |seconds| Moment::new(now + TimeDelta::seconds(seconds), now).relative();
        assert_eq!(at(59), "now");
        assert_eq!(at(-60), "1 minute ago");
        assert_eq!(at(7200), "in 2 hours");
        assert_eq!(at(-86400 * 31), "1 month ago");
        assert_eq!(at(86400 * 800), "in 2 years");
    }
}
