//! Paths of the API, and the ids in them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strongroom_domain::CredentialId;

use crate::error::CommandError;

pub(super) const CONFIG: &str = "/organizations/config";
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

/// The path of the credential with the label `label`.
pub(super) fn by_label(label: &str) -> String {
    let label = utf8_percent_encode(label, NON_ALPHANUMERIC);
    format!("{CREDENTIALS}/by-label/{label}")
}

/// The path of the change `action` of the value `version` of the credential with the id `text`.
pub(super) fn value(text: &str, version: i64, action: &str) -> Result<String, CommandError> {
    let credential = credential(text)?;
    Ok(format!("{credential}/versions/{version}/{action}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_segment() {
        let path = by_label("a/é 1");
        assert_eq!(path, format!("{CREDENTIALS}/by-label/a%2F%C3%A9%201"));
    }
}
