use chrono::{SecondsFormat, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::json;
use strongroom_domain::{Clock, SystemClock};

use super::new_key::KeyDestination;
use super::paths::{ORGANIZATIONS, RESTORE, SUBORGANIZATIONS};
use super::session::{client, waiting};
use crate::cli::{OrgCreateArgs, OrgDeleteArgs, OrgListArgs, OrgRestoreArgs};
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;

/// How old the confirmation of a deletion is said to be: it must be 10 to 60 seconds old.
const CONFIRMATION_AGE: TimeDelta = TimeDelta::seconds(30);

/// An organization as the server shows it.
#[derive(Deserialize, Serialize)]
struct Shown {
    #[serde(rename(serialize = "org_id"))]
    id: String,
    #[serde(rename(serialize = "name"), skip_serializing_if = "Option::is_none")]
    org_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
}

/// Creates a sub-organization.
pub(crate) fn create(args: &OrgCreateArgs, profile: &str) -> Result<(), CommandError> {
    let client = client(profile, args.org.as_deref())?;
    let destination = KeyDestination::prepare(args.output.as_deref())?;
    let name = args.name.text();
    let body = json!({"sub_org_name": name, "admins": []}).to_string();
    let call = Call::post(SUBORGANIZATIONS, body.as_bytes());
    let answer = client.send(&waiting(call, &args.consistency))?;
    let Shown { id, .. } = answer.result()?;
    let what = format!("Created organization {id} ({name}).");
    destination.put(&answer, args.json, &what)
}

/// Lists an organization and its descendants.
pub(crate) fn list(args: &OrgListArgs, profile: &str) -> Result<(), CommandError> {
    let client = client(profile, args.org.as_deref())?;
    let mut shown = Vec::new();
    let mut call = Call::get(SUBORGANIZATIONS);
    match &args.filter {
        Some(filter) => call = call.query("filter", filter),
        None => shown.push(own(&client.send(&Call::get(ORGANIZATIONS))?)?),
    }
    let ids: Vec<String> = client.send(&call)?.result()?;
    shown.extend(ids.into_iter().map(|id| Shown {
        id,
        org_name: None,
        parent_id: None,
    }));
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let rows: Vec<_> = shown
        .iter()
        .map(|one| {
            [
                one.id.clone(),
                or_dash(&one.parent_id),
                or_dash(&one.org_name),
            ]
        })
        .collect();
    let text = output::table(["ORG_ID", "PARENT", "NAME"], &rows);
    output::answer(args.json, &shown, &text);
    Ok(())
}

/// Deletes an organization, and with `--suborganizations` its descendants.
pub(crate) fn delete(args: &OrgDeleteArgs, profile: &str) -> Result<(), CommandError> {
    let org = args.org.id();
    let client = client(profile, Some(org))?;
    if !args.yes && !output::can_ask() {
        let problem = "there is no terminal on which to ask for the organization's name; add --yes";
        return Err(CommandError::Usage(problem.into()));
    }
    let answer = client.send(&Call::get(ORGANIZATIONS))?;
    if !args.yes {
        confirm(&own(&answer)?, args.suborganizations)?;
    }
    let mut call = Call::delete(ORGANIZATIONS).once();
    if args.suborganizations {
        // By the server's clock.
        let now = answer.date.unwrap_or_else(|| SystemClock.now());
        let confirmed = now - CONFIRMATION_AGE;
        let confirmed = confirmed.to_rfc3339_opts(SecondsFormat::Secs, true);
        call = call.query("delete_suborganizations", "true");
        call = call.query("confirmation_timestamp", &confirmed);
    }
    client.send(&waiting(call, &args.consistency))?;
    let value = json!({"org_id": org, "deleted": true, "suborganizations": args.suborganizations});
    let text = format!(
        "deleted organization {org}: its API keys are refused. Until its keys are destroyed, \
         `strongroom org restore` restores it"
    );
    output::answer(args.json, &value, &text);
    Ok(())
}

/// Restores a deleted organization.
pub(crate) fn restore(args: &OrgRestoreArgs, profile: &str) -> Result<(), CommandError> {
    let org = args.org.id();
    let client = client(profile, Some(org))?;
    client.send(&waiting(Call::bare_post(RESTORE), &args.consistency))?;
    let value = json!({"org_id": org, "restored": true});
    output::answer(args.json, &value, &format!("restored organization {org}"));
    Ok(())
}

fn own(answer: &Answer) -> Result<Shown, CommandError> {
    answer.result()
}

// The name is typed, so that an id pasted by mistake deletes no other organization.
fn confirm(organization: &Shown, subtree: bool) -> Result<(), CommandError> {
    let name = organization.org_name.as_deref().unwrap_or_default();
    let with = if subtree {
        " and all its sub-organizations"
    } else {
        ""
    };
    let question = format!(
        "Organization {} ({name}){with} will be deleted.\n\
         Type the organization's name to delete it: ",
        organization.id
    );
    let typed = output::ask(&question)
        .map_err(|error| CommandError::io("cannot read the organization's name", &error))?;
    if typed == name {
        return Ok(());
    }
    Err(CommandError::Failed(
        "this is not the organization's name; nothing was changed".into(),
    ))
}
