//! What the forms of a client contain.

use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::oauth::client::{DEFAULT_TOKEN_DURATION, StoredClient, TOKEN_DURATIONS};
use strongroom_domain::permission::Permission;
use strongroom_web::form::Form;

use crate::checkboxes::ticked;
use crate::error::PageError;
use crate::form_errors::FormErrors;

/// What the forms of a client contain.
pub(super) struct ClientForm {
    pub(super) name: String,
    pub(super) scopes: Vec<Permission>,
    pub(super) seconds: String,
    pub(super) organizations: String,
}

impl ClientForm {
    /// The form for a new client.
    pub(super) fn empty() -> Self {
        Self {
            name: String::new(),
            scopes: Vec::new(),
            seconds: DEFAULT_TOKEN_DURATION.to_string(),
            organizations: String::new(),
        }
    }

    /// The form for a change of `client`.
    pub(super) fn of(client: &StoredClient) -> Self {
        Self {
            name: client.name.clone(),
            scopes: client.limits.permissions.iter().collect(),
            seconds: client.access_token_duration.to_string(),
            organizations: client.limits.organizations.as_str().to_owned(),
        }
    }

    /// The fields of the form.
    ///
    /// # Errors
    /// 400 if one was sent twice.
    pub(super) fn take(form: &mut Form<'_>) -> Result<Self, PageError> {
        let mut text = |name: &str| form.take(name).map(Option::unwrap_or_default);
        Ok(Self {
            name: text("client_name")?.trim().to_owned(),
            seconds: text("access_token_duration")?.trim().to_owned(),
            organizations: text("organizations")?.to_plain(),
            scopes: ticked(form, Permission::ALL, |one| one.as_str())?,
        })
    }

    /// The organizations in which the client acts.
    pub(super) fn reach(&self) -> OrganizationReach {
        OrganizationReach::parse(&self.organizations).unwrap_or(OrganizationReach::Own)
    }

    /// The seconds for which its access tokens are valid, whose range the vault checks.
    pub(super) fn seconds(&self, errors: &mut FormErrors) -> Option<i64> {
        let read = self.seconds.parse();
        let (least, most) = TOKEN_DURATIONS;
        let range = format!("must be a whole number of seconds from {least} to {most}");
        let read = read.map_err(|_| range);
        errors.check("access_token_duration", read)
    }
}
