use std::path::Path;
use std::time::Duration;

use serde_json::json;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::audit::{PrunePlan, Pruned};
use strongroom_domain::{Vault, VaultError};

use super::lines::{Lines, create, sync_content, sync_name};
use super::operators::operators;
use super::report::described;
use super::time::time;
use crate::cli::PruneArgs;
use crate::commands::format::counted;
use crate::error::CommandError;
use crate::files::partial_name;
use crate::settings::access::VaultAccess;
use crate::{open_vault, output};

/// Longest time for one statement, which may read the whole audit trail.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);

/// `strongroom audit prune`.
///
/// An interruption at any point loses no event: events are verified, attested and durable in the
/// file before the one transaction that drops them.
pub(super) async fn run(args: &PruneArgs) -> Result<(), CommandError> {
    let before = time("before", &args.before)?;
    let file = args.out.as_deref().filter(|_| !args.dry_run);
    file.map_or(Ok(()), refuse_existing)?;
    let mut access = VaultAccess::read(&args.vault)?;
    access.database.statement_timeout = STATEMENT_TIMEOUT;
    let vault = open_vault::with_access(&access).await?;
    let plan = vault.plan_audit_prune(before).await;
    let plan = plan.map_err(|error| match error {
        // The role of the connection lacks a right.
        VaultError::Internal(why) => CommandError::Failed(why),
        other => other.into(),
    })?;
    let Some(plan) = plan else {
        let nothing = json!({"events": 0, "partitions": []});
        let text = "nothing to prune: no partition ends at or before that time";
        output::answer(args.json, &nothing, text);
        return Ok(());
    };
    let callers = operators(&vault, None).await?;
    let Some(file) = file else {
        return dry_run(args.json, &vault, &callers, &plan).await;
    };
    let attested = prepare(&vault, &callers, &plan).await?;
    let exported = export(&vault, &callers, &plan, file).await?;
    let pruned = vault.prune_audit(&callers, &plan, exported).await;
    let pruned = pruned.map_err(|error| failed(error, file))?;
    answer((args.json, file), &plan, attested, exported, pruned);
    Ok(())
}

// Events that newer ones precede in their lane would stay.
async fn dry_run(
    json: bool,
    vault: &Vault,
    callers: &[Caller],
    plan: &PrunePlan,
) -> Result<(), CommandError> {
    let mut lines = Lines::new(std::io::sink());
    for caller in callers {
        let export = vault.export_before_prune(caller, plan)?;
        lines.write(vault, caller.org(), export).await?;
    }
    let (events, cut) = (lines.count, format_time(plan.cut));
    let value = json!({
        "dry_run": true,
        "before": cut,
        "partitions": plan.partitions,
        "events": events,
    });
    let text = format!(
        "would prune up to {} before {cut}, with {}",
        counted(events, "event"),
        counted(plan.partitions.len() as u64, "partition"),
    );
    output::answer(json, &value, &text);
    Ok(())
}

async fn prepare(vault: &Vault, callers: &[Caller], plan: &PrunePlan) -> Result<u64, CommandError> {
    let mut attested = 0;
    for caller in callers {
        let check = vault.prepare_audit_prune(caller, plan).await?;
        if check.report.found > 0 {
            return Err(CommandError::Failed(format!(
                "nothing was pruned because the audit trail does not verify; \
                 see `strongroom audit verify`\n{}",
                described(&check.report)
            )));
        }
        attested += check.attested;
    }
    Ok(attested)
}

// The export has another name until it is complete and durable.
async fn export(
    vault: &Vault,
    callers: &[Caller],
    plan: &PrunePlan,
    file: &Path,
) -> Result<u64, CommandError> {
    let partial = partial_name(file);
    let mut lines = Lines::new(create(&partial, true)?);
    for caller in callers {
        let export = vault.export_before_prune(caller, plan)?;
        lines.write(vault, caller.org(), export).await?;
    }
    let count = lines.count;
    sync_content(&lines.finish()?)?;
    refuse_existing(file)?;
    let what = format!("cannot rename {} to {}", partial.display(), file.display());
    std::fs::rename(&partial, file).map_err(|error| CommandError::io(&what, &error))?;
    sync_name(file)?;
    Ok(count)
}

fn refuse_existing(file: &Path) -> Result<(), CommandError> {
    if !file.exists() {
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "{} exists, and may be the only copy of pruned events; name another file",
        file.display()
    )))
}

fn failed(error: VaultError, file: &Path) -> CommandError {
    let file = file.display();
    CommandError::Failed(match error {
        VaultError::OutcomeUnknown(why) => format!(
            "it is unknown whether the events were pruned ({why}). Keep {file}, and run this \
             command again with another --out: it prunes the events that remain"
        ),
        other => {
            format!("{other}. Nothing was pruned; {file} may be removed. Run this command again")
        }
    })
}

fn answer(
    (json, file): (bool, &Path),
    plan: &PrunePlan,
    attested: u64,
    exported: u64,
    pruned: Pruned,
) {
    let cut = format_time(plan.cut);
    let value = json!({
        "before": cut,
        "partitions": plan.partitions,
        "exported": exported,
        "events": pruned.events,
        "kept": pruned.kept,
        "checkpoints": pruned.checkpoints,
        "attested": attested,
        "file": file,
    });
    let kept = match pruned.kept {
        0 => String::new(),
        kept => format!(
            "\nkept {} that newer events precede in their lane",
            counted(kept, "event")
        ),
    };
    let text = format!(
        "exported {} before {cut} to {}\npruned {} with {}; left {}, and attested {}{kept}",
        counted(exported, "event"),
        file.display(),
        counted(pruned.events, "event"),
        counted(plan.partitions.len() as u64, "partition"),
        counted(pruned.checkpoints, "checkpoint"),
        counted(attested, "credential"),
    );
    output::answer(json, &value, &text);
}
