use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_domain::ports::scrub::ScrubObserver;
use strongroom_domain::scrub::Finding;
use strongroom_domain::{Clock, SystemClock, Vault, VaultError};
use strongroom_storage::{ConnectError, Database, ScrubLock};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::pause::pause_after;
use crate::callers::operator_of;

/// Longest time from a start, or from the end of another server's scrub, to the first run; also
/// the interval at which a server tries to take the lock.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(60);
/// Pause before a page is read again after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How often in a row a page is read again.
const MAX_RETRIES: u32 = 30;
/// Most findings that one run logs; further ones are counted only.
const MAX_LOGGED: u64 = 1000;

/// Verifies the credentials of all organizations periodically, on one server at a time. Stops when
/// dropped.
pub(crate) struct Scrubber {
    _task: AbortOnDropHandle<()>,
}

impl Scrubber {
    /// Runs within a minute, and then every `interval`.
    pub(crate) fn start(vault: Arc<Vault>, database: Database, interval: Duration) -> Self {
        let task = tokio::spawn(async move {
            let delay = FIRST_RUN_WITHIN.min(interval);
            loop {
                sleep(delay).await;
                if let Err(error) = run_while_locked(&vault, &database, interval).await {
                    tracing::warn!(%error, "cannot start the integrity scrub; trying again");
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

// Returns at once when another server holds the lock, otherwise only when the lock is lost.
async fn run_while_locked(
    vault: &Vault,
    database: &Database,
    interval: Duration,
) -> Result<(), ConnectError> {
    let Some(mut lock) = ScrubLock::try_take(database).await? else {
        return Ok(());
    };
    tokio::select! {
        () = lock.lost() => {
            tracing::warn!("lost the integrity scrub's lock with its connection");
        }
        () = run_forever(vault, interval) => {}
    }
    Ok(())
}

async fn run_forever(vault: &Vault, interval: Duration) {
    loop {
        let started = Instant::now();
        if let Err(error) = run(vault).await {
            tracing::error!(%error, "the integrity scrub was not completed");
        }
        sleep(interval.saturating_sub(started.elapsed())).await;
        // A pause remains when a run takes longer than the interval.
        sleep(Duration::from_millis(100)).await;
    }
}

async fn run(vault: &Vault) -> Result<(), VaultError> {
    let started = Instant::now();
    let mut observer = PacedObserver::new();
    let (mut organizations, mut failed) = (0_u64, None);
    for organization in vault.organizations().await? {
        let org = organization.id;
        match vault.verify(&operator_of(org), &mut observer).await {
            Ok(_) => organizations += 1,
            // Deleted since the list was read.
            Err(VaultError::NotFound) => {}
            Err(error @ VaultError::Unavailable(_)) => return Err(error),
            // The other organizations are verified all the same.
            Err(error) => {
                tracing::error!(%org, %error, "cannot verify an organization");
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

/// Logs findings, and pauses after each page.
struct PacedObserver {
    rows: u64,
    findings: u64,
    page: Instant,
    retries: u32,
}

impl PacedObserver {
    fn new() -> Self {
        Self {
            rows: 0,
            findings: 0,
            page: Instant::now(),
            retries: 0,
        }
    }
}

#[async_trait]
impl ScrubObserver for PacedObserver {
    fn found(&mut self, finding: &Finding) {
        self.findings += 1;
        if self.findings > MAX_LOGGED {
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
        self.retries = 0;
        pause_after(self.page).await;
        self.page = Instant::now();
    }

    async fn try_again(&mut self, _: &VaultError) -> bool {
        self.retries += 1;
        sleep(RETRY_DELAY).await;
        self.page = Instant::now();
        self.retries <= MAX_RETRIES
    }
}
