//! The service in surroundings that fail.
#![allow(
    clippy::print_stdout,
    reason = "what was done, and what was skipped and why, is worth a look"
)]

mod clock;
mod killed;
mod promises;
mod promoted;
mod rolling;
mod surroundings;

use std::time::Duration;

use strongroom_e2e::{Checked, Fault, Load, LoadSettings, Stage};

/// `make soak` holds the service to its promise of 2 seconds; here other tests run at the same time.
const BACK: Duration = Duration::from_secs(6);

fn settings(seed: u64) -> LoadSettings {
    LoadSettings {
        callers: 3,
        pause: Duration::from_millis(10),
        seed,
    }
}

/// Lets one fault after the other befall the service; each must be felt, and leave nothing behind.
async fn survives(stage: &mut Stage, load: &Load, faults: &[(Fault, Duration)]) {
    for (fault, length) in faults {
        load.has_done(30).await;
        let before = load.failed_requests().len();
        let ended = stage.suffer(*fault, *length, load).await;
        let took = load.has_recovered(ended, BACK).await;
        let felt = load.failed_requests().len() - before;
        println!("{fault:?} for {length:?}: {felt} requests failed, back after {took:?}");
        assert!(felt > 0, "{fault:?} did nothing");
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

/// Fails if anything was lost, or answered badly.
async fn is_whole(stage: &Stage, load: Load) {
    let mut checked: Checked = load.stop().await;
    checked.answered_well(Stage::request_timeout());
    let url = stage.vault.server.url();
    checked.is_whole(&stage.vault, &url).await;
    println!("{checked}");
}
