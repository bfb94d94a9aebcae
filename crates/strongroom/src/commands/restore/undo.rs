//! `strongroom restore --undo`.

use serde_json::json;
use strongroom_domain::backup::rules::OrganizationPlan;
use strongroom_domain::backup::undo::{Undo, UndoStep};
use strongroom_domain::{CredentialId, OpenedBackup, OrgId};

use crate::cli::RestoreArgs;
use crate::commands::format::{format_time, owner};
use crate::commands::progress;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// The credentials that `args` names.
pub(super) fn selected(args: &RestoreArgs) -> Result<Vec<CredentialId>, CommandError> {
    let parse = |text: &String| {
        CredentialId::parse(text).ok_or_else(|| {
            let problem = format!("--credential must be the id of a credential, and is `{text}`");
            CommandError::Usage(problem)
        })
    };
    args.credential.iter().map(parse).collect()
}

/// Shows what the only plan of `plans` puts back, asks, and puts it back.
pub(super) async fn run(
    args: &RestoreArgs,
    backup: &OpenedBackup,
    plans: &[OrganizationPlan],
    selected: &[CredentialId],
) -> Result<(), CommandError> {
    let Some(plan) = plans.first() else {
        return Ok(());
    };
    let owner = owner(OrgId(plan.org_id));
    if let Some(why) = &plan.refused {
        let problem = format!("{owner}: nothing was put back: {why}");
        return Err(CommandError::Failed(problem));
    }
    require_all(plan, selected)?;
    let then = format_time(backup.created_at());
    if plan.undo.is_empty() {
        let text = format!(
            "{owner}: nothing to put back; {} credential(s) are as in the backup of {then}",
            plan.credentials.same
        );
        return answer(args, backup, plan, 0, &text);
    }
    let text = format!(
        "{owner}: {} credential(s) differ from the backup of {then}; {} do not\n{}",
        plan.undo.len(),
        plan.credentials.same,
        table(&plan.undo)
    );
    if args.dry_run {
        return answer(args, backup, plan, 0, &text);
    }
    if !args.yes {
        confirm(&text)?;
    }
    put_back(args, plan).await?;
    let text = match args.yes {
        true => format!("{text}\nput back all of them"),
        false => "put back all of them".to_owned(),
    };
    answer(args, backup, plan, plan.undo.len(), &text)
}

// A credential that was created after the backup, or never, is not in it.
fn require_all(plan: &OrganizationPlan, selected: &[CredentialId]) -> Result<(), CommandError> {
    let tally = plan.credentials;
    let found = tally.insert + tally.same + tally.newer + tally.differ;
    let mut distinct = selected.to_vec();
    distinct.sort();
    distinct.dedup();
    let missing = (distinct.len() as u64).saturating_sub(found);
    match missing {
        0 => Ok(()),
        _ => Err(CommandError::Failed(format!(
            "the backup lacks {missing} of the credentials that --credential names; nothing was \
             put back"
        ))),
    }
}

fn confirm(text: &str) -> Result<(), CommandError> {
    if !output::can_ask() {
        return Err(CommandError::Usage(
            "--undo changes credentials, and there is no terminal on which to ask; look at them \
             with --dry-run, and add --yes"
                .into(),
        ));
    }
    output::note(text);
    let answer = output::ask("Put them back? [y/N] ")
        .map_err(|error| CommandError::io("cannot read the answer", &error))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CommandError::Failed("nothing was put back".into())),
    }
}

async fn put_back(args: &RestoreArgs, plan: &OrganizationPlan) -> Result<(), CommandError> {
    let vault = open_vault::for_command(&args.vault).await?;
    let caller = callers::operator_of(OrgId(plan.org_id));
    let bar = progress::bar(plan.undo.len() as u64, "{wide_bar} {pos}/{len}");
    for (done, undo) in plan.undo.iter().enumerate() {
        vault.undo(&caller, undo).await.map_err(|error| {
            CommandError::Failed(format!(
                "credential {}: {error}. {done} of {} were put back; run the same command again \
                 for the rest",
                undo.credential_id,
                plan.undo.len()
            ))
        })?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn table(undo: &[Undo]) -> String {
    let row = |undo: &Undo| {
        let step = match undo.step {
            UndoStep::Change => "changed since: change back",
            UndoStep::Restore => "deleted since: restore",
            UndoStep::RestoreAndChange => "changed and deleted since: restore and change back",
            UndoStep::Create => "deleted for good since: create again",
        };
        let id = undo.credential_id.to_string();
        [id, step.to_owned(), undo.label.clone()]
    };
    let rows: Vec<_> = undo.iter().map(row).collect();
    output::table(["CREDENTIAL_ID", "CHANGE", "LABEL"], &rows)
}

fn answer(
    args: &RestoreArgs,
    backup: &OpenedBackup,
    plan: &OrganizationPlan,
    done: usize,
    text: &str,
) -> Result<(), CommandError> {
    let value = json!({
        "created_at": backup.created_at(),
        "org_id": plan.org_id,
        "dry_run": args.dry_run,
        "undo": plan.undo,
        "put_back": done,
        "same": plan.credentials.same,
    });
    output::answer(args.json, &value, text);
    Ok(())
}
