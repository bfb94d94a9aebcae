use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_domain::health::condition::Condition;
use strongroom_domain::ports::scrub::{Pace, ScrubObserver};
use strongroom_domain::scrub::Finding;
use strongroom_domain::{AuditFinding, Clock, OrgId, SystemClock, Vault, VaultError};
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
        match verify(vault, org, &mut observer).await {
            Ok(()) => organizations += 1,
            Err(error @ VaultError::Unavailable(_)) => return Err(error),
            // The other organizations are verified all the same.
            Err(error) => {
                tracing::error!(%org, %error, "cannot verify an organization");
                failed = Some(error);
            }
        }
    }
    note_trails(vault, observer.trail_findings);
    if let Some(error) = failed {
        return Err(error);
    }
    let (findings, trail_findings) = (observer.findings, observer.trail_findings);
    vault.counters().scrub_ended(SystemClock.now(), findings);
    let (rows, events) = (observer.rows, observer.events);
    let unbound_labels = observer.unbound_labels;
    let seconds = started.elapsed().as_secs();
    if findings + trail_findings == 0 {
        tracing::info!(
            organizations,
            rows,
            findings,
            unbound_labels,
            events,
            trail_findings,
            seconds,
            "integrity scrub"
        );
    } else {
        tracing::error!(
            organizations,
            rows,
            findings,
            unbound_labels,
            events,
            trail_findings,
            seconds,
            "integrity scrub"
        );
    }
    Ok(())
}

// The rows are compared with the trail, so both are verified.
async fn verify(vault: &Vault, org: OrgId, observer: &mut PacedObserver) -> Result<(), VaultError> {
    let caller = operator_of(org);
    match vault.verify(&caller, observer).await {
        // The organization was destroyed. Its trail is kept.
        Ok(_) | Err(VaultError::NotFound) => {}
        Err(error) => return Err(error),
    }
    let report = vault.verify_audit(&caller, &[], observer).await?;
    observer.events += report.events;
    vault.counters().audit.verified.add(report.events);
    vault.counters().audit.findings.add(report.found);
    for finding in &report.findings {
        observer.found_in_trail(finding);
    }
    observer.trail_findings += report.found - report.findings.len() as u64;
    Ok(())
}

fn note_trails(vault: &Vault, findings: u64) {
    let conditions = &vault.counters().conditions;
    if findings == 0 {
        conditions.absent(Condition::AuditAltered);
    } else {
        let cause = format!("{findings} findings in the last verification of all trails");
        conditions.record(Condition::AuditAltered, cause);
    }
}

/// Logs findings, and pauses after each page.
struct PacedObserver {
    rows: u64,
    findings: u64,
    unbound_labels: u64,
    events: u64,
    trail_findings: u64,
    page: Instant,
    retries: u32,
}

impl PacedObserver {
    fn new() -> Self {
        Self {
            rows: 0,
            findings: 0,
            unbound_labels: 0,
            events: 0,
            trail_findings: 0,
            page: Instant::now(),
            retries: 0,
        }
    }

    fn found_in_trail(&mut self, finding: &AuditFinding) {
        self.trail_findings += 1;
        if self.trail_findings > MAX_LOGGED {
            return;
        }
        tracing::error!(
            org = %finding.org_id,
            lane = %finding.lane,
            seq = finding.seq,
            problem = finding.kind,
            "audit verification failed: {}",
            finding.what
        );
    }

    async fn pause(&mut self) {
        pause_after(self.page).await;
        self.page = Instant::now();
    }
}

#[async_trait]
impl Pace for PacedObserver {
    async fn page_verified(&mut self) {
        self.pause().await;
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

    fn label_unbound(&mut self) {
        self.unbound_labels += 1;
    }

    async fn checked(&mut self, credentials: u64) {
        self.rows += credentials;
        self.retries = 0;
        self.pause().await;
    }

    async fn try_again(&mut self, _: &VaultError) -> bool {
        self.retries += 1;
        sleep(RETRY_DELAY).await;
        self.page = Instant::now();
        self.retries <= MAX_RETRIES
    }
}
