use chrono::TimeDelta;
use serde_json::json;
use strongroom_domain::organization::{DEFAULT_GRACE, Organization};
use strongroom_domain::{Clock, SystemClock, VaultError};

use super::format::format_time;
use crate::cli::OrgCommand;
use crate::error::CommandError;
use crate::settings::args::VaultArgs;
use crate::{callers, open_vault, output};

/// `strongroom org …`.
pub(super) async fn run(command: OrgCommand) -> Result<(), CommandError> {
    match command {
        OrgCommand::Create { vault, name, json } => {
            let vault = open_vault::for_command(&vault).await?;
            let request = callers::command_line();
            let organization = vault.create_organization(&name, request).await?;
            let text = format!("created organization {} ({name})", organization.id);
            output::answer(json, &organization, &text);
        }
        OrgCommand::Delete {
            vault,
            org,
            grace,
            now,
            json,
        } => delete(&vault, &org, grace.as_deref(), now, json).await?,
        OrgCommand::Restore { vault, org, json } => {
            let caller = callers::operator(&org)?;
            let vault = open_vault::for_command(&vault).await?;
            let restored = vault.restore_organization(&caller).await;
            restored.map_err(|error| match error {
                VaultError::NotFound => CommandError::Failed(format!(
                    "there is no deleted organization with id {org} whose keys still exist"
                )),
                other => other.into(),
            })?;
            let value = json!({"org_id": caller.org(), "restored": true});
            output::answer(json, &value, &format!("restored organization {org}"));
        }
        OrgCommand::List { vault, json } => {
            let vault = open_vault::for_command(&vault).await?;
            let organizations = vault.organizations().await?;
            let rows: Vec<_> = organizations
                .iter()
                .map(|organization| {
                    [
                        organization.id.to_string(),
                        format_time(organization.created_at),
                        state(organization),
                        organization.name.clone(),
                    ]
                })
                .collect();
            let text = output::table(["ORG_ID", "CREATED", "STATE", "NAME"], &rows);
            output::answer(json, &organizations, &text);
        }
    }
    Ok(())
}

async fn delete(
    args: &VaultArgs,
    org: &str,
    grace: Option<&str>,
    now: bool,
    json: bool,
) -> Result<(), CommandError> {
    let caller = callers::operator(org)?;
    let grace = match grace {
        _ if now => TimeDelta::zero(),
        None => DEFAULT_GRACE,
        Some(text) => parse_grace(text)?,
    };
    let vault = open_vault::for_command(args).await?;
    match vault.delete_organization(&caller, grace).await {
        Ok(()) => {}
        // It is already deleted; its grace period ends now.
        Err(VaultError::NotFound) if now => {}
        Err(VaultError::NotFound) => {
            let problem =
                format!("there is no organization with id {org}, or it is already deleted");
            return Err(CommandError::Failed(problem));
        }
        Err(error) => return Err(error.into()),
    }
    let backups = "Earlier backups can still be decrypted with the root key that was active at \
                   their time, until that root key is replaced (`strongroom rotate root`) and \
                   destroyed.";
    let text = if now {
        let destroyed = vault.destroy_organization(&caller, true).await;
        destroyed.map_err(|error| CommandError::about(error, "organization", org))?;
        format!("destroyed organization {org}: its data can no longer be decrypted. {backups}")
    } else {
        format!(
            "deleted organization {org}: its API keys are refused. It can be restored with \
             `strongroom org restore` until its keys are destroyed at {}. {backups}",
            format_time(SystemClock.now() + grace)
        )
    };
    let value = json!({"org_id": caller.org(), "deleted": true, "destroyed": now, "note": backups});
    output::answer(json, &value, &text);
    Ok(())
}

fn parse_grace(text: &str) -> Result<TimeDelta, CommandError> {
    let grace = humantime::parse_duration(text).ok();
    let grace = grace.and_then(|grace| TimeDelta::from_std(grace).ok());
    grace
        .filter(|grace| *grace <= TimeDelta::days(3650))
        .ok_or_else(|| {
            let problem = "--grace must be a duration up to 3650d, such as 12h or 30d";
            CommandError::Failed(problem.into())
        })
}

fn state(organization: &Organization) -> String {
    match (organization.destroyed_at, organization.destroy_after) {
        (Some(at), _) => format!("destroyed {}", format_time(at)),
        (None, Some(after)) => format!("deleted, restorable until {}", format_time(after)),
        (None, None) => "active".to_owned(),
    }
}
