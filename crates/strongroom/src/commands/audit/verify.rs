use std::path::Path;

use serde_json::json;
use strongroom_domain::audit::signed::SignedHeads;
use strongroom_domain::caller::Caller;
use strongroom_domain::{AuditReport, Vault};

use super::{counted, operators};
use crate::cli::AuditVerifyArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{output, vault_access};

/// `strongroom audit verify`.
pub(super) async fn run(args: &AuditVerifyArgs) -> Result<(), CommandError> {
    let kept = args.heads.as_deref().map(read_heads).transpose()?;
    let kept = kept.unwrap_or_default();
    let vault = vault_access::open(&VaultAccess::read(&args.vault)?).await?;
    vault.check_kept_heads(&kept)?;
    let mut reports = Vec::new();
    for caller in callers(&vault, args.org.as_deref(), &kept).await? {
        let report = vault.verify_audit(&caller, &kept).await?;
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
        if found == 0 {
            "intact".to_owned()
        } else {
            counted(found, "finding")
        }
    );
    output::answer(args.json, &value, &text);
    if found == 0 {
        Ok(())
    } else {
        let found = counted(found, "finding");
        Err(CommandError::Failed(format!(
            "the audit trail does not verify: {found}"
        )))
    }
}

// Also organizations that are in the kept heads only: somebody may have removed all of one.
async fn callers(
    vault: &Vault,
    org: Option<&str>,
    kept: &[SignedHeads],
) -> Result<Vec<Caller>, CommandError> {
    if let Some(org) = org {
        let caller = vault_access::operator(org)?;
        if kept.iter().any(|heads| heads.org == caller.org()) {
            return Ok(vec![caller]);
        }
        return operators(vault, Some(org)).await;
    }
    let mut callers = operators(vault, None).await?;
    for heads in kept {
        if callers.iter().all(|caller| caller.org() != heads.org) {
            callers.push(Caller::operator(heads.org, vault_access::command_line()));
        }
    }
    Ok(callers)
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
        let empty = format!("--heads: {} has no line", file.display());
        return Err(CommandError::Failed(empty));
    }
    Ok(heads)
}

pub(super) fn described(report: &AuditReport) -> String {
    let mut lines = vec![format!(
        "organization {}: {} in {}: {}",
        report.org_id,
        counted(report.events, "event"),
        counted(report.lanes, "lane"),
        if report.found == 0 {
            "intact".to_owned()
        } else {
            counted(report.found, "finding")
        }
    )];
    lines.extend(report.findings.iter().map(|finding| format!("  {finding}")));
    let more = report.found - report.findings.len() as u64;
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}
