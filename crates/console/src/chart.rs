//! The chart of reveals and relays per day.

use strongroom_domain::daily_totals::DailyTotal;

/// The height of the bars.
const HEIGHT: i64 = 100;
/// The distance between two bars.
const STEP: i64 = 11;
/// Where the first bar begins.
const LEFT: i64 = 28;
/// Where the bars begin.
const TOP: i64 = 8;

/// Bars for the days, with reveals below relays. All numbers are units of the picture.
pub(crate) struct Chart {
    pub(crate) bars: Vec<Bar>,
    /// The largest number of a day.
    pub(crate) max: i64,
    pub(crate) reveals: i64,
    pub(crate) relays: i64,
    pub(crate) first_day: String,
    pub(crate) last_day: String,
}

/// One day.
pub(crate) struct Bar {
    pub(crate) day: String,
    pub(crate) reveals: i64,
    pub(crate) relays: i64,
    pub(crate) left: i64,
    pub(crate) reveals_top: i64,
    pub(crate) reveals_height: i64,
    pub(crate) relays_top: i64,
    pub(crate) relays_height: i64,
}

impl Chart {
    /// The chart of these days.
    pub(crate) fn of(days: &[DailyTotal]) -> Self {
        let sums = days
            .iter()
            .map(|day| day.reveals.saturating_add(day.relays));
        let max = sums.max().unwrap_or(0).max(1);
        let name = |day: Option<&DailyTotal>| day.map(|day| day.day.to_string());
        let indexed = (0..).zip(days);
        Self {
            bars: indexed
                .map(|(index, day)| Bar::of(index, day, max))
                .collect(),
            max,
            reveals: days.iter().map(|day| day.reveals).sum(),
            relays: days.iter().map(|day| day.relays).sum(),
            first_day: name(days.first()).unwrap_or_default(),
            last_day: name(days.last()).unwrap_or_default(),
        }
    }
}

impl Bar {
    fn of(index: i64, day: &DailyTotal, max: i64) -> Self {
        let (reveals, relays) = (height(day.reveals, max), height(day.relays, max));
        // Both are rounded up, so that a single one is seen.
        let relays = relays.min(HEIGHT - reveals.min(HEIGHT));
        let reveals_top = TOP + HEIGHT - reveals;
        Self {
            day: day.day.to_string(),
            reveals: day.reveals,
            relays: day.relays,
            left: LEFT + index * STEP,
            reveals_top,
            reveals_height: reveals,
            relays_top: reveals_top - relays,
            relays_height: relays,
        }
    }
}

fn height(count: i64, max: i64) -> i64 {
    let count = i128::from(count.clamp(0, max));
    let max = i128::from(max);
    let height = (count * i128::from(HEIGHT) + max - 1) / max;
    i64::try_from(height).unwrap_or(HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_the_numbers_and_fit() {
        let day = |day: &str, reveals, relays| DailyTotal {
            day: day.parse().unwrap(),
            reveals,
            relays,
        };
        let chart = Chart::of(&[
            day("2026-03-01", 0, 0),
            day("2026-03-02", 1, 0),
            day("2026-03-03", 500, 500),
            day("2026-03-04", 999, 1),
        ]);
        let heights: Vec<_> = chart
            .bars
            .iter()
            .map(|bar| (bar.reveals_height, bar.relays_height))
            .collect();
        assert_eq!(heights, [(0, 0), (1, 0), (50, 50), (100, 0)]);
        assert!(chart.bars.iter().all(|bar| bar.relays_top >= TOP));
        assert_eq!((chart.max, chart.reveals, chart.relays), (1000, 1500, 501));
        assert_eq!(Chart::of(&[]).max, 1);
    }
}
