use chrono::TimeDelta;
use serde_json::json;
use strongroom_domain::organization::Organization;
use strongroom_domain::{Clock, SystemClock, VaultError};

use crate::cli::OrgCommand;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::settings::args::VaultArgs;
use crate::{output, vault_access};

/// `strongroom org …`.
pub(super) async fn run(command: OrgCommand) -> Result<(), CommandError> {
    match command {
        OrgCommand::Create { vault, name, json } => {
            let vault = vault_access::open(&VaultAccess::read(&vault)?).await?;
            let request = vault_access::command_line();
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
            let caller = vault_access::operator(&org)?;
            let vault = vault_access::open(&VaultAccess::read(&vault)?).await?;
            let restored = vault.restore_organization(&caller).await;
            restored.map_err(|error| match error {
                VaultError::NotFound => CommandError::Failed(format!(
                    "there is no deleted organization with id {org} whose keys are still there"
                )),
                other => other.into(),
            })?;
            let value = json!({"org_id": caller.org(), "restored": true});
            output::answer(json, &value, &format!("restored organization {org}"));
        }
        OrgCommand::List { vault, json } => {
            let vault = vault_access::open(&VaultAccess::read(&vault)?).await?;
            let organizations = vault.organizations().await?;
            let rows: Vec<_> = organizations
                .iter()
                .map(|organization| {
                    [
                        organization.id.to_string(),
                        super::key::shown_time(organization.created_at),
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

/// How long a deleted organization can be restored unless told otherwise.
const GRACE: TimeDelta = TimeDelta::days(7);

async fn delete(
    args: &VaultArgs,
    org: &str,
    grace: Option<&str>,
    now: bool,
    json: bool,
) -> Result<(), CommandError> {
    let caller = vault_access::operator(org)?;
    let grace = match grace {
        _ if now => TimeDelta::zero(),
        None => GRACE,
        Some(text) => parse_grace(text)?,
    };
    let vault = vault_access::open(&VaultAccess::read(args)?).await?;
    match vault.delete_organization(&caller, grace).await {
        Ok(()) => {}
        // Deleted before, and to be destroyed without waiting any longer.
        Err(VaultError::NotFound) if now => {}
        Err(VaultError::NotFound) => {
            let problem =
                format!("there is no organization with id {org}, or it is deleted already");
            return Err(CommandError::Failed(problem));
        }
        Err(error) => return Err(error.into()),
    }
    let backups = "A backup made before can still be opened with the root key of its day: it dies only when \
                   that root key is rotated away (`strongroom rotate root`) and destroyed.";
    let text = if now {
        let destroyed = vault.destroy_organization(&caller, true).await;
        destroyed.map_err(|error| super::key::missing(error, "organization", org))?;
        format!("destroyed organization {org}: nothing of it can be opened any more. {backups}")
    } else {
        format!(
            "deleted organization {org}: its API keys are refused. Until its keys are destroyed at {} it can be \
             restored with `strongroom org restore`. {backups}",
            super::key::shown_time(SystemClock.now() + grace)
        )
    };
    let value = json!({"org_id": caller.org(), "deleted": true, "destroyed": now, "note": backups});
    output::answer(json, &value, &text);
    Ok(())
}

fn parse_grace(text: &str) -> Result<TimeDelta, CommandError> {
    let span = humantime::parse_duration(text).ok();
    let span = span.and_then(|span| TimeDelta::from_std(span).ok());
    span.filter(|span| *span <= TimeDelta::days(3650))
        .ok_or_else(|| {
            CommandError::Failed("--grace must be a time up to 3650d, such as 12h or 30d".into())
        })
}

fn state(organization: &Organization) -> String {
    let time = super::key::shown_time;
    match (organization.destroyed_at, organization.destroy_after) {
        (Some(at), _) => format!("destroyed {}", time(at)),
        (None, Some(after)) => format!("deleted, restorable until {}", time(after)),
        (None, None) => "active".to_owned(),
    }
}
