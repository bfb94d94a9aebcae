use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::{Clock, CredentialId, SystemClock};

use super::format::format_time;
use super::time::Span;
use crate::cli::CredentialCommand;
use crate::error::CommandError;
use crate::{callers, open_vault, output};

/// `strongroom credential …`.
pub(super) async fn run(command: CredentialCommand) -> Result<(), CommandError> {
    let CredentialCommand::List {
        vault,
        org,
        unused_since,
        json,
    } = command;
    let caller = callers::operator(&org)?;
    let unused_since = unused_since.as_deref().map(time_before).transpose()?;
    let vault = open_vault::for_command(&vault).await?;
    let mut after = None;
    let mut listed = Vec::new();
    loop {
        let page = vault.inspect_credentials(&caller, after).await;
        let page = page.map_err(|error| CommandError::about(error, "organization", &org))?;
        let stale = |item: &CredentialInfo| unused_since.is_none_or(|since| is_stale(item, since));
        listed.extend(page.items.into_iter().filter(stale));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let values: Vec<_> = listed.iter().map(described).collect();
    output::answer(json, &values, &table(&listed));
    Ok(())
}

// A credential that was never used counts from its creation: a new one is not stale.
fn is_stale(item: &CredentialInfo, since: DateTime<Utc>) -> bool {
    let last = item.last_used.map(|last| last.at);
    last.or_else(|| created(item.id))
        .is_none_or(|at| at < since)
}

// The timestamp of a UUIDv7, RFC 9562 § 5.7.
fn created(id: CredentialId) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.0.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

fn described(item: &CredentialInfo) -> Value {
    let last = item.last_used;
    let exact = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({
        "external_cred_id": item.id,
        "organization_id": item.org,
        "extcred_provider": item.provider,
        "extcred_type": item.kind,
        "extcred_label": item.label,
        "created_at": created(item.id).map(format_time),
        "last_used_at": last.map(|last| exact(last.at)),
        "last_used_by": last.and_then(|last| last.by),
    })
}

fn table(items: &[CredentialInfo]) -> String {
    let headings = [
        "CREDENTIAL_ID",
        "PROVIDER",
        "TYPE",
        "CREATED",
        "LAST_USED",
        "LAST_USED_BY",
        "LABEL",
    ];
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            let last = item.last_used;
            let by = last.and_then(|last| last.by);
            [
                item.id.to_string(),
                item.provider.as_str().to_owned(),
                item.kind.as_str().to_owned(),
                created(item.id).map_or_else(|| "-".into(), format_time),
                last.map_or_else(|| "never".into(), |last| format_time(last.at)),
                by.map_or_else(|| "-".into(), |by| by.to_string()),
                item.label.as_str().to_owned(),
            ]
        })
        .collect();
    output::table(headings, &rows)
}

fn time_before(span: &str) -> Result<DateTime<Utc>, CommandError> {
    let span = Span::parse(span);
    let since = span.and_then(|span| span.before(SystemClock.now()));
    since.ok_or_else(|| {
        CommandError::Usage("--unused-since must be a duration, such as 90d, 12h or 1y".into())
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use strongroom_domain::kinds::{CredentialType, Provider};
    use strongroom_domain::label::Label;
    use strongroom_domain::last_used::LastUsed;
    use strongroom_domain::{OrgId, crypto::OsRandom};

    use super::*;

    #[test]
    fn an_unused_credential_is_stale_by_its_age() {
        let now = SystemClock.now();
        let old = now - TimeDelta::days(10);
        let item = |made, used: Option<DateTime<Utc>>| CredentialInfo {
            id: CredentialId::new(made, &OsRandom).unwrap(),
            org: OrgId::new(made, &OsRandom).unwrap(),
            provider: Provider::Generic,
            kind: CredentialType::ApiKey,
            label: Label::default(),
            last_used: used.map(|at| LastUsed { at, by: None }),
        };
        let since = now - TimeDelta::days(5);
        assert!(is_stale(&item(old, None), since));
        assert!(!is_stale(&item(now, None), since));
        assert!(is_stale(&item(old, Some(old)), since));
        assert!(!is_stale(&item(old, Some(now)), since));
    }
}
