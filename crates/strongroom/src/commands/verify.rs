use std::time::Duration;

use async_trait::async_trait;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::scrub::{Pace, ScrubObserver};
use strongroom_domain::scrub::Finding;
use strongroom_domain::{AuditFinding, AuditReport, OrgId, Vault, VaultError};

use super::audit::report::described;
use super::format::owner;
use super::progress;
use crate::cli::VerifyArgs;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// Pause before a page is read again after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How often in a row a page is read again.
const MAX_RETRIES: u32 = 30;
/// Most findings in the object that `--json` prints; further ones are counted only.
const MAX_FINDINGS: usize = 10_000;

/// `strongroom verify`.
pub(super) async fn run(args: &VerifyArgs) -> Result<(), CommandError> {
    let named = args.org.as_deref().map(callers::operator).transpose()?;
    let vault = open_vault::for_command(&args.vault).await?;
    let callers = match named {
        Some(caller) => vec![caller],
        None => in_all_organizations(&vault).await?,
    };
    let is_organization = |caller: &Caller| caller.org() != OrgId::INSTALLATION;
    let bar = progress(&vault, &callers).await?;
    let mut observer = VerifyObserver::new(args.json, bar);
    let mut organizations = 0_u64;
    for caller in &callers {
        match vault.verify_with_trail(caller, &mut observer).await {
            Ok(()) => {
                vault.record_verification(caller).await?;
                organizations += u64::from(is_organization(caller));
            }
            // Without --org: deleted since the list was read.
            Err(VaultError::NotFound) if args.org.is_none() => {}
            Err(VaultError::NotFound) => {
                return Err(CommandError::not_found("organization", caller.org()));
            }
            Err(error @ VaultError::Unavailable(_)) => return Err(error.into()),
            // The other organizations are verified all the same.
            Err(error) => observer.failed(caller.org(), &error),
        }
    }
    observer.finish(organizations, args.json)
}

async fn in_all_organizations(vault: &Vault) -> Result<Vec<Caller>, CommandError> {
    let organizations = vault.organizations().await?;
    let organizations = organizations.iter().map(|organization| organization.id);
    let all = [OrgId::INSTALLATION].into_iter().chain(organizations);
    Ok(all.map(callers::operator_of).collect())
}

// Counting takes long in a large database: it is done only for a progress bar that is shown.
async fn progress(vault: &Vault, callers: &[Caller]) -> Result<ProgressBar, CommandError> {
    if !progress::is_shown() {
        return Ok(ProgressBar::hidden());
    }
    let mut total = 0;
    for caller in callers {
        total += vault.count_credentials(caller).await?;
    }
    let template = "{wide_bar} {human_pos}/{human_len} credentials, {per_sec}, {eta} left";
    Ok(progress::bar(total, template))
}

/// Prints findings at once, or collects them for the object that `--json` prints.
struct VerifyObserver {
    json: bool,
    bar: ProgressBar,
    rows: u64,
    findings: u64,
    unbound_labels: u64,
    collected: Vec<Value>,
    events: u64,
    trail_findings: u64,
    collected_of_trails: Vec<AuditFinding>,
    retries: u32,
}

impl VerifyObserver {
    fn new(json: bool, bar: ProgressBar) -> Self {
        Self {
            json,
            bar,
            rows: 0,
            findings: 0,
            unbound_labels: 0,
            collected: Vec::new(),
            events: 0,
            trail_findings: 0,
            collected_of_trails: Vec::new(),
            retries: 0,
        }
    }

    /// An organization cannot be verified, which counts as a finding.
    fn failed(&mut self, org: OrgId, error: &VaultError) {
        self.findings += 1;
        if self.json {
            self.collected.push(json!({
                "org_id": org,
                "external_cred_id": null,
                "problem": "not_verified",
                "message": error.to_string(),
            }));
        } else {
            let line = format!("{} cannot be verified: {error}", owner(org));
            self.bar.suspend(|| output::line(&line));
        }
    }

    fn finish(self, organizations: u64, json: bool) -> Result<(), CommandError> {
        self.bar.finish_and_clear();
        let (rows, events) = (self.rows, self.events);
        let value = json!({
            "organizations": organizations,
            "credentials": rows,
            "findings_total": self.findings,
            "unbound_labels": self.unbound_labels,
            "findings": self.collected,
            "audit_events": events,
            "audit_findings_total": self.trail_findings,
            "audit_findings": self.collected_of_trails,
        });
        let findings = self.findings + self.trail_findings;
        let text = format!(
            "checked {rows} credential(s) and {events} audit event(s) of {organizations} \
             organization(s): {}",
            if findings == 0 {
                "intact".to_owned()
            } else {
                format!("{findings} finding(s)")
            }
        );
        output::answer(json, &value, &text);
        if self.unbound_labels > 0 && !json {
            output::line(&format!(
                "{} credential(s) were sealed by an earlier version, which did not bind their \
                 label; `strongroom rotate org --re-encrypt` does",
                self.unbound_labels
            ));
        }
        if findings == 0 {
            return Ok(());
        }
        Err(CommandError::Failed(format!(
            "the integrity check failed: {findings} finding(s)"
        )))
    }
}

#[async_trait]
impl Pace for VerifyObserver {
    async fn page_verified(&mut self) {}
}

#[async_trait]
impl ScrubObserver for VerifyObserver {
    fn found(&mut self, finding: &Finding) {
        self.findings += 1;
        if !self.json {
            let about = finding.credential.map(|id| format!("credential {id} "));
            let about = about.unwrap_or_default();
            let owner = owner(finding.org);
            let line = format!("{owner} {about}{}", finding.problem);
            self.bar.suspend(|| output::line(&line));
        } else if self.collected.len() < MAX_FINDINGS {
            self.collected.push(json!({
                "org_id": finding.org,
                "external_cred_id": finding.credential,
                "problem": finding.problem.code(),
                "message": finding.problem.to_string(),
            }));
        }
    }

    fn label_unbound(&mut self) {
        self.unbound_labels += 1;
    }

    fn trail_verified(&mut self, report: &AuditReport) {
        self.events += report.events;
        self.trail_findings += report.found;
        if !self.json && report.found > 0 {
            self.bar.suspend(|| output::line(&described(report)));
        }
        let room = MAX_FINDINGS.saturating_sub(self.collected_of_trails.len());
        let findings = report.findings.iter().take(room);
        self.collected_of_trails.extend(findings.cloned());
    }

    async fn checked(&mut self, credentials: u64) {
        self.rows += credentials;
        self.retries = 0;
        self.bar.inc(credentials);
    }

    async fn try_again(&mut self, error: &VaultError) -> bool {
        self.retries += 1;
        tracing::warn!(%error, "cannot read credentials; trying again");
        tokio::time::sleep(RETRY_DELAY).await;
        self.retries <= MAX_RETRIES
    }
}
