//! The secret part of a credential, and the members that each credential type requires.

use strongroom_crypto::{SecretBytes, SecretString};

use crate::error::{FieldError, VaultError};
use crate::json::merge::merge;
use crate::json::value::{Kind, Members, Value, members};
use crate::kinds::{CredentialType, Provider};

/// The member with a merge patch of a blob.
const MERGE: &str = "json_blob_merge";

/// The required value of `type` in a Google credentials file.
pub const GOOGLE_TYPE: &str = "service_account";

/// The rules by which a blob is validated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BlobValidation {
    /// The members that the type requires must be present, as non-empty strings.
    #[default]
    Typed,
    /// Any non-empty object is accepted.
    Object,
}

/// A credential's secret: a JSON object, stored as the exact bytes of the request, or of the
/// members that requests sent.
#[derive(Debug, Clone)]
pub struct JsonBlob(SecretBytes);

impl JsonBlob {
    /// Creates a blob from `value`, which must be an object.
    ///
    /// # Errors
    /// A [`FieldError`] on `json_blob`: `wrong_type`.
    pub fn new(value: Value<'_>) -> Result<Self, FieldError> {
        object("json_blob", value).map(Self)
    }

    /// A blob that was opened, and so is an object.
    pub(crate) fn opened(blob: SecretBytes) -> Self {
        Self(blob)
    }

    /// The plaintext bytes, for sealing.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// The non-empty string that the blob has under `name`, or under its spelling in
    /// [`camel_case`].
    #[must_use]
    pub fn string(&self, name: &str) -> Option<SecretString> {
        let members = members(self.expose())?;
        let camel = camel_case(name);
        let named = |(member, _): &&(_, _)| *member == name || *member == camel;
        let texts = members.iter().filter(named);
        let mut texts = texts.filter_map(|(_, value)| value.as_string());
        let text = texts.find(|text| !text.is_empty())?;
        Some(SecretString::new(text.as_str().to_owned()))
    }

    /// Validates the blob for `provider` and `kind`. Returns all errors.
    #[must_use]
    pub fn errors(
        &self,
        provider: Provider,
        kind: CredentialType,
        rules: BlobValidation,
    ) -> Vec<FieldError> {
        // Only parsed JSON objects become blobs, so this parse does not fail.
        let members = members(self.expose()).unwrap_or_default();
        let mut errors = Vec::new();
        if rules == BlobValidation::Typed {
            let required = required(provider, kind).iter();
            errors.extend(required.filter_map(|name| missing(&members, name, kind)));
            if provider == Provider::Google && kind == CredentialType::JsonCredentials {
                errors.extend(not_a_service_account(&members));
            }
        }
        if members.is_empty() && errors.is_empty() {
            errors.push(FieldError::new("json_blob", "empty", "must not be empty"));
        }
        errors
    }
}

/// A JSON Merge Patch (RFC 7396) of a blob: an object.
#[derive(Debug, Clone)]
pub struct MergePatch(SecretBytes);

impl MergePatch {
    /// Creates a patch from `value`, which must be an object.
    ///
    /// # Errors
    /// A [`FieldError`] on `json_blob_merge`: `wrong_type`.
    pub fn new(value: Value<'_>) -> Result<Self, FieldError> {
        object(MERGE, value).map(Self)
    }

    /// The blob `current`, changed by this patch, if it has at most `max` bytes.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] on `json_blob_merge`: `too_large`.
    pub(crate) fn applied_to(&self, current: &[u8], max: usize) -> Result<JsonBlob, VaultError> {
        let merged = merge(current, self.0.expose());
        let merged = merged.ok_or_else(|| VaultError::Internal("a blob is no JSON".into()))?;
        if merged.len() > max {
            let message = format!("would make json_blob larger than {max} bytes");
            let error = FieldError::new(MERGE, "too_large", message);
            return Err(VaultError::Invalid(vec![error]));
        }
        Ok(JsonBlob(SecretBytes::new(merged.as_bytes().to_vec())))
    }
}

fn object(field: &str, value: Value<'_>) -> Result<SecretBytes, FieldError> {
    if value.kind() != Kind::Object {
        let message = format!("must be an object, and is {}", value.kind());
        return Err(FieldError::new(field, "wrong_type", message));
    }
    Ok(SecretBytes::new(value.text().as_bytes().to_vec()))
}

/// The members that a credential of this provider and type must contain, as non-empty strings,
/// under [`BlobValidation::Typed`]. Each may also be spelled in [`camel_case`].
#[must_use]
pub fn required(provider: Provider, kind: CredentialType) -> &'static [&'static str] {
    match kind {
        CredentialType::ApiKey => &["api_key"],
        CredentialType::ClientCredentials => &["client_id", "client_secret"],
        CredentialType::UserPass => &["username", "password"],
        CredentialType::ApiIdAccess => &["api_id", "api_key"],
        CredentialType::AccessToken => &["access_token"],
        CredentialType::JsonCredentials if provider == Provider::Google => {
            &["type", "project_id", "private_key", "client_email"]
        }
        CredentialType::JsonCredentials => &[],
    }
}

