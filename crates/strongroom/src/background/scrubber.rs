use std::time::Duration;

use async_trait::async_trait;
use chrono::SubsecRound;
use strongroom_domain::ports::scrub::{Pace, ScrubObserver};
use strongroom_domain::scrub::{Finding, ScrubResult};
use strongroom_domain::{AuditFinding, AuditReport, Clock, OrgId, SystemClock, Vault, VaultError};
use tokio::time::{Instant, sleep};

use super::pause::pause_after;
use crate::callers::operator_of;

/// Pause before a page is read again after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How often in a row a page is read again.
const MAX_RETRIES: u32 = 30;
/// Most findings that one run logs; further ones are counted only.
const MAX_LOGGED: u64 = 1000;

/// Verifies all organizations now, and then every `interval`. Never returns.
pub(super) async fn run_forever(vault: &Vault, interval: Duration) {
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
    let listed = vault.organization_ids().await?;
    for org in [OrgId::INSTALLATION].into_iter().chain(listed) {
        match verify(vault, org, &mut observer).await {
            Ok(()) => organizations += u64::from(org != OrgId::INSTALLATION),
            Err(error @ VaultError::Unavailable(_)) => return Err(error),
            // The other organizations are verified all the same.
            Err(error) => {
                tracing::error!(%org, %error, "cannot verify an organization");
                observer.findings += 1;
                failed = Some(error);
            }
        }
    }
    vault.record_scrub(observer.result()).await?;
    if let Some(error) = failed {
        return Err(error);
    }
    let (findings, trail_findings) = (observer.findings, observer.trail_findings);
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

async fn verify(vault: &Vault, org: OrgId, observer: &mut PacedObserver) -> Result<(), VaultError> {
    match vault.verify_with_trail(&operator_of(org), observer).await {
        // The organization was destroyed. Its trail is kept.
        Err(VaultError::NotFound) => Ok(()),
        verified => verified,
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

    fn result(&self) -> ScrubResult {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        ScrubResult {
            ended_at: SystemClock.now().trunc_subsecs(6),
            credentials: number(self.rows),
            findings: number(self.findings),
            events: number(self.events),
            trail_findings: number(self.trail_findings),
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

    fn trail_verified(&mut self, report: &AuditReport) {
        self.events += report.events;
        for finding in &report.findings {
            self.found_in_trail(finding);
        }
        self.trail_findings += report.found - report.findings.len() as u64;
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
