//! The figures: their names and bounds, and the measurements of each.

use serde::Serialize;

/// The value that a figure must reach, and the one it should reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtLeast { must: f64, aim: f64 },
    AtMost { must: f64, aim: f64 },
}

/// A figure's name, unit, bound and baseline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
    pub(crate) baseline: &'static str,
}

const fn at_least(name: &'static str, must: f64, aim: f64, baseline: &'static str) -> Figure {
    let bound = Bound::AtLeast { must, aim };
    Figure {
        name,
        unit: "x",
        bound,
        baseline,
    }
}

/// The median time of a page.
const fn page(name: &'static str, baseline: &'static str) -> Figure {
    at_most(name, "x", 3.0, 2.0, baseline)
}

const fn at_most(
    name: &'static str,
    unit: &'static str,
    must: f64,
    aim: f64,
    baseline: &'static str,
) -> Figure {
    let bound = Bound::AtMost { must, aim };
    Figure {
        name,
        unit,
        bound,
        baseline,
    }
}

const HALF: &str = "its own median at half of the highest rate";
const FULL: &str = "its own median at full load";
const PGBENCH_TAIL: &str = "that of pgbench with 64 clients at half of its highest rate";
const SMALL: &str = "10,000 credentials in 100 organizations";
const LIST: &str = "a list of 40 credentials by the API";
const IDLE: &str = "none: idle time of the machine at 64 connections";

/// All figures, in the order of the report.
pub(crate) const FIGURES: [Figure; 33] = [
    at_least(
        "create_c64",
        1.7,
        2.1,
        "best of pgbench at 8, 32, 64 clients: one row per transaction",
    ),
    at_least(
        "create_limit",
        0.3,
        0.4,
        "pgbench, 50 rows per transaction, in rows",
    ),
    at_least(
        "reveal_c64",
        1.7,
        2.1,
        "best of pgbench at 8, 32, 64 clients: credential with last-used time, and event",
    ),
    at_least(
        "list_c16",
        0.7,
        1.0,
        "best of pgbench at 8, 16, 32 clients: page with last-used times, count, and event",
    ),
    at_most("create_c1_p50", "x", 1.6, 1.4, "pgbench, one client"),
    at_most("reveal_c1_p50", "x", 1.8, 1.5, "pgbench, one client"),
    at_most("create_p99_full", "x", 6.0, 4.0, FULL),
    at_most("reveal_p99_full", "x", 6.0, 4.0, FULL),
    at_most("create_p99", "x", 6.0, 3.0, HALF),
    at_most("reveal_p99", "x", 6.0, 3.0, HALF),
    at_most("create_p99_pgbench", "x", 1.5, 1.0, PGBENCH_TAIL),
    at_most("reveal_p99_pgbench", "x", 1.5, 1.0, PGBENCH_TAIL),
    at_most(
        "server_cpu",
        "x",
        1.9,
        1.6,
        "the server's processor time per /healthz, in µs: that per create",
    ),
    at_most(
        "postgres_cpu",
        "x",
        f64::INFINITY,
        1.3,
        "PostgreSQL's processor time per row of 50-row pgbench, in µs: that per create",
    ),
    at_most("create_idle", "%", 12.0, 6.0, IDLE),
    at_most("reveal_idle", "%", 12.0, 6.0, IDLE),
    at_least("relay_c64", 0.5, 0.7, "reveals, without an upstream"),
    at_most(
        "relay_c1_p50",
        "x",
        1.3,
        1.1,
        "a reveal: a relay without the time of the upstream itself",
    ),
    at_most(
        "relay_memory",
        "MiB",
        160.0,
        110.0,
        "none: resident with 1,000 open streams",
    ),
    page("console_overview", LIST),
    page("console_list", LIST),
    page("console_credential", "its versions by the API"),
    page("console_audit", "a list of 40 events by the API"),
    page("console_keys", "the list of keys by the API"),
    page("console_settings", "the settings by the API"),
    page("console_list_c16", "that list with 16 connections, too"),
    at_least("scale_create", 0.9, 0.95, SMALL),
    at_least("scale_reveal", 0.85, 0.95, SMALL),
    at_least("scale_list", 0.85, 0.95, SMALL),
    at_most(
        "deep_page",
        "x",
        1.5,
        1.1,
        "the faster of the first page there and a page of an organization with 100",
    ),
    at_least(
        "hot_org",
        0.8,
        0.95,
        "spread over 1,000 organizations: creates or reveals, the lower ratio",
    ),
    at_most(
        "memory",
        "MiB",
        73.0,
        48.0,
        "none: resident after 60 s at 256 connections",
    ),
    at_most("start", "ms", 300.0, 100.0, "none: from process to ready"),
];

/// The measurements of one figure, round by round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds {
    pub(crate) values: Vec<f64>,
    /// Both sides of each ratio, in their own unit.
    pub(crate) ours: Vec<f64>,
    pub(crate) theirs: Vec<f64>,
}

impl Rounds {
    /// Adds a ratio.
    pub(crate) fn ratio(&mut self, ours: f64, theirs: f64) {
        self.values.push(ours / theirs);
        self.ours.push(ours);
        self.theirs.push(theirs);
    }
}

/// One figure as reported.
#[derive(Debug, Serialize)]
pub(crate) struct Reported {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) baseline: String,
    pub(crate) must: f64,
    pub(crate) aim: f64,
    /// The smallest and the largest value of all rounds.
    pub(crate) spread: [f64; 2],
    /// `aim`, `must` or `no`.
    pub(crate) met: &'static str,
}

impl Figure {
    pub(crate) fn reported(&self, rounds: &Rounds) -> Reported {
        let value = median(&rounds.values);
        let baseline = if rounds.ours.is_empty() {
            self.baseline.to_owned()
        } else {
            let (ours, theirs) = (median(&rounds.ours), median(&rounds.theirs));
            format!(
                "{} ({} against {})",
                self.baseline,
                short(ours),
                short(theirs)
            )
        };
        let (must, aim, met) = match self.bound {
            Bound::AtLeast { must, aim } => (must, aim, [value >= aim, value >= must]),
            Bound::AtMost { must, aim } => (must, aim, [value <= aim, value <= must]),
        };
        let smallest = rounds.values.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = rounds.values.iter().copied().fold(0.0, f64::max);
        Reported {
            name: self.name,
            value: round(value),
            unit: self.unit,
            baseline,
            must,
            aim,
            spread: [round(smallest), round(largest)],
            met: match met {
                [true, _] => "aim",
                [false, true] => "must",
                [false, false] => "no",
            },
        }
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn short(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_of_its_rounds() {
        let mut rounds = Rounds::default();
        for (ours, theirs) in [(20.0, 10.0), (30.0, 10.0), (90.0, 10.0)] {
            rounds.ratio(ours, theirs);
        }
        let reported = FIGURES[0].reported(&rounds);
        assert_eq!((reported.value, reported.met), (3.0, "aim"));
        assert_eq!(reported.spread, [2.0, 9.0]);
        let mut slow = Rounds::default();
        slow.ratio(7.0, 1.0);
        assert_eq!(FIGURES[8].reported(&slow).met, "no");
    }
}
