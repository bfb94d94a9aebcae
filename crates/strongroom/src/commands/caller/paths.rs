//! Paths of the API, and the ids in them.

use strongroom_domain::CredentialId;

use crate::error::CommandError;

pub(super) const CREDENTIALS: &str = "/organizations/config/external-credentials";
pub(super) const KEYS: &str = "/organizations/api-keys";
pub(super) const ORGANIZATIONS: &str = "/organizations";
pub(super) const RESTORE: &str = "/organizations/restore";
pub(super) const SUBORGANIZATIONS: &str = "/organizations/suborganizations";

/// The path of the credential with the id `text`.
pub(super) fn credential(text: &str) -> Result<String, CommandError> {
    let id = CredentialId::parse(text).ok_or_else(|| {
        CommandError::Usage(format!(
            "{text:?} is not the id of a credential, as shown by `strongroom credential list`"
        ))
    })?;
    Ok(format!("{CREDENTIALS}/{id}"))
}
