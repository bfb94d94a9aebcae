use std::path::Path;

use serde_json::json;
use strongroom_domain::audit::kept::KeptHeads;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::caller::Caller;
use strongroom_domain::{AuditReport, OrgId, Vault, VaultError};

use super::operators::operators;
use super::report::{described, verdict};
use crate::cli::AuditVerifyArgs;
use crate::commands::format::counted;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// `strongroom audit verify`.
pub(super) async fn run(args: &AuditVerifyArgs) -> Result<(), CommandError> {
    let kept = args.heads.as_deref().map(read_heads).transpose()?;
    let kept = kept.unwrap_or_default();
    let vault = open_vault::for_command(&args.vault).await?;
    vault.check_kept_heads(&kept)?;
    let mut reports = Vec::new();
    for caller in operators_and_kept(&vault, args.org.as_deref(), &kept).await? {
        let report = match vault.verify_audit(&caller, &kept, &mut ()).await {
            // The other trails are verified all the same.
            Err(error @ (VaultError::Integrity(_) | VaultError::Internal(_))) => {
                AuditReport::unverified(caller.org(), &error.to_string())
            }
            verified => verified?,
        };
        if !args.json {
            output::line(&described(&report));
        }
        reports.push(report);
    }
    let missing = match args.org {
        None => missing_leaves(&kept, &reports),
        Some(_) => Vec::new(),
    };
    if !args.json {
        missing.iter().for_each(|problem| output::line(problem));
    }
    answer(args.json, &reports, &missing)
}

fn answer(as_json: bool, reports: &[AuditReport], missing: &[String]) -> Result<(), CommandError> {
    let sum = |count: fn(&AuditReport) -> u64| reports.iter().map(count).sum::<u64>();
    let (events, lanes) = (sum(|report| report.events), sum(|report| report.lanes));
    let found = sum(|report| report.found) + missing.len() as u64;
    let (installation, organizations): (Vec<_>, Vec<_>) = reports
        .iter()
        .partition(|report| report.org_id == OrgId::INSTALLATION);
    let value = json!({
        "events": events,
        "lanes": lanes,
        "found": found,
        "installation": installation.first(),
        "organizations": organizations,
        "roots": missing,
    });
    let text = format!(
        "checked {} in {} of {}{}: {}",
        counted(events, "event"),
        counted(lanes, "lane"),
        counted(organizations.len() as u64, "organization"),
        if installation.is_empty() {
            ""
        } else {
            " and the installation"
        },
        verdict(found)
    );
    output::answer(as_json, &value, &text);
    if found == 0 {
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "the audit trail does not verify: {}",
        verdict(found)
    )))
}

// Includes organizations that only the kept heads name: all rows of such an organization may have
// been removed.
async fn operators_and_kept(
    vault: &Vault,
    org: Option<&str>,
    kept: &KeptHeads,
) -> Result<Vec<Caller>, CommandError> {
    if let Some(org) = org {
        let caller = callers::operator(org)?;
        if kept.heads.iter().any(|heads| heads.org == caller.org()) {
            return Ok(vec![caller]);
        }
        return operators(vault, Some(org)).await;
    }
    let mut all = operators(vault, None).await?;
    for heads in &kept.heads {
        if all.iter().all(|caller| caller.org() != heads.org) {
            all.push(callers::operator_of(heads.org));
        }
    }
    Ok(all)
}

fn read_heads(file: &Path) -> Result<KeptHeads, CommandError> {
    let what = format!("cannot read the heads in {}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| CommandError::io(&what, &error))?;
    let mut kept = KeptHeads::default();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        kept.add(line).map_err(|error| {
            let place = format!("{} line {}", file.display(), number + 1);
            CommandError::Failed(format!("--heads: {place} {error}"))
        })?;
    }
    if kept.is_empty() {
        let empty = format!(
            "--heads: {} is empty, or a log without a root",
            file.display()
        );
        return Err(CommandError::Failed(empty));
    }
    Ok(kept)
}

// Leaves of organizations whose rows were removed are missing as well.
fn missing_leaves(kept: &KeptHeads, reports: &[AuditReport]) -> Vec<String> {
    let mut problems = Vec::new();
    for root in &kept.roots {
        let has_leaf = |report: &&AuditReport| report.leaves.contains(&root.at);
        let found = reports.iter().filter(has_leaf).count() as u64;
        if found < root.leaves {
            problems.push(format!(
                "the root signed at {} covers {}, of which {found} exist: the others were removed",
                format_time(root.at),
                counted(root.leaves, "audit trail"),
            ));
        }
    }
    problems
}
