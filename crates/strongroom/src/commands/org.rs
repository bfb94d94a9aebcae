use chrono::TimeDelta;
use serde_json::{Value, json};
use strongroom_domain::caller::Caller;
use strongroom_domain::organization::{DEFAULT_GRACE, Organization};
use strongroom_domain::replication::Level;
use strongroom_domain::{Clock, SystemClock, Vault, VaultError};

use super::caller::organizations;
use super::caller::session::{Way, open, refuse_for_operator, refuse_over_http, way};
use super::format::format_time;
use super::organization_settings;
use super::time::Span;
use crate::cli::{OrgCommand, OrgCreateArgs, OrgDeleteArgs, OrgListArgs, OrgRestoreArgs};
use crate::error::CommandError;
use crate::{callers, output};

const BACKUPS: &str = "Earlier backups can still be decrypted with the root key that was active at \
                       their time, until that root key is replaced (`strongroom rotate root`) and \
                       destroyed.";

/// `strongroom org …`.
pub(super) async fn run(command: OrgCommand) -> Result<(), CommandError> {
    match command {
        OrgCommand::Create(args) => create(&args).await,
        OrgCommand::List(args) => list(&args).await,
        OrgCommand::Delete(args) => delete(&args).await,
        OrgCommand::Restore(args) => restore(&args).await,
        OrgCommand::Settings(args) => organization_settings::run(&args).await,
    }
}

async fn create(args: &OrgCreateArgs) -> Result<(), CommandError> {
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        return organizations::create(args, &profile);
    }
    refuse_for_operator(&[
        ("--org", args.org.is_some()),
        ("--output", args.output.is_some()),
    ])?;
    refuse_for_operator(&args.consistency.flags())?;
    let vault = open(&args.vault).await?;
    let (name, request) = (args.name.text(), callers::command_line());
    let organization = vault.create_organization(name, request).await?;
    let text = format!("created organization {} ({name})", organization.id);
    output::answer(args.json, &organization, &text);
    Ok(())
}

async fn list(args: &OrgListArgs) -> Result<(), CommandError> {
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        return organizations::list(args, &profile);
    }
    refuse_for_operator(&[
        ("--org", args.org.is_some()),
        ("--filter", args.filter.is_some()),
    ])?;
    let vault = open(&args.vault).await?;
    let organizations = vault.organizations().await?;
    let rows: Vec<_> = organizations
        .iter()
        .map(|organization| {
            [
                organization.id.to_string(),
                format_time(organization.created_at),
                state_until(organization),
                organization.name.clone(),
            ]
        })
        .collect();
    let text = output::table(["ORG_ID", "CREATED", "STATE", "NAME"], &rows);
    let values: Vec<_> = organizations.iter().map(described).collect();
    output::answer(args.json, &values, &text);
    Ok(())
}

async fn restore(args: &OrgRestoreArgs) -> Result<(), CommandError> {
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        return organizations::restore(args, &profile);
    }
    refuse_for_operator(&args.consistency.flags())?;
    let org = args.org.id();
    let caller = callers::operator(org)?;
    let vault = open(&args.vault).await?;
    let restored = vault.restore_organization(&caller, Level::LocalRegion);
    let restored = restored.await.map_err(|error| match error {
        VaultError::NotFound => CommandError::Failed(format!(
            "there is no deleted organization with id {org} whose keys still exist"
        )),
        other => other.into(),
    })?;
    restored.without_waiting();
    let value = json!({"org_id": caller.org(), "restored": true});
    output::answer(args.json, &value, &format!("restored organization {org}"));
    Ok(())
}

async fn delete(args: &OrgDeleteArgs) -> Result<(), CommandError> {
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        let operators = [("--grace", args.grace.is_some()), ("--now", args.now)];
        refuse_over_http(&profile, &operators)?;
        return organizations::delete(args, &profile);
    }
    refuse_for_operator(&[("--yes without --now", args.yes && !args.now)])?;
    refuse_for_operator(&args.consistency.flags())?;
    delete_as_operator(args).await
}

