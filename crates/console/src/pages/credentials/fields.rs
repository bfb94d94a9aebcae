//! The fields of a secret: which ones there are follows from provider and type, as the rules for
//! blobs require.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use strongroom_domain::FieldError;
use strongroom_domain::blob::{JsonBlob, MergePatch, required};
use strongroom_domain::expiry::YEARS;
use strongroom_domain::json;
use strongroom_domain::json::value::Value;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_web::form::{Form, FormValue};
use zeroize::Zeroizing;

use crate::error::PageError;

/// The field of a whole blob.
const BLOB: &str = "json_blob";
/// The most bytes as which JSON has one of a text.
const ESCAPED: usize = 6;

/// A field of a form, with what was typed and what is wrong with it.
pub(super) struct Field {
    /// The name in the form and in errors.
    pub(super) name: String,
    /// The text beside it.
    pub(super) text: String,
    /// The member of the blob.
    member: &'static str,
    /// Whether what is typed is never sent back.
    pub(super) is_secret: bool,
    /// Whether it is the whole blob.
    pub(super) is_json: bool,
    pub(super) value: String,
    pub(super) error: Option<String>,
}

/// The fields of a credential.
pub(super) struct Fields {
    pub(super) label: Field,
    pub(super) expires: Field,
    pub(super) secret: Vec<Field>,
    /// What is wrong besides.
    pub(super) errors: Vec<String>,
}

/// What was typed into the fields of a secret, wiped on drop.
pub(super) struct Typed(Zeroizing<Vec<u8>>);

impl Fields {
    /// Empty ones for a credential of this provider and type.
    pub(super) fn of(provider: Provider, kind: CredentialType) -> Self {
        let members = match kind {
            CredentialType::JsonCredentials => &[],
            _ => required(provider, kind),
        };
        let mut secret: Vec<_> = members
            .iter()
            .map(|member| Field::of_member(member))
            .collect();
        if secret.is_empty() {
            secret.push(Field::of_blob());
        }
        Self {
            label: Field::plain("extcred_label", "Label"),
            expires: Field::plain("expires_at", "Expires (UTC)"),
            secret,
            errors: Vec::new(),
        }
    }

    /// Takes what was typed out of `form`. Returns the blob of the fields that are not empty, if
    /// there are any.
    ///
    /// # Errors
    /// If a field was sent twice.
    pub(super) fn take(&mut self, form: &mut Form<'_>) -> Result<Option<Typed>, PageError> {
        for field in [&mut self.label, &mut self.expires] {
            field.value = form.take(&field.name)?.unwrap_or_default().to_plain();
        }
        let mut members = Vec::new();
        for field in &mut self.secret {
            let Some(typed) = form.take(&field.name)? else {
                continue;
            };
            if field.is_json {
                return Ok(Some(Typed(Zeroizing::new(typed.as_bytes().to_vec()))));
            }
            if !field.is_secret {
                field.value = typed.to_plain();
            }
            members.push((field.member, typed));
        }
        match members.is_empty() {
            true => Ok(None),
            false => Typed::of(&members).map(Some),
        }
    }

    /// The expiry that was typed; `None` if the field is empty or wrong, which it then says.
    pub(super) fn expiry(&mut self) -> Option<DateTime<Utc>> {
        let text = self.expires.value.trim().trim_end_matches('Z');
        if text.is_empty() {
            return None;
        }
        let formats = [
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%dT%H:%M:%S%.f",
        ];
        let mut read = formats
            .iter()
            .filter_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let time = read.next().filter(|time| YEARS.contains(&time.year()));
        if time.is_none() {
            self.expires.error = Some("must be a time such as 2027-01-31T12:00".into());
        }
        time.map(|time| time.and_utc())
    }

    /// Puts each error beside its field.
    pub(super) fn add_errors(&mut self, errors: Vec<FieldError>) {
        for error in errors {
            let secret = self.secret.iter_mut();
            let mut all = secret.chain([&mut self.label, &mut self.expires]);
            // The whole blob is one field, also for errors about its members.
            let is_own = |field: &&mut Field| {
                field.name == error.field || (field.is_json && error.field.starts_with("json_blob"))
            };
            match all.find(is_own) {
                Some(field) if field.is_json && error.field != BLOB => {
                    field.error = Some(format!("{} {}", error.field, error.message));
                }
                Some(field) => field.error = Some(error.message),
                None => self
                    .errors
                    .push(format!("{} {}", error.field, error.message)),
            }
        }
    }

