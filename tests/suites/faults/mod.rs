//! The service during faults of its environment.
#![allow(
    clippy::print_stdout,
    reason = "reports the executed and the skipped faults"
)]

pub(crate) mod clock;
mod killed;
mod promises;
mod promoted;
mod rolling;
mod surroundings;

use std::time::Duration;

use strongroom_e2e::{Checked, Fault, Load, LoadSettings, Stage};

/// The longest recovery. `make soak` checks the documented 2 seconds; here other tests run at the
/// same time.
const BACK: Duration = Duration::from_secs(6);

fn settings(seed: u64) -> LoadSettings {
    LoadSettings {
        callers: 3,
        pause: Duration::from_millis(10),
        seed,
    }
}

/// Injects one fault after the other. Requests must fail during each one, and succeed after it.
async fn survives(stage: &mut Stage, load: &Load, faults: &[(Fault, Duration)]) {
    for (fault, length) in faults {
        load.has_done(30).await;
        let before = load.failed_requests().len();
        let ended = stage.inject(*fault, *length, load).await;
        let took = load.has_recovered(ended, BACK).await;
        let failed = load.failed_requests().len() - before;
        println!("{fault:?} for {length:?}: {failed} requests failed, back after {took:?}");
        assert!(failed > 0, "{fault:?} had no effect");
        let causes = fault.cause();
        let named = [&stage.vault.server, &stage.second]
            .iter()
            .any(|server| causes.iter().any(|cause| server.log().contains(cause)));
        assert!(
            named || causes.is_empty(),
            "{fault:?}: none of {causes:?} in {}",
            warnings(stage)
        );
    }
}

fn warnings(stage: &Stage) -> String {
    let log = stage.vault.server.log();
    let lines = log.lines().filter(|line| !line.contains("\"INFO\""));
    lines.collect::<Vec<_>>().join("\n")
}

/// Panics if a write was lost, or an answer was wrong or late.
async fn is_whole(stage: &Stage, load: Load) {
    let mut checked: Checked = load.stop().await;
    checked.answered_well(Stage::request_timeout());
    let url = stage.vault.server.url();
    checked.is_whole(&stage.vault, &url).await;
    println!("{checked}");
}