// Both spellings of a name are accepted. One usable value is sufficient.
fn missing(members: &Members<'_>, name: &str, kind: CredentialType) -> Option<FieldError> {
    let camel = camel_case(name);
    let candidates: Vec<_> = members
        .iter()
        .filter(|(member, _)| member == name || *member == camel)
        .collect();
    let usable = |value: &Value<'_>| value.as_string().is_some_and(|text| !text.is_empty());
    if candidates.iter().any(|(_, value)| usable(value)) {
        return None;
    }
    let kind = kind.as_str();
    Some(match candidates.first() {
        None => FieldError::new(
            format!("json_blob.{name}"),
            "required",
            format!("is required for extcred_type {kind}, as a non-empty string"),
        ),
        Some((member, value)) if value.kind() == Kind::String => FieldError::new(
            format!("json_blob.{member}"),
            "empty",
            format!("must not be empty for extcred_type {kind}"),
        ),
        Some((member, value)) => FieldError::new(
            format!("json_blob.{member}"),
            "wrong_type",
            format!("must be a non-empty string, and is {}", value.kind()),
        ),
    })
}

fn not_a_service_account(members: &Members<'_>) -> Option<FieldError> {
    let (_, value) = members.iter().find(|(name, _)| name == "type")?;
    let text = value.as_string().filter(|text| !text.is_empty())?;
    (text.as_str() != GOOGLE_TYPE).then(|| {
        FieldError::new(
            "json_blob.type",
            "invalid_value",
            "must be service_account, as in the key file that Google issues",
        )
    })
}

/// Converts `client_id` to `clientId`.
#[must_use]
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        camel.extend(word.chars().next().map(|c| c.to_ascii_uppercase()));
        camel.push_str(word.get(1..).unwrap_or_default());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(provider: Provider, kind: CredentialType, text: &str) -> Vec<(String, &'static str)> {
        let blob = JsonBlob::new(crate::json::parse(text.as_bytes()).unwrap()).unwrap();
        blob.errors(provider, kind, BlobValidation::Typed)
            .into_iter()
            .map(|error| (error.field, error.code))
            .collect()
    }

    #[test]
    fn every_type_reports_all_missing_members() {
        let expected = [
            (CredentialType::ApiKey, vec!["api_key"]),
            (
                CredentialType::ClientCredentials,
                vec!["client_id", "client_secret"],
            ),
            (CredentialType::UserPass, vec!["username", "password"]),
            (CredentialType::ApiIdAccess, vec!["api_id", "api_key"]),
            (CredentialType::AccessToken, vec!["access_token"]),
            (CredentialType::JsonCredentials, vec![]),
        ];
        for (kind, fields) in expected {
            let found: Vec<_> = errors(Provider::Generic, kind, r#"{"other":1}"#)
                .into_iter()
                .map(|(field, _)| field)
                .collect();
            let fields: Vec<_> = fields
                .iter()
                .map(|name| format!("json_blob.{name}"))
                .collect();
            assert_eq!(found, fields);
        }
    }

    #[test]
    fn camel_case_and_additional_members_are_accepted() {
        let blob = r#"{"clientId":"i","clientSecret":"s","webhook_token":"w","n":1e400}"#;
        assert_eq!(
            errors(Provider::Shopify, CredentialType::ClientCredentials, blob),
            []
        );
    }

    #[test]
    fn one_usable_spelling_is_enough() {
        let blob = r#"{"apiKey":"","api_key":"k"}"#;
        assert_eq!(errors(Provider::Generic, CredentialType::ApiKey, blob), []);
    }

    #[test]
    fn empty_values_and_wrong_kinds_have_different_errors() {
        let blob = r#"{"username":"","password":7}"#;
        assert_eq!(
            errors(Provider::Generic, CredentialType::UserPass, blob),
            [
                ("json_blob.username".to_owned(), "empty"),
                ("json_blob.password".to_owned(), "wrong_type")
            ]
        );
    }

    #[test]
    fn a_google_file_must_be_a_service_account() {
        let kind = CredentialType::JsonCredentials;
        let full =
            r#"{"type":"service_account","project_id":"p","private_key":"k","client_email":"e"}"#;
        assert_eq!(errors(Provider::Google, kind, full), []);
        let user =
            r#"{"type":"authorized_user","project_id":"p","private_key":"k","client_email":"e"}"#;
        assert_eq!(
            errors(Provider::Google, kind, user),
            [("json_blob.type".to_owned(), "invalid_value")]
        );
        assert_eq!(
            errors(Provider::Google, kind, r#"{"type":"service_account"}"#).len(),
            3
        );
    }

    #[test]
    fn only_non_empty_objects_are_accepted() {
        for text in ["[]", "null", "\"x\"", "1"] {
            let error = JsonBlob::new(crate::json::parse(text.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(error.code, "wrong_type", "{text}");
        }
        let empty = JsonBlob::new(crate::json::parse(b"{}").unwrap()).unwrap();
        for (kind, rules) in [
            (CredentialType::JsonCredentials, BlobValidation::Typed),
            (CredentialType::ApiKey, BlobValidation::Object),
        ] {
            assert_eq!(
                empty.errors(Provider::Generic, kind, rules)[0].code,
                "empty"
            );
        }
    }
}
