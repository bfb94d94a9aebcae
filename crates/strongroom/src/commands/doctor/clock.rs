use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::{Clock, SystemClock};
use strongroom_storage::doctor::Inspection;

use super::finding::{Finding, attempt};

const CHECK: &str = "clock";
/// Expiry times of API keys and times of audit events deviate by as much.
const NOTICEABLE: TimeDelta = TimeDelta::seconds(1);
/// A server whose clock deviates by this much is considered stopped: rotations do not wait for it.
const HARMFUL: TimeDelta = TimeDelta::seconds(10);

/// Compares this machine's clock with that of the database `name`.
pub(super) async fn findings(inspection: &Inspection, name: &str) -> Vec<Finding> {
    let before = SystemClock.now();
    let theirs = inspection.clock().await;
    let after = SystemClock.now();
    attempt(CHECK, theirs, |theirs| {
        vec![judged(name, difference(before, theirs, after))]
    })
}

/// By how much `theirs` is ahead of the time between `before` and `after`.
fn difference(before: DateTime<Utc>, theirs: DateTime<Utc>, after: DateTime<Utc>) -> TimeDelta {
    if theirs < before {
        theirs - before
    } else if theirs > after {
        theirs - after
    } else {
        TimeDelta::zero()
    }
}

fn judged(name: &str, difference: TimeDelta) -> Finding {
    let seconds = difference.abs().as_seconds_f64();
    let advice = format!(
        "synchronize both machines with NTP; `timedatectl` and `chronyc tracking` show the state. \
         A server with a wrong clock expires API keys at the wrong time and records wrong times in \
         audit events; from {} s on, rotations consider it stopped",
        HARMFUL.num_seconds()
    );
    let direction = if difference < TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let found = format!("the clock of {name} is {seconds:.1} s {direction} this machine's");
    if difference.abs() >= HARMFUL {
        Finding::failure(CHECK, found, advice)
    } else if difference.abs() >= NOTICEABLE {
        Finding::warning(CHECK, found, advice)
    } else {
        Finding::ok(
            CHECK,
            format!("the clocks of {name} and this machine agree within a second"),
        )
    }
    .about(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn a_slow_answer_is_not_a_difference() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(difference(at(10), at(12), at(15)), TimeDelta::zero());
        assert_eq!(difference(at(10), at(7), at(15)), TimeDelta::seconds(-3));
        assert_eq!(difference(at(10), at(17), at(15)), TimeDelta::seconds(2));
    }

    #[test]
    fn differences_are_judged_in_both_directions() {
        let level = |seconds: i64| judged("eu", TimeDelta::seconds(seconds)).level;
        assert_eq!(level(0), Level::Ok);
        assert_eq!([level(3), level(-3)], [Level::Warning; 2]);
        assert_eq!([level(10), level(-3600)], [Level::Failure; 2]);
        let behind = judged("eu", TimeDelta::seconds(-3)).found;
        assert_eq!(behind, "the clock of eu is 3.0 s behind this machine's");
    }
}