async fn delete_as_operator(args: &OrgDeleteArgs) -> Result<(), CommandError> {
    let (org, now) = (args.org.id(), args.now);
    let caller = callers::operator(org)?;
    let grace = match args.grace.as_deref() {
        _ if now => TimeDelta::zero(),
        None => DEFAULT_GRACE,
        Some(text) => parse_grace(text)?,
    };
    let ask = now && !args.yes;
    if ask && !output::can_ask() {
        return Err(CommandError::Usage(
            "--now destroys the organization's data for good, and there is no terminal on which \
             to ask for its name; add --yes"
                .into(),
        ));
    }
    let vault = open(&args.vault).await?;
    if ask {
        confirm(&vault, &caller).await?;
    }
    let subtree = args.suborganizations;
    let deleted = vault.delete_organization(&caller, grace, subtree, Level::LocalRegion);
    match deleted.await {
        Ok(_) => {}
        // It is already deleted; its grace period ends now.
        Err(VaultError::NotFound) if now => {}
        Err(VaultError::NotFound) => {
            let problem =
                format!("there is no organization with id {org}, or it is already deleted");
            return Err(CommandError::Failed(problem));
        }
        Err(error) => return Err(error.into()),
    }
    let text = if now {
        let destroyed = vault.destroy_organization(&caller, true).await;
        destroyed.map_err(|error| CommandError::about(error, "organization", org))?;
        format!("destroyed organization {org}: its data can no longer be decrypted. {BACKUPS}")
    } else {
        format!(
            "deleted organization {org}: its API keys are refused. It can be restored with \
             `strongroom org restore` until its keys are destroyed at {}. {BACKUPS}",
            format_time(SystemClock.now() + grace)
        )
    };
    let value = json!({"org_id": caller.org(), "deleted": true, "destroyed": now, "note": BACKUPS});
    output::answer(args.json, &value, &text);
    Ok(())
}

// The operator types the name, so that an id pasted by mistake destroys no other organization.
async fn confirm(vault: &Vault, caller: &Caller) -> Result<(), CommandError> {
    let organizations = vault.organizations().await?;
    let mut organizations = organizations.into_iter();
    let organization = organizations.find(|one| one.id == caller.org());
    let organization =
        organization.ok_or_else(|| CommandError::not_found("organization", caller.org()))?;
    let question = format!(
        "All data of organization {} ({}) will be lost, and cannot be restored.\n\
         Type the organization's name to destroy it: ",
        organization.id, organization.name
    );
    let typed = output::ask(&question)
        .map_err(|error| CommandError::io("cannot read the organization's name", &error))?;
    if typed == organization.name {
        return Ok(());
    }
    Err(CommandError::Failed(
        "this is not the organization's name; nothing was changed".into(),
    ))
}

fn parse_grace(text: &str) -> Result<TimeDelta, CommandError> {
    let now = SystemClock.now();
    let end = Span::parse(text).and_then(|grace| grace.after(now));
    let grace = end.map(|end| end - now);
    let allowed = TimeDelta::seconds(1)..=TimeDelta::days(3653);
    grace
        .filter(|grace| allowed.contains(grace))
        .ok_or_else(|| {
            let problem = "--grace must be a duration from 1s to 10y, such as 12h or 30d; --now \
                           destroys at once";
            CommandError::Usage(problem.into())
        })
}

fn described(organization: &Organization) -> Value {
    let mut value = json!(organization);
    value["state"] = state(organization).into();
    value
}

fn state(organization: &Organization) -> &'static str {
    match (organization.destroyed_at, organization.destroy_after) {
        (Some(_), _) => "destroyed",
        (None, Some(_)) => "deleted",
        (None, None) => "active",
    }
}

fn state_until(organization: &Organization) -> String {
    let state = state(organization);
    match (organization.destroyed_at, organization.destroy_after) {
        (Some(at), _) => format!("{state} {}", format_time(at)),
        (None, Some(after)) => format!("{state}, restorable until {}", format_time(after)),
        (None, None) => state.to_owned(),
    }
}
