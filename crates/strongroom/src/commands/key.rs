use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use strongroom_domain::api_key::OWN_PERMISSIONS;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::permission::Role;
use strongroom_domain::replication::Level;
use strongroom_domain::{Clock, KeyId, NewApiKey, SystemClock};

use super::format::format_time;
use super::time::{Span, parse_time};
use crate::cli::KeyCommand;
use crate::error::CommandError;
use crate::settings::args::VaultArgs;
use crate::{callers, open_vault, output};

/// `strongroom key …`.
pub(super) async fn run(command: KeyCommand) -> Result<(), CommandError> {
    match command {
        KeyCommand::Create {
            vault,
            org,
            role,
            name,
            expires,
            descendants,
            json,
        } => {
            let key = NewKey {
                role: &role,
                name: &name,
                expires: expires.as_deref(),
                descendants,
            };
            create(&vault, &org, key, json).await
        }
        KeyCommand::List { vault, org, json } => list(&vault, &org, json).await,
        KeyCommand::Revoke {
            vault,
            org,
            key,
            json,
        } => revoke(&vault, &org, &key, json).await,
    }
}

struct NewKey<'a> {
    role: &'a str,
    name: &'a str,
    expires: Option<&'a str>,
    descendants: bool,
}

async fn create(
    args: &VaultArgs,
    org: &str,
    key: NewKey<'_>,
    json: bool,
) -> Result<(), CommandError> {
    let caller = callers::operator(org)?;
    let role = Role::parse(key.role)
        .ok_or_else(|| CommandError::Usage(format!("--role must be {}", Role::choices())))?;
    let expires = key.expires.map(expiry).transpose()?;
    let vault = open_vault::for_command(args).await?;
    let new = NewApiKey {
        name: key.name.to_owned(),
        limits: KeyLimits {
            organizations: match key.descendants {
                true => OrganizationReach::Descendants,
                false => OrganizationReach::Own,
            },
            ..KeyLimits::of_role(role)
        },
        expires_at: expires,
    };
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
    output::answer(json, &value, &text);
    Ok(())
}

async fn list(args: &VaultArgs, org: &str, json: bool) -> Result<(), CommandError> {
    let caller = callers::operator(org)?;
    let vault = open_vault::for_command(args).await?;
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
    output::answer(json, &values, &table(&keys, last_used));
    Ok(())
}

async fn revoke(args: &VaultArgs, org: &str, key: &str, json: bool) -> Result<(), CommandError> {
    let caller = callers::operator(org)?;
    let id = KeyId::parse(key).ok_or_else(|| {
        let problem = "--key must be the id of a key, as shown by `strongroom key list`";
        CommandError::Usage(problem.into())
    })?;
    let vault = open_vault::for_command(args).await?;
    let revoked = vault.revoke_api_key(&caller, id, Level::LocalRegion).await;
    let what = "API key in this organization";
    let revoked = revoked.map_err(|error| CommandError::about(error, what, key))?;
    revoked.without_waiting();
    let value = json!({"key_id": id, "org_id": caller.org(), "revoked": true});
    output::answer(json, &value, &format!("revoked API key {id}"));
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
                state_until(key, now),
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
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(at)) if at <= now => "expired",
        _ => "valid",
    }
}

fn state_until(key: &StoredApiKey, now: DateTime<Utc>) -> String {
    let state = state(key, now);
    match (key.revoked_at, key.expires_at) {
        (None, Some(at)) if at > now => format!("{state} until {}", format_time(at)),
        (Some(at), _) | (None, Some(at)) => format!("{state} {}", format_time(at)),
        (None, None) => state.to_owned(),
    }
}

fn expiry(text: &str) -> Result<DateTime<Utc>, CommandError> {
    parse_expiry(text, SystemClock.now()).ok_or_else(|| {
        let problem = "--expires must be a date (2027-01-31), a time (2027-01-31T12:00:00Z) \
                       or a duration (90d, 12h, 1y)";
        CommandError::Usage(problem.into())
    })
}

fn parse_expiry(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    parse_time(text).or_else(|| Span::parse(text)?.after(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_a_date_a_time_or_a_duration() {
        let now = DateTime::UNIX_EPOCH;
        let shown = |text| parse_expiry(text, now).map(format_time);
        assert_eq!(shown("2027-01-31").as_deref(), Some("2027-01-31T00:00:00Z"));
        assert_eq!(
            shown("2027-01-31T12:00:00+02:00").as_deref(),
            Some("2027-01-31T10:00:00Z")
        );
        assert_eq!(shown("1d").as_deref(), Some("1970-01-02T00:00:00Z"));
        for bad in ["", "tomorrow", "2027-13-01", "99999999999999d", "-1d"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
