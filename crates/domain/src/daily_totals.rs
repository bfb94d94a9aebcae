//! Reveals and relays per day, counted from the audit trail. They are statistics, not proofs.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

/// The days that are shown, and that are counted if they were not: today and those before.
pub const SHOWN_DAYS: u64 = 30;
/// The days for which totals are kept.
pub const KEPT_DAYS: u64 = 400;
/// The time within which an event is in the trail after its own time. A day that was over for so
/// long when it was counted does not change.
pub const LATEST_EVENT: TimeDelta = TimeDelta::hours(1);

/// The totals of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyTotal {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Credentials that were read with their secrets.
    pub reveals: i64,
    /// Uses of credentials without a reveal.
    pub relays: i64,
}

/// The totals of one day as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredTotal {
    /// The totals.
    pub total: DailyTotal,
    /// When they were counted.
    pub counted_at: DateTime<Utc>,
}

impl StoredTotal {
    /// Whether no later event can belong to the day.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        end_of(self.total.day).is_some_and(|end| self.counted_at >= end + LATEST_EVENT)
    }
}

/// The totals of the last days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyTotals {
    /// One total for each day, the oldest first and today's last.
    pub days: Vec<DailyTotal>,
    /// When the newest of them was counted; `None` if none was.
    pub counted_at: Option<DateTime<Utc>>,
}

impl DailyTotals {
    /// The totals of the days that end with `today`, with zeros for those that `stored` lacks.
    #[must_use]
    pub fn of(stored: &[StoredTotal], today: NaiveDate) -> Self {
        let mut days: Vec<_> = (0..SHOWN_DAYS)
            .filter_map(|ago| today.checked_sub_days(Days::new(ago)))
            .map(zero)
            .collect();
        days.reverse();
        for day in &mut days {
            let same = stored.iter().find(|stored| stored.total.day == day.day);
            *day = same.map_or(*day, |stored| stored.total);
        }
        let counted = stored.iter().map(|stored| stored.counted_at);
        Self {
            days,
            counted_at: counted.max(),
        }
    }
}

/// The first of the days to show at `today`.
#[must_use]
pub fn first_shown(today: NaiveDate) -> NaiveDate {
    let first = today.checked_sub_days(Days::new(SHOWN_DAYS - 1));
    first.unwrap_or(NaiveDate::MIN)
}

/// The first day to count, given what is stored of the days that are shown: the one after the last
/// settled one. Days are counted in order, so those before it that are not stored had no events.
#[must_use]
pub fn first_to_count(stored: &[StoredTotal], today: NaiveDate) -> NaiveDate {
    let settled = stored.iter().filter(|stored| stored.is_settled());
    let settled = settled.map(|stored| stored.total.day);
    let last = settled.filter(|day| *day < today).max();
    let next = last.and_then(|day| day.succ_opt());
    next.unwrap_or_else(|| first_shown(today))
}

/// A day without events.
#[must_use]
pub fn zero(day: NaiveDate) -> DailyTotal {
    DailyTotal {
        day,
        reveals: 0,
        relays: 0,
    }
}

/// The time at which a day begins.
#[must_use]
pub fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The time at which a day ends; `None` after the last day of the calendar.
#[must_use]
pub fn end_of(day: NaiveDate) -> Option<DateTime<Utc>> {
    day.succ_opt().map(start_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn counted(of: &str, at: &str) -> StoredTotal {
        StoredTotal {
            total: DailyTotal {
                day: day(of),
                reveals: 3,
                relays: 1,
            },
            counted_at: at.parse().unwrap(),
        }
    }

    #[test]
    fn days_without_events_are_zero() {
        let stored = [
            counted("2026-02-28", "2026-02-28T12:00:00Z"),
            counted("2026-03-01", "2026-03-01T09:30:00Z"),
        ];
        let totals = DailyTotals::of(&stored, day("2026-03-02"));
        assert_eq!(totals.days.len(), 30);
        assert_eq!(totals.days[0], zero(day("2026-02-01")));
        assert_eq!(totals.days[27], stored[0].total);
        assert_eq!(totals.days[28], stored[1].total);
        assert_eq!(totals.days[29], zero(day("2026-03-02")));
        assert_eq!(totals.counted_at, Some(stored[1].counted_at));
        assert_eq!(DailyTotals::of(&[], day("2026-03-02")).counted_at, None);
    }

    #[test]
    fn a_day_is_counted_until_it_was_over_for_an_hour() {
        let today = day("2026-03-02");
        assert_eq!(first_to_count(&[], today), day("2026-02-01"));
        let early = counted("2026-03-01", "2026-03-02T00:59:59Z");
        assert_eq!(first_to_count(&[early], today), day("2026-02-01"));
        let older = counted("2026-02-20", "2026-02-21T01:00:00Z");
        assert_eq!(first_to_count(&[older, early], today), day("2026-02-21"));
        let settled = counted("2026-03-01", "2026-03-02T01:00:00Z");
        assert_eq!(first_to_count(&[older, settled], today), today);
    }

    #[test]
    fn a_row_from_the_future_does_not_stop_the_count() {
        let today = day("2026-03-02");
        let forged = counted("2026-03-02", "2999-01-01T00:00:00Z");
        assert_eq!(first_to_count(&[forged], today), day("2026-02-01"));
    }
}
