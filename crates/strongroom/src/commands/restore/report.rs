use serde_json::json;
use strongroom_domain::backup::rules::OrganizationPlan;
use strongroom_domain::{OpenedBackup, OrgId};

use super::rules::rules;
use crate::cli::RestoreArgs;
use crate::commands::format::owner;
use crate::error::CommandError;
use crate::output;

/// Prints the outcome; `done` says what was done with the credentials.
///
/// # Errors
/// When an organization was not restored or does not verify.
pub(super) fn print(
    args: &RestoreArgs,
    backup: &OpenedBackup,
    plans: &[OrganizationPlan],
    done: &str,
) -> Result<(), CommandError> {
    let value = json!({
        "created_at": backup.created_at(),
        "only_organization": backup.scope().map(|OrgId(id)| id),
        "dry_run": args.dry_run,
        "verify_only": args.verify_only,
        "organizations": plans,
    });
    let lines: Vec<String> = plans
        .iter()
        .map(|plan| described(args, plan, done))
        .collect();
    let text = if lines.is_empty() {
        "the backup has no organization".to_owned()
    } else {
        lines.join("\n")
    };
    output::answer(args.json, &value, &text);
    let refused = plans.iter().filter(|plan| plan.refused.is_some()).count();
    match refused {
        0 => Ok(()),
        _ if args.verify_only => Err(CommandError::Failed(format!(
            "{refused} organization(s) in the backup do not verify"
        ))),
        _ => Err(CommandError::Failed(format!(
            "{refused} organization(s) were not restored"
        ))),
    }
}

fn described(args: &RestoreArgs, plan: &OrganizationPlan, done: &str) -> String {
    let owner = owner(OrgId(plan.org_id));
    let (credentials, events) = (plan.credentials, plan.audit_events);
    if args.verify_only {
        return match plan.findings {
            0 => format!("{owner}: verified"),
            findings => format!("{owner}: {findings} row(s) do not verify"),
        };
    }
    if let Some(why) = &plan.refused {
        return format!("{owner}: not restored: {why}");
    }
    let newer = newer(plan);
    if plan.writes(rules(args)) == 0 && !newer.is_empty() {
        return format!(
            "{owner}: restored nothing: after the backup, {}, and stay so; {} credential(s) are \
             the same",
            newer.join(", "),
            credentials.same
        );
    }
    if plan.writes(rules(args)) == 0 {
        return format!(
            "{owner}: nothing to restore; {} credential(s) and {} audit event(s) exist",
            credentials.same + credentials.newer,
            events.same
        );
    }
    let new = if plan.exists {
        ""
    } else {
        ", which does not exist yet"
    };
    let replaced = if args.replace && credentials.differ > 0 {
        format!(", {} in place of others", credentials.differ)
    } else {
        String::new()
    };
    format!(
        "{owner}{new}: {done} {} credential(s){replaced}, {} API key(s), \
         {} audit event(s); unchanged: {} credential(s), {} audit event(s); left newer: {}",
        credentials.insert,
        plan.api_keys.insert,
        events.insert,
        credentials.same,
        events.same,
        credentials.newer
    )
}

/// What differs from the backup and is not written.
fn newer(plan: &OrganizationPlan) -> Vec<String> {
    let differences = [
        (
            plan.credentials.newer,
            "credential(s) were changed or deleted (--undo puts them back)",
        ),
        (plan.api_keys.newer, "API key(s) were revoked"),
        (plan.api_keys.differ, "API key(s) were changed"),
    ];
    let found = differences.iter().filter(|(number, _)| *number > 0);
    found
        .map(|(number, what)| format!("{number} {what}"))
        .collect()
}
