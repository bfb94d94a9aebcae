use std::path::Path;

use serde_json::json;
use strongroom_domain::audit::signed::SignedHeads;
use strongroom_domain::caller::Caller;
use strongroom_domain::{AuditReport, Vault};

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
        let report = vault.verify_audit(&caller, &kept, &mut ()).await?;
        if !args.json {
            output::line(&described(&report));
        }
        reports.push(report);
    }
    let sum = |count: fn(&AuditReport) -> u64| reports.iter().map(count).sum::<u64>();
    let (events, lanes, found) = (
        sum(|report| report.events),
        sum(|report| report.lanes),
        sum(|report| report.found),
    );
    let value = json!({"events": events, "lanes": lanes, "found": found, "organizations": reports});
    let text = format!(
        "checked {} in {} of {}: {}",
        counted(events, "event"),
        counted(lanes, "lane"),
        counted(reports.len() as u64, "organization"),
        verdict(found)
    );
    output::answer(args.json, &value, &text);
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
    kept: &[SignedHeads],
) -> Result<Vec<Caller>, CommandError> {
    if let Some(org) = org {
        let caller = callers::operator(org)?;
        if kept.iter().any(|heads| heads.org == caller.org()) {
            return Ok(vec![caller]);
        }
        return operators(vault, Some(org)).await;
    }
    let mut all = operators(vault, None).await?;
    for heads in kept {
        if all.iter().all(|caller| caller.org() != heads.org) {
            all.push(callers::operator_of(heads.org));
        }
    }
    Ok(all)
}

fn read_heads(file: &Path) -> Result<Vec<SignedHeads>, CommandError> {
    let what = format!("cannot read the heads in {}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| CommandError::io(&what, &error))?;
    let lines = text.lines().enumerate();
    let heads = lines.filter(|(_, line)| !line.trim().is_empty());
    let heads: Vec<SignedHeads> = heads
        .map(|(number, line)| {
            SignedHeads::parse(line).map_err(|error| {
                let place = format!("{} line {}", file.display(), number + 1);
                CommandError::Failed(format!("--heads: {place} {error}"))
            })
        })
        .collect::<Result<_, _>>()?;
    if heads.is_empty() {
        let empty = format!("--heads: {} is empty", file.display());
        return Err(CommandError::Failed(empty));
    }
    Ok(heads)
}
