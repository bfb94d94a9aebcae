use chrono::{SecondsFormat, TimeDelta};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use strongroom_domain::api_key::OWN_PERMISSIONS;
use strongroom_domain::{Clock, KeyId, NewApiKey, SystemClock};

use super::new_key::KeyDestination;
use super::paths::KEYS;
use super::session::{client, waiting};
use crate::cli::{KeyCreateArgs, KeyListArgs, KeyRevokeArgs};
use crate::client::call::Call;
use crate::commands::format::{key_state, to_the_second};
use crate::commands::time::parse_time;
use crate::error::CommandError;
use crate::output;

/// Creates an API key.
pub(crate) fn create(
    args: &KeyCreateArgs,
    new: &NewApiKey,
    profile: &str,
) -> Result<(), CommandError> {
    let client = client(profile, args.org.as_deref())?;
    let destination = KeyDestination::prepare(args.output.as_deref())?;
    let body = described(new).to_string();
    let call = Call::post(KEYS, body.as_bytes());
    let answer = client.send(&waiting(call, &args.consistency))?;
    let members: Value = answer.result()?;
    let id = members["key_id"].as_str().unwrap_or_default();
    destination.put(
        &answer,
        args.json,
        &format!("Created API key {id} ({}).", new.name),
    )
}

fn described(new: &NewApiKey) -> Value {
    let limits = &new.limits;
    let mut key = json!({"name": new.name, "organizations": limits.organizations});
    match limits.role {
        Some(role) => key["role"] = json!(role),
        None => key["permissions"] = json!(limits.permissions),
    }
    if let Some(at) = new.expires_at {
        key["expires_at"] = at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into();
    }
    if !limits.networks.is_empty() {
        key["networks"] = json!(limits.networks);
    }
    if let Some(reach) = &limits.credentials {
        key["credentials"] = json!(reach);
    }
    key
}

/// Lists the API keys of an organization.
pub(crate) fn list(args: &KeyListArgs, profile: &str) -> Result<(), CommandError> {
    let client = client(profile, args.org.as_deref())?;
    let answer = client.send(&Call::get(KEYS))?;
    let keys: Vec<Value> = answer.result()?;
    let rows: Vec<_> = keys.iter().map(row).collect();
    let headings = [
        "KEY_ID",
        "ROLE",
        "ACTS_IN",
        "STATE",
        "CREATED",
        "LAST_USED",
        "NAME",
    ];
    let text = output::table(headings, &rows);
    output::answer(args.json, answer.result::<&RawValue>()?, &text);
    Ok(())
}

fn row(key: &Value) -> [String; 7] {
    let text = |member: &str| key[member].as_str().map(str::to_owned);
    let time = |member: &str| key[member].as_str().map(to_the_second);
    let at = |member: &str| key[member].as_str().and_then(parse_time);
    let end = at("ends_at").into_iter().chain(at("expires_at")).min();
    let state = key_state(at("revoked_at"), end, SystemClock.now());
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    [
        or_dash(text("key_id")),
        text("role").unwrap_or_else(|| OWN_PERMISSIONS.to_owned()),
        or_dash(text("organizations")),
        state,
        or_dash(time("created_at")),
        time("last_used_at").unwrap_or_else(|| "never".into()),
        text("name").unwrap_or_default(),
    ]
}

/// Revokes an API key, at once or after a time.
pub(crate) fn revoke(
    args: &KeyRevokeArgs,
    id: KeyId,
    after: Option<TimeDelta>,
    profile: &str,
) -> Result<(), CommandError> {
    let client = client(profile, args.org.as_deref())?;
    let mut call = Call::delete(format!("{KEYS}/{id}")).once();
    if let Some(after) = after {
        call = call.query("in", &format!("{}s", after.num_seconds()));
    }
    client.send(&waiting(call, &args.consistency))?;
    answer_revoked(args, id, client.org());
    Ok(())
}

/// Prints that the key `id` was revoked, or will end.
pub(crate) fn answer_revoked(args: &KeyRevokeArgs, id: KeyId, org: &str) {
    let mut value = json!({"key_id": id, "org_id": org, "revoked": args.after.is_none()});
    let text = match &args.after {
        None => format!("revoked API key {id}"),
        Some(after) => {
            value["ends_in"] = after.as_str().into();
            format!("API key {id} ends in {after}")
        }
    };
    output::answer(args.json, &value, &text);
}
