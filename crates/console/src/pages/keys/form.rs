//! What the form for a new key contains.

use std::net::IpAddr;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use ipnet::IpNet;
use strongroom_domain::api_key::StoredApiKey;
use strongroom_domain::api_key::limits::{KeyLimits, OrganizationReach};
use strongroom_domain::api_key::reach::CredentialReach;
use strongroom_domain::expiry::YEARS;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::permission::{Permission, PermissionSet, Role};
use strongroom_domain::{CredentialId, KeyId, NewApiKey};
use strongroom_web::form::Form;

use crate::checkboxes::ticked;
use crate::error::PageError;
use crate::form_errors::FormErrors;

/// The most ids, and networks, of a key, as in the API.
const MAX_LISTED: usize = 1000;
/// How an input of the type `datetime-local` writes times.
const MINUTES: &str = "%Y-%m-%dT%H:%M";

/// For how long a key can outlive its successor: what a form sends, and what it shows.
pub(super) const OVERLAPS: [(&str, &str, TimeDelta); 4] = [
    ("1h", "in 1 hour", TimeDelta::hours(1)),
    ("24h", "in 24 hours", TimeDelta::hours(24)),
    ("7d", "in 7 days", TimeDelta::days(7)),
    ("30d", "in 30 days", TimeDelta::days(30)),
];

/// The overlap that a form sends as `text`.
pub(super) fn overlap(text: &str) -> Option<TimeDelta> {
    let found = OVERLAPS.iter().find(|(sent, _, _)| *sent == text);
    found.map(|(_, _, overlap)| *overlap)
}

/// What the form for a new key contains.
#[derive(Default)]
pub(super) struct KeyForm {
    pub(super) name: String,
    /// The name of a role; empty for permissions of the key's own.
    pub(super) role: String,
    pub(super) permissions: Vec<Permission>,
    pub(super) providers: Vec<Provider>,
    pub(super) types: Vec<CredentialType>,
    pub(super) label_prefix: String,
    pub(super) ids: String,
    pub(super) networks: String,
    pub(super) organizations: String,
    pub(super) expires_at: String,
    /// The key that ends after the new one is issued.
    pub(super) replaces: Option<KeyId>,
    pub(super) overlap: String,
}

impl KeyForm {
    /// The fields of the form.
    ///
    /// # Errors
    /// 400 if one was sent twice.
    pub(super) fn take(form: &mut Form<'_>) -> Result<Self, PageError> {
        let mut text = |name: &str| form.take(name).map(Option::unwrap_or_default);
        let typed = Self {
            name: text("name")?.trim().to_owned(),
            role: text("role")?.to_plain(),
            label_prefix: text("label_prefix")?.to_plain(),
            ids: text("ids")?.to_plain(),
            networks: text("networks")?.to_plain(),
            organizations: text("organizations")?.to_plain(),
            expires_at: text("expires_at")?.to_plain(),
            replaces: replaced(&text("replaces")?)?,
            overlap: text("overlap")?.to_plain(),
            ..Self::default()
        };
        Ok(Self {
            permissions: ticked(form, Permission::ALL, |one| one.as_str())?,
            providers: ticked(form, Provider::ALL, |one| one.as_str())?,
            types: ticked(form, CredentialType::ALL, |one| one.as_str())?,
            ..typed
        })
    }

    /// The form for a successor of `key`.
    pub(super) fn successor(key: &StoredApiKey, now: DateTime<Utc>) -> Self {
        let limits = &key.limits;
        let reach = limits.credentials.clone().unwrap_or_default();
        let role = limits.role.map_or("", Role::as_str).to_owned();
        let expires_at = key.expires_at.filter(|at| *at > now);
        Self {
            name: key.name.clone(),
            permissions: match limits.role {
                Some(_) => Vec::new(),
                None => limits.permissions.iter().collect(),
            },
            role,
            providers: reach.providers.unwrap_or_default(),
            types: reach.types.unwrap_or_default(),
            label_prefix: reach.label_prefix.unwrap_or_default(),
            ids: lines(&reach.ids.unwrap_or_default()),
            networks: lines(&limits.networks),
            organizations: limits.organizations.as_str().to_owned(),
            expires_at: expires_at.map_or(String::new(), |at| at.format(MINUTES).to_string()),
            replaces: Some(key.id),
            overlap: "24h".to_owned(),
        }
    }