    /// Whether anything is wrong.
    pub(super) fn has_errors(&self) -> bool {
        let all = self.secret.iter().chain([&self.label, &self.expires]);
        !self.errors.is_empty() || all.into_iter().any(|field| field.error.is_some())
    }
}

impl Typed {
    /// No member.
    pub(super) fn nothing() -> Self {
        Self(Zeroizing::new(b"{}".to_vec()))
    }

    /// The object of these members.
    fn of(members: &[(&'static str, FormValue<'_>)]) -> Result<Self, PageError> {
        // Growing would leave copies of the secret in freed memory.
        let space =
            |(name, value): &(&str, FormValue<'_>)| ESCAPED * (name.len() + value.len()) + 6;
        let space: usize = members.iter().map(space).sum();
        let mut text = Zeroizing::new(Vec::with_capacity(space + 2));
        for (at, (name, value)) in members.iter().enumerate() {
            text.push(if at == 0 { b'{' } else { b',' });
            quote(&mut text, name)?;
            text.push(b':');
            quote(&mut text, value)?;
        }
        text.push(b'}');
        Ok(Self(text))
    }

    /// The whole blob.
    ///
    /// # Errors
    /// If it is no JSON object.
    pub(super) fn blob(&self) -> Result<JsonBlob, FieldError> {
        JsonBlob::new(self.value()?)
    }

    /// A change of the members that were typed.
    ///
    /// # Errors
    /// If it is no JSON object.
    pub(super) fn merge(&self) -> Result<MergePatch, FieldError> {
        MergePatch::new(self.value()?)
    }

    fn value(&self) -> Result<Value<'_>, FieldError> {
        let parsed = json::parse(&self.0);
        parsed.map_err(|error| FieldError::new(BLOB, error.code, error.message))
    }
}

fn quote(text: &mut Vec<u8>, part: &str) -> Result<(), PageError> {
    serde_json::to_writer(text, part).map_err(|error| PageError::defect(&error))
}

impl Field {
    fn plain(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            member: "",
            is_secret: false,
            is_json: false,
            value: String::new(),
            error: None,
        }
    }

    fn of_member(member: &'static str) -> Self {
        let (text, is_secret) = described(member);
        Self {
            member,
            is_secret,
            ..Self::plain(&format!("{BLOB}.{member}"), text)
        }
    }

    fn of_blob() -> Self {
        Self {
            is_secret: true,
            is_json: true,
            ..Self::plain(BLOB, "Credentials file, as a JSON object")
        }
    }
}

/// The text beside the field of a member, and whether the member is secret.
fn described(member: &'static str) -> (&'static str, bool) {
    match member {
        "api_key" => ("API key", true),
        "api_id" => ("API id", false),
        "client_id" => ("Client id", false),
        "client_secret" => ("Client secret", true),
        "username" => ("User name", false),
        "password" => ("Password", true),
        "access_token" => ("Access token", true),
        other => (other, true),
    }
}

/// The member that one copies of a credential of this provider and type; `None` for all of it.
pub(super) fn copied(provider: Provider, kind: CredentialType) -> Option<&'static str> {
    if kind == CredentialType::JsonCredentials {
        return None;
    }
    required(provider, kind).last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_fields_whose_blob_is_accepted_and_secrets_are_not_kept() {
        use strongroom_domain::blob::BlobValidation::Typed as Rules;
        for provider in Provider::ALL {
            for kind in CredentialType::ALL {
                let mut fields = Fields::of(*provider, *kind);
                if fields.secret[0].is_json {
                    continue;
                }
                let body: Vec<_> = fields.secret.iter().map(|field| &field.name).collect();
                let body: Vec<_> = body.iter().map(|name| format!("{name}=a%22%5C")).collect();
                let body = body.join("&");
                let typed = fields
                    .take(&mut Form::parse(body.as_bytes()))
                    .unwrap()
                    .unwrap();
                let blob = typed.blob().unwrap();
                assert_eq!(blob.errors(*provider, *kind, Rules), []);
                let copied = copied(*provider, *kind).unwrap();
                assert_eq!(blob.string(copied).unwrap().expose(), "a\"\\");
                for field in &fields.secret {
                    assert_eq!(field.value.is_empty(), field.is_secret, "{}", field.name);
                }
            }
        }
    }
}
