use serde_json::{Value, json};
use strongroom_domain::caller::Caller;
use strongroom_domain::{OrgId, Vault};

use super::progress::{advance, bar};
use super::throttle::throttle;
use crate::background::rotations;
use crate::cli::RotateOrgArgs;
use crate::commands::format::counted;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// `strongroom rotate org`.
pub(super) async fn run(args: &RotateOrgArgs) -> Result<(), CommandError> {
    let throttle = throttle(args.throttle)?;
    let vault = open_vault::for_command(&args.vault).await?;
    let organizations = chosen(&vault, args).await?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for org in organizations {
        let caller = callers::operator_of(org);
        if args.dry_run {
            let rows = vault.count_for_rotation(&caller).await?;
            results.push(json!({"org_id": org, "dry_run": true, "rows": rows}));
            continue;
        }
        // The other organizations are rotated all the same.
        let rotated = rotate(&vault, &caller, args.re_encrypt, throttle).await;
        results.push(rotated.unwrap_or_else(|error| {
            let failed = json!({"org_id": org, "state": "failed", "error": error.to_string()});
            errors.push(error);
            failed
        }));
    }
    answer(args, &results, errors)
}

fn answer(
    args: &RotateOrgArgs,
    results: &[Value],
    mut errors: Vec<CommandError>,
) -> Result<(), CommandError> {
    let lines: Vec<_> = results.iter().map(described).collect();
    let text = if lines.is_empty() {
        "there is no organization to rotate".to_owned()
    } else {
        lines.join("\n")
    };
    match (args.org().is_some(), errors.pop()) {
        (true, None) => output::answer(args.json, &results.first(), &text),
        (true, Some(error)) => {
            if args.json {
                output::answer(true, &results.first(), "");
            }
            return Err(error);
        }
        (false, None) => output::answer(args.json, &results, &text),
        (false, Some(_)) => {
            output::answer(args.json, &results, &text);
            return Err(CommandError::Failed(format!(
                "{} not rotated completely",
                counted(errors.len() as u64 + 1, "organization")
            )));
        }
    }
    Ok(())
}

async fn chosen(vault: &Vault, args: &RotateOrgArgs) -> Result<Vec<OrgId>, CommandError> {
    let existing = vault.organizations().await?;
    let mut existing = existing
        .iter()
        .filter(|organization| organization.deleted_at.is_none());
    let Some(text) = args.org() else {
        return Ok(existing.map(|organization| organization.id).collect());
    };
    let org = callers::operator(text)?.org();
    if existing.any(|organization| organization.id == org) {
        return Ok(vec![org]);
    }
    Err(CommandError::not_found("organization", org))
}

async fn rotate(
    vault: &Vault,
    caller: &Caller,
    re_encrypt: bool,
    throttle: Option<i32>,
) -> Result<Value, CommandError> {
    let mut rotation = vault.start_rotation(caller, re_encrypt, throttle).await?;
    // An interrupted rotation without re-encryption is completed before one with it starts.
    if re_encrypt && !rotation.re_encrypt {
        let earlier = rotations::rotate(vault, caller, &rotation, &|_| {}).await;
        earlier.map_err(|error| {
            CommandError::Failed(format!(
                "nothing was re-encrypted, because an earlier rotation without --re-encrypt is not \
                 finished: {error}"
            ))
        })?;
        rotation = vault.start_rotation(caller, re_encrypt, throttle).await?;
    }
    let bar = bar(rotation.progress.rows_total, &caller.org().to_string());
    advance(&bar, rotation.progress.rows_done);
    rotations::rotate(vault, caller, &rotation, &|rows| advance(&bar, rows)).await?;
    bar.finish_and_clear();
    Ok(json!({
        "org_id": rotation.org_id,
        "generation": rotation.generation,
        "re_encrypt": rotation.re_encrypt,
        "rows": rotation.progress.rows_total,
        "state": "done",
    }))
}

fn described(result: &Value) -> String {
    let (org, rows) = (
        result["org_id"].as_str().unwrap_or_default(),
        &result["rows"],
    );
    if let Some(error) = result["error"].as_str() {
        return format!("{org}: {error}");
    }
    match result["generation"].as_i64() {
        None => format!("{org}: would move {rows} credentials to a new key"),
        Some(generation) => {
            format!("{org}: moved {rows} credentials to generation {generation} of the key")
        }
    }
}
