use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use strongroom_domain::api_key::{OWN_PERMISSIONS, StoredApiKey};
use strongroom_domain::permission::Role;
use strongroom_domain::replication::Level;
use strongroom_domain::{Clock, KeyId, NewApiKey, SystemClock};

use super::caller::keys;
use super::caller::session::{Way, open, operators_org, refuse_for_operator, way};
use super::format::{format_time, key_state};
use super::time::{Span, expiry};
use crate::cli::{KeyCommand, KeyCreateArgs, KeyListArgs, KeyRevokeArgs};
use crate::error::CommandError;
use crate::{callers, output};

/// `strongroom key …`.
pub(super) async fn run(command: KeyCommand) -> Result<(), CommandError> {
    match command {
        KeyCommand::Create(args) => create(&args).await,
        KeyCommand::List(args) => list(&args).await,
        KeyCommand::Revoke(args) => revoke(&args).await,
    }
}

async fn create(args: &KeyCreateArgs) -> Result<(), CommandError> {
    let new = NewApiKey {
        name: args.name.clone(),
        limits: args.limits.limits(),
        expires_at: args.expires.as_deref().map(expiry).transpose()?,
    };
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        return keys::create(args, &new, &profile);
    }
    refuse_for_operator(&[("--output", args.output.is_some())])?;
    refuse_for_operator(&args.consistency.flags())?;
    let org = operators_org(args.org.as_deref())?;
    let caller = callers::operator(org)?;
    let vault = open(&args.vault).await?;
    let issued = vault.create_api_key(&caller, new, Level::LocalRegion).await;
    let issued = issued.map_err(|error| CommandError::about(error, "organization", org))?;
    let issued = issued.without_waiting();
    let mut value = described(&issued.stored);
    value["api_key"] = issued.text.expose().into();
    let text = format!(
        "{}\n\nThis key is shown once and stored nowhere. Its id is {}.",
        issued.text.expose(),
        issued.stored.id
    );
    output::answer(args.json, &value, &text);
    Ok(())
}

async fn list(args: &KeyListArgs) -> Result<(), CommandError> {
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        return keys::list(args, &profile);
    }
    let org = operators_org(args.org.as_deref())?;
    let caller = callers::operator(org)?;
    let vault = open(&args.vault).await?;
    let keys = vault.api_keys(&caller).await;
    let keys = keys.map_err(|error| CommandError::about(error, "organization", org))?;
    let times = vault.keys_last_used(&caller).await?;
    let last_used = |key: &StoredApiKey| times.get(&key.id).copied().map(format_time);
    let now = SystemClock.now();
    let value = |key| {
        let mut value = described(key);
        value["state"] = state(key, now).into();
        value["last_used_at"] = last_used(key).into();
        value
    };
    let values: Vec<_> = keys.iter().map(value).collect();
    output::answer(args.json, &values, &table(&keys, last_used));
    Ok(())
}

async fn revoke(args: &KeyRevokeArgs) -> Result<(), CommandError> {
    let id = KeyId::parse(args.key()).ok_or_else(|| {
        let problem = "--key must be the id of a key, as shown by `strongroom key list`";
        CommandError::Usage(problem.into())
    })?;
    let after = args.after.as_deref().map(overlap).transpose()?;
    if let Way::Http(profile) = way(&args.profile, &args.vault)? {
        return keys::revoke(args, id, after, &profile);
    }
    refuse_for_operator(&args.consistency.flags())?;
    let caller = callers::operator(operators_org(args.org.as_deref())?)?;
    let vault = open(&args.vault).await?;
    let revoked = match after {
        None => vault.revoke_api_key(&caller, id, Level::LocalRegion).await,
        Some(after) => {
            let level = Level::LocalRegion;
            vault.schedule_key_end(&caller, id, after, level).await
        }
    };
    let what = "API key in this organization";
    let revoked = revoked.map_err(|error| CommandError::about(error, what, id))?;
    revoked.without_waiting();
    keys::answer_revoked(args, id, &caller.org().to_string());
    Ok(())
}

fn described(key: &StoredApiKey) -> Value {
    json!({
        "key_id": key.id,
        "org_id": key.org,
        "role": role(key),
        "name": key.name,
        "created_at": format_time(key.created_at),
        "expires_at": key.expires_at.map(format_time),
        "ends_at": key.ends.as_ref().map(|end| format_time(end.at)),
        "revoked_at": key.revoked_at.map(format_time),
    })
}

fn table(keys: &[StoredApiKey], last_used: impl Fn(&StoredApiKey) -> Option<String>) -> String {
    let now = SystemClock.now();
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            [
                key.id.to_string(),
                role(key).to_owned(),
                key_state(key.revoked_at, key.end(), now),
                format_time(key.created_at),
                last_used(key).unwrap_or_else(|| "never".into()),
                key.name.clone(),
            ]
        })
        .collect();
    let headings = ["KEY_ID", "ROLE", "STATE", "CREATED", "LAST_USED", "NAME"];
    output::table(headings, &rows)
}

fn role(key: &StoredApiKey) -> &'static str {
    key.limits.role.map_or(OWN_PERMISSIONS, Role::as_str)
}

fn state(key: &StoredApiKey, now: DateTime<Utc>) -> &'static str {
    match (key.revoked_at, key.end()) {
        (Some(_), _) => "revoked",
        (None, Some(at)) if at <= now => "expired",
        _ => "valid",
    }
}

// The limits of the API.
fn overlap(text: &str) -> Result<TimeDelta, CommandError> {
    let now = SystemClock.now();
    let end = Span::parse(text).and_then(|span| span.after(now));
    let overlap = end.map(|end| end - now);
    let allowed = TimeDelta::seconds(1)..=TimeDelta::days(365);
    let overlap = overlap.filter(|overlap| allowed.contains(overlap));
    overlap.ok_or_else(|| {
        CommandError::Usage("--in must be a duration from 1s to 365d, such as 24h or 7d".into())
    })
}
