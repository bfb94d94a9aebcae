use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strongroom_domain::CredentialId;
use strongroom_domain::credential::CredentialInfo;

use super::format::{exact, format_time};
use crate::output;

/// A credential in a list, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ListedCredential {
    external_cred_id: String,
    organization_id: String,
    pub(super) extcred_provider: String,
    pub(super) extcred_type: String,
    pub(super) extcred_label: String,
    #[serde(default)]
    value_version: Option<i64>,
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    expires_source: Option<String>,
    /// As the id says.
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
    #[serde(default)]
    etag: Option<String>,
    #[serde(default)]
    deleted_at: Option<String>,
    #[serde(default)]
    recover_until: Option<String>,
    #[serde(default)]
    last_used_at: Option<String>,
    #[serde(default)]
    last_used_by: Option<String>,
}

impl ListedCredential {
    pub(super) fn of(item: &CredentialInfo) -> Self {
        let (last, deletion) = (item.last_used, item.deletion);
        let listed = Self {
            external_cred_id: item.id.to_string(),
            organization_id: item.org.to_string(),
            extcred_provider: item.provider.as_str().to_owned(),
            extcred_type: item.kind.as_str().to_owned(),
            extcred_label: item.label.as_str().to_owned(),
            value_version: Some(item.value_version),
            expires_at: item.expiry.map(|expiry| exact(expiry.at)),
            expires_source: item.expiry.map(|expiry| expiry.source.as_str().to_owned()),
            created_at: None,
            updated_at: Some(exact(item.updated_at)),
            etag: item.etag.map(|etag| etag.to_string()),
            deleted_at: deletion.map(|deletion| exact(deletion.at)),
            recover_until: deletion.map(|deletion| exact(deletion.recover_until)),
            last_used_at: last.map(|last| exact(last.at)),
            last_used_by: last.and_then(|last| last.by).map(|by| by.to_string()),
        };
        listed.with_creation()
    }

    /// The credential with the creation time that its id shows.
    pub(super) fn with_creation(mut self) -> Self {
        let created = created(&self.external_cred_id);
        self.created_at = created.map(format_time);
        self
    }

    /// Whether it was neither used nor created after `since`: a credential that was never used
    /// counts from its creation.
    pub(super) fn is_stale(&self, since: DateTime<Utc>) -> bool {
        let last = self.last_used();
        last.or_else(|| created(&self.external_cred_id))
            .is_none_or(|at| at < since)
    }

    /// Whether it expires before `end`.
    pub(super) fn expires_before(&self, end: DateTime<Utc>) -> bool {
        time(&self.expires_at).is_some_and(|at| at < end)
    }

    fn last_used(&self) -> Option<DateTime<Utc>> {
        time(&self.last_used_at)
    }
}

fn time(text: &Option<String>) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text.as_deref()?);
    Some(at.ok()?.to_utc())
}

fn created(id: &str) -> Option<DateTime<Utc>> {
    CredentialId::parse(id)?.created_at()
}

/// The list as a table: with `deleted`, of deleted credentials.
pub(super) fn table(items: &[ListedCredential], deleted: bool) -> String {
    let headings = [
        "CREDENTIAL_ID",
        "PROVIDER",
        "TYPE",
        "CREATED",
        "LAST_USED",
        "LAST_USED_BY",
        if deleted { "RECOVER_UNTIL" } else { "EXPIRES" },
        "LABEL",
    ];
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            let end = match deleted {
                true => &item.recover_until,
                false => &item.expires_at,
            };
            [
                item.external_cred_id.clone(),
                item.extcred_provider.clone(),
                item.extcred_type.clone(),
                or_dash(&item.created_at),
                item.last_used().map_or_else(|| "never".into(), format_time),
                or_dash(&item.last_used_by),
                time(end).map_or_else(|| "-".into(), format_time),
                item.extcred_label.clone(),
            ]
        })
        .collect();
    output::table(headings, &rows)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use strongroom_domain::kinds::{CredentialType, Provider};
    use strongroom_domain::label::Label;
    use strongroom_domain::last_used::LastUsed;
    use strongroom_domain::{Clock, OrgId, SystemClock, crypto::OsRandom};

    use super::*;

    #[test]
    fn an_unused_credential_is_stale_by_its_age() {
        let now = SystemClock.now();
        let old = now - TimeDelta::days(10);
        let item = |made, used: Option<DateTime<Utc>>| {
            ListedCredential::of(&CredentialInfo {
                id: CredentialId::new(made, &OsRandom).unwrap(),
                org: OrgId::new(made, &OsRandom).unwrap(),
                provider: Provider::Generic,
                kind: CredentialType::ApiKey,
                label: Label::default(),
                value_version: 1,
                expiry: None,
                updated_at: made,
                etag: None,
                last_used: used.map(|at| LastUsed { at, by: None }),
                deletion: None,
            })
        };
        let since = now - TimeDelta::days(5);
        assert!(item(old, None).is_stale(since));
        assert!(!item(now, None).is_stale(since));
        assert!(item(old, Some(old)).is_stale(since));
        assert!(!item(old, Some(now)).is_stale(since));
    }
}
