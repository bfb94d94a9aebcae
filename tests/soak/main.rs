//! `make soak`: random faults at random moments under load for the given time, and checks that
//! nothing was lost. Fails if anything was lost, or if the service did not recover in time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a soak that cannot continue fails at that point, and reports its progress"
)]

mod arguments;
mod summary;

use std::time::{Duration, Instant};

use arguments::Arguments;
use strongroom_e2e::{Balancer, Fault, Load, LoadSettings, Stage};
use summary::Summary;

/// The documented time in which the service recovers after a cause has ended.
const BACK: Duration = Duration::from_secs(2);
/// The number of faults between two checks.
const FAULTS: usize = 12;
/// Every fourth round replaces servers instead of injecting faults.
const ROLLING: usize = 4;
const ORGANIZATIONS: usize = 3;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let Arguments { length, seed } = Arguments::read();
    println!("soak: {} seconds, seed {seed}", length.as_secs());
    let mut random = fastrand::Rng::with_seed(seed);
    let until = Instant::now() + length;
    let mut stage = Stage::set(1, true).await;
    if stage.small.is_none() {
        println!("skipped: a full disk, which requires the privilege to mount");
    }
    let mut summary = Summary::default();
    while Instant::now() < until {
        summary.rounds += 1;
        // Each round checks its own organizations; those of earlier rounds remain.
        stage.admins = (0..ORGANIZATIONS)
            .map(|number| {
                let name = format!("round {}-{number}", summary.rounds);
                stage.vault.new_organization(&name).0
            })
            .collect();
        if summary.rounds % ROLLING == 0 {
            rolling(&stage, &mut random, &mut summary).await;
        } else {
            faults(&mut stage, &mut random, until, &mut summary).await;
        }
    }
    println!("{summary}");
}

fn settings(random: &mut fastrand::Rng) -> LoadSettings {
    LoadSettings {
        callers: 3,
        pause: Duration::from_millis(5),
        seed: random.u64(..),
    }
}

async fn faults(
    stage: &mut Stage,
    random: &mut fastrand::Rng,
    until: Instant,
    summary: &mut Summary,
) {
    let load = stage.load(settings(random));
    for _ in 0..FAULTS {
        let fault = random.choice(Fault::ALL).unwrap();
        if Instant::now() > until || fault == Fault::DiskFull && stage.small.is_none() {
            continue;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(100..1500))).await;
        // Mostly short, and sometimes longer than every time limit.
        let longest = match fault {
            // A paused server cannot answer its callers.
            Fault::ServerPaused => 10,
            _ => 12,
        };
        let length = Duration::from_millis(1 << random.u64(4..=longest));
        let ended = stage.inject(fault, length, &load).await;
        let took = load.has_recovered(ended, BACK).await;
        summary.survived(fault, length, took);
    }
    checked(stage, load, summary, true).await;
}

async fn rolling(stage: &Stage, random: &mut fastrand::Rng, summary: &mut Summary) {
    let drain = [("STRONGROOM_DRAIN_DELAY", "1s")];
    let start = || stage.vault.start_server(&drain);
    let mut servers = std::collections::VecDeque::from([start(), start()]);
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    let balancer = Balancer::start(&urls).await;
    balancer.sees(&urls[1], true).await;
    let load = Load::start(&stage.admins, &[balancer.url()], settings(random));
    for _ in 0..4 {
        load.has_done(100).await;
        let oldest = servers.pop_front().unwrap();
        servers.push_back(balancer.replace(oldest, start()).await);
        summary.replaced += 1;
    }
    assert_eq!(balancer.failures(), Vec::<String>::new());
    let failed = load.failed_requests();
    assert!(failed.is_empty(), "{failed:?}");
    checked(stage, load, summary, false).await;
}

async fn checked(stage: &Stage, load: Load, summary: &mut Summary, faults: bool) {
    let mut checked = load.stop().await;
    let limit = Stage::request_timeout();
    checked.answered_well(limit);
    checked
        .is_whole(&stage.vault, &stage.vault.server.url())
        .await;
    let what = if faults { "faults" } else { "rolling restarts" };
    println!("round {} ({what}): {checked}", summary.rounds);
    summary.add(&checked);
    for server in [&stage.vault.server, &stage.second] {
        summary.memory = summary.memory.max(server.resident_memory());
    }
}
