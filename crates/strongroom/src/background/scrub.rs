use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::scrub::ScrubObserver;
use strongroom_domain::scrub::Finding;
use strongroom_domain::{Clock, SystemClock, Vault, VaultError};
use strongroom_storage::{ConnectError, Database, ScrubLock};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::rest;
use crate::vault_access::command_line;

/// How long after a start, or after taking over from another server, the first run begins at the latest; also
/// how often a server asks whether it may take over.
const SOON: Duration = Duration::from_secs(60);
/// Pause before a page is tried again, and how often a run puts up with that in a row.
const RETRY: Duration = Duration::from_secs(2);
const TRIES: u32 = 30;
/// Most findings that one run logs; the rest is counted only.
const MOST_LOGGED: u64 = 1000;

/// Scrubs all organizations every now and then, on one server at a time. Stops when dropped.
pub(crate) struct Scrubber(JoinHandle<()>);

impl Scrubber {
    /// Begins soon, and again every `interval`.
    pub(crate) fn start(vault: Arc<Vault>, database: Database, interval: Duration) -> Self {
        Self(tokio::spawn(async move {
            let soon = SOON.min(interval);
            loop {
                sleep(soon).await;
                if let Err(error) = while_ours(&vault, &database, interval).await {
                    tracing::warn!(%error, "the integrity scrub is held up; trying again");
                }
            }
        }))
    }
}

// Returns at once when another server has the lock, else only when the lock is lost.
async fn while_ours(
    vault: &Vault,
    database: &Database,
    interval: Duration,
) -> Result<(), ConnectError> {
    let Some(mut lock) = ScrubLock::try_take(database).await? else {
        return Ok(());
    };
    tokio::select! {
        () = lock.lost() => {
            tracing::warn!("the integrity scrub's lock was lost with its connection");
        }
        () = run_forever(vault, interval) => {}
    }
    Ok(())
}

async fn run_forever(vault: &Vault, interval: Duration) {
    loop {
        let started = Instant::now();
        if let Err(error) = run(vault).await {
            tracing::error!(%error, "the integrity scrub did not come to its end");
        }
        sleep(interval.saturating_sub(started.elapsed())).await;
        // Also when a run takes longer than the interval.
        sleep(Duration::from_millis(100)).await;
    }
}

async fn run(vault: &Vault) -> Result<(), VaultError> {
    let started = Instant::now();
    let mut observer = Throttled::new();
    let (mut organizations, mut failed) = (0_u64, None);
    for organization in vault.organizations().await? {
        let caller = Caller::operator(organization.id, command_line());
        match vault.verify(&caller, &mut observer).await {
            Ok(_) => organizations += 1,
            // It was deleted meanwhile.
            Err(VaultError::NotFound) => {}
            Err(error @ VaultError::Unavailable(_)) => return Err(error),
            // What is wrong with one must not hide what is wrong with the others.
            Err(error) => {
                tracing::error!(org = %organization.id, %error, "an organization could not be checked");
                failed = Some(error);
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let findings = observer.findings;
    vault.counters().scrub_ended(SystemClock.now(), findings);
    let (rows, seconds) = (observer.rows, started.elapsed().as_secs());
    if findings == 0 {
        tracing::info!(organizations, rows, findings, seconds, "integrity scrub");
    } else {
        tracing::error!(organizations, rows, findings, seconds, "integrity scrub");
    }
    Ok(())
}

/// Logs findings, and rests after each page.
struct Throttled {
    rows: u64,
    findings: u64,
    page: Instant,
    tries: u32,
}

impl Throttled {
    fn new() -> Self {
        Self {
            rows: 0,
            findings: 0,
            page: Instant::now(),
            tries: 0,
        }
    }
}

#[async_trait]
impl ScrubObserver for Throttled {
    fn found(&mut self, finding: &Finding) {
        self.findings += 1;
        if self.findings > MOST_LOGGED {
            return;
        }
        tracing::error!(
            org = %finding.org,
            credential = finding.credential.map(|id| id.to_string()),
            problem = finding.problem.code(),
            "integrity check failed: {}",
            finding.problem
        );
    }

    async fn checked(&mut self, credentials: u64) {
        self.rows += credentials;
        self.tries = 0;
        rest(self.page).await;
        self.page = Instant::now();
    }

    async fn try_again(&mut self, _: &VaultError) -> bool {
        self.tries += 1;
        sleep(RETRY).await;
        self.page = Instant::now();
        self.tries <= TRIES
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        self.0.abort();
    }
}