    /// The key that the fields describe; `None` if something is wrong with them, which `errors`
    /// then contains.
    pub(super) fn read(&self, errors: &mut FormErrors) -> Option<NewApiKey> {
        let (role, permissions) = self.permissions(errors);
        let networks = listed(&self.networks, |text| {
            network(text).ok_or("must be networks such as 10.0.0.0/8, one on each line")
        });
        let expires_at = errors.check("expires_at", self.expires_at());
        let organizations = match self.organizations.as_str() {
            "" => Some(OrganizationReach::Own),
            text => {
                let reach = OrganizationReach::parse(text);
                let must_be = || format!("must be {}", OrganizationReach::choices());
                errors.check("organizations", reach.ok_or_else(must_be))
            }
        };
        let networks = errors.check("networks", networks);
        let limits = KeyLimits {
            role,
            permissions,
            credentials: self.reach(errors),
            networks: networks.unwrap_or_default(),
            organizations: organizations.unwrap_or(OrganizationReach::Own),
        };
        errors.is_empty().then(|| NewApiKey {
            name: self.name.clone(),
            limits,
            expires_at: expires_at.flatten(),
        })
    }

    fn permissions(&self, errors: &mut FormErrors) -> (Option<Role>, PermissionSet) {
        match (Role::parse(&self.role), self.permissions.as_slice()) {
            (Some(role), []) => (Some(role), role.permissions()),
            (Some(_), _) => {
                errors.add("permissions", "cannot be used together with a role");
                (None, PermissionSet::default())
            }
            (None, ticked) => {
                if !self.role.is_empty() {
                    errors.add("role", format!("must be {}", Role::choices()));
                }
                (None, ticked.iter().copied().collect())
            }
        }
    }

    fn reach(&self, errors: &mut FormErrors) -> Option<CredentialReach> {
        let prefix = Label::parse(&self.label_prefix).map_err(|error| error.message);
        errors.check("label_prefix", prefix);
        let ids = listed(&self.ids, |text| {
            CredentialId::parse(text).ok_or("must be ids of credentials, one on each line")
        });
        let ids = errors.check("ids", ids).unwrap_or_default();
        let reach = CredentialReach {
            providers: some(self.providers.clone()),
            types: some(self.types.clone()),
            label_prefix: Some(self.label_prefix.clone()).filter(|prefix| !prefix.is_empty()),
            ids: some(ids),
        };
        (reach != CredentialReach::default()).then_some(reach)
    }

    fn expires_at(&self) -> Result<Option<DateTime<Utc>>, String> {
        let text = self.expires_at.trim().trim_end_matches('Z');
        if text.is_empty() {
            return Ok(None);
        }
        let formats = [MINUTES, "%Y-%m-%dT%H:%M:%S"].into_iter();
        let mut read = formats.filter_map(|one| NaiveDateTime::parse_from_str(text, one).ok());
        let time = read.next().filter(|time| YEARS.contains(&time.year()));
        let time = time.ok_or("must be a time such as 2027-01-31T12:00")?;
        Ok(Some(time.and_utc()))
    }
}

/// The key that a form says is replaced.
///
/// # Errors
/// 400 if what it says is no id.
fn replaced(text: &str) -> Result<Option<KeyId>, PageError> {
    match text {
        "" => Ok(None),
        text => {
            let id = KeyId::parse(text);
            id.map(Some).ok_or_else(PageError::incomplete_form)
        }
    }
}

// A single address is the network that contains only it.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.map(|network| network.trunc())
}

fn listed<T>(text: &str, read: impl Fn(&str) -> Result<T, &'static str>) -> Result<Vec<T>, String> {
    let items = text.split([',', ' ', '\n', '\r', '\t']);
    let items: Vec<_> = items.filter(|item| !item.is_empty()).collect();
    if items.len() > MAX_LISTED {
        return Err(format!("must be at most {MAX_LISTED}"));
    }
    Ok(items.into_iter().map(read).collect::<Result<_, _>>()?)
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn lines(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join("\n")
}
