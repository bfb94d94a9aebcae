use std::io::IsTerminal;
use std::time::Duration;

use async_trait::async_trait;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::scrub::ScrubObserver;
use strongroom_domain::scrub::Finding;
use strongroom_domain::{Vault, VaultError};

use crate::cli::VerifyArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{output, vault_access};

/// Pause before a page is tried again, and how often in a row.
const RETRY: Duration = Duration::from_secs(1);
const TRIES: u32 = 30;
/// Most findings in the one object of `--json`; the rest is counted.
const MOST_KEPT: usize = 10_000;

/// `strongroom verify`.
pub(super) async fn run(args: &VerifyArgs) -> Result<(), CommandError> {
    let named = args
        .org
        .as_deref()
        .map(vault_access::operator)
        .transpose()?;
    let vault = vault_access::open(&VaultAccess::read(&args.vault)?).await?;
    let callers = match named {
        Some(caller) => vec![caller],
        None => everyone(&vault).await?,
    };
    let bar = progress(&vault, &callers).await?;
    let mut watch = Watch::new(args.json, bar);
    let mut organizations = 0_u64;
    for caller in &callers {
        match vault.verify(caller, &mut watch).await {
            Ok(_) => organizations += 1,
            // Without --org it was in the list a moment ago, and was deleted since.
            Err(VaultError::NotFound) if args.org.is_none() => {}
            Err(VaultError::NotFound) => {
                let id = caller.org();
                let why = format!("there is no organization with id {id}");
                return Err(CommandError::Failed(why));
            }
            Err(error) => return Err(error.into()),
        }
    }
    watch.finish(organizations, args.json)
}

async fn everyone(vault: &Vault) -> Result<Vec<Caller>, CommandError> {
    let organizations = vault.organizations().await?;
    Ok(organizations
        .iter()
        .map(|organization| Caller::operator(organization.id, vault_access::command_line()))
        .collect())
}

// Counting takes a while in a large database, so it is done for a terminal alone.
async fn progress(vault: &Vault, callers: &[Caller]) -> Result<ProgressBar, CommandError> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let mut total = 0;
    for caller in callers {
        total += vault.count_credentials(caller).await?;
    }
    let style = "{wide_bar} {human_pos}/{human_len} credentials, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    Ok(bar.with_style(style))
}

/// Prints findings as they come, or keeps them for the one object.
struct Watch {
    json: bool,
    bar: ProgressBar,
    rows: u64,
    findings: u64,
    kept: Vec<Value>,
    tries: u32,
}

impl Watch {
    fn new(json: bool, bar: ProgressBar) -> Self {
        Self {
            json,
            bar,
            rows: 0,
            findings: 0,
            kept: Vec::new(),
            tries: 0,
        }
    }

    fn finish(self, organizations: u64, json: bool) -> Result<(), CommandError> {
        self.bar.finish_and_clear();
        let (rows, findings) = (self.rows, self.findings);
        let value = json!({
            "organizations": organizations,
            "credentials": rows,
            "findings_total": findings,
            "findings": self.kept,
        });
        let text = format!(
            "checked {rows} credential(s) of {organizations} organization(s): {}",
            if findings == 0 {
                "all as they were written".to_owned()
            } else {
                format!("{findings} finding(s)")
            }
        );
        output::answer(json, &value, &text);
        if findings == 0 {
            return Ok(());
        }
        Err(CommandError::Failed(format!(
            "the integrity check failed: {findings} finding(s)"
        )))
    }
}

#[async_trait]
impl ScrubObserver for Watch {
    fn found(&mut self, finding: &Finding) {
        self.findings += 1;
        if !self.json {
            let about = finding.credential.map(|id| format!("credential {id} "));
            let about = about.unwrap_or_default();
            let line = format!("organization {} {about}{}", finding.org, finding.problem);
            self.bar.suspend(|| output::line(&line));
        } else if self.kept.len() < MOST_KEPT {
            self.kept.push(json!({
                "org_id": finding.org,
                "external_cred_id": finding.credential,
                "problem": finding.problem.code(),
                "message": finding.problem.to_string(),
            }));
        }
    }

    async fn checked(&mut self, credentials: u64) {
        self.rows += credentials;
        self.tries = 0;
        self.bar.inc(credentials);
    }

    async fn try_again(&mut self, error: &VaultError) -> bool {
        self.tries += 1;
        tracing::warn!(%error, "trying again");
        tokio::time::sleep(RETRY).await;
        self.tries <= TRIES
    }
}
