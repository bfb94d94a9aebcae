//! Data of the Pieces API: a user's OpenAI key and its attributes.

use strongroom_crypto::SecretString;
use zeroize::Zeroizing;

use crate::blob::JsonBlob;
use crate::error::FieldError;
use crate::json::value::{Kind, Value, members, printable_name};

/// The maximum length of a user name, in characters.
pub const MAX_USER_CHARS: usize = 256;

/// The valid values of a schema's `semantic`.
pub const SEMANTICS: [&str; 2] = ["UNKNOWN", "MAJOR_0_MINOR_0_PATCH_1"];

/// The members of `open_AI`, in the order of responses.
const MEMBERS: [&str; 4] = ["api_key", "api_key_name", "organization_key", "schema"];
/// The alternative spelling of `api_key`, which the credentials API also accepts.
const API_KEY_CAMEL: &str = "apiKey";

/// A user name: 1 to [`MAX_USER_CHARS`] characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PiecesUser(String);

impl PiecesUser {
    /// Validates `text`.
    ///
    /// # Errors
    /// A [`FieldError`] on `user`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let error = |code, message: String| Err(FieldError::new("user", code, message));
        if text.is_empty() {
            return error("empty", "must not be empty".into());
        }
        let count = text.chars().count();
        if count > MAX_USER_CHARS {
            return error(
                "too_long",
                format!("must have at most {MAX_USER_CHARS} characters, and has {count}"),
            );
        }
        if text.chars().any(char::is_control) {
            return error(
                "control_character",
                "must not contain control characters".into(),
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The text of the user name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The `open_AI` object: a subset of its members, each as the JSON text of the request.
#[derive(Debug, Clone, Default)]
pub struct OpenAi(Vec<(&'static str, SecretString)>);

impl OpenAi {
    /// Parses the `open_AI` object of a request. A null member counts as absent.
    ///
    /// # Errors
    /// All errors, each as a [`FieldError`] on `open_AI` or one of its members.
    pub fn parse(value: Value<'_>) -> Result<Self, Vec<FieldError>> {
        let Some(given) = value.members().filter(|_| value.kind() == Kind::Object) else {
            let message = format!("must be an object, and is {}", value.kind());
            return Err(vec![FieldError::new("open_AI", "wrong_type", message)]);
        };
        let mut errors = Vec::new();
        let mut members = Vec::new();
        for (name, value) in given {
            let field = format!("open_AI.{}", printable_name(&name));
            let Some(known) = MEMBERS.iter().find(|known| **known == name) else {
                errors.push(FieldError::new(
                    field,
                    "unknown_field",
                    "is not a known field",
                ));
                continue;
            };
            if value.kind() == Kind::Null {
                continue;
            }
            match check_member(known, value) {
                None => members.push((*known, SecretString::new(value.text().to_owned()))),
                Some((code, message)) => errors.push(FieldError::new(field, code, message)),
            }
        }
        if errors.is_empty() {
            Ok(Self(members))
        } else {
            Err(errors)
        }
    }

    /// The `open_AI` object in a stored blob.
    #[must_use]
    pub fn of_blob(blob: &[u8]) -> Self {
        let members = members(blob).unwrap_or_default();
        let text = |name: &str| {
            let found = members.iter().find(|(member, _)| member == name);
            found.map(|(_, value)| SecretString::new(value.text().to_owned()))
        };
        let mut known = Vec::new();
        for name in MEMBERS {
            let camel = || text(API_KEY_CAMEL).filter(|_| name == "api_key");
            known.extend(text(name).or_else(camel).map(|text| (name, text)));
        }
        Self(known)
    }

    /// Whether it contains an `api_key`.
    #[must_use]
    pub fn has_api_key(&self) -> bool {
        self.0.iter().any(|(name, _)| *name == "api_key")
    }

    /// A copy without `api_key`.
    #[must_use]
    pub fn without_api_key(mut self) -> Self {
        self.0.retain(|(name, _)| *name != "api_key");
        self
    }

    /// The members with their JSON text, for the response.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.expose()))
    }

    /// The blob with these members, and those members of `current` that they do not replace.
    ///
    /// # Errors
    /// A [`FieldError`] on `open_AI.api_key` if the blob would not contain one.
    pub fn blob(&self, current: Option<&[u8]>) -> Result<JsonBlob, FieldError> {
        let kept = current.and_then(members).unwrap_or_default();
        let replaced = |name: &str| {
            let name = if name == API_KEY_CAMEL {
                "api_key"
            } else {
                name
            };
            self.0.iter().any(|(member, _)| *member == name)
        };
        let kept = kept.iter().filter(|(name, _)| !replaced(name));
        let kept = kept.map(|(name, value)| (&**name, value.text()));
        let blob = object(kept.chain(self.members().map(|(name, text)| (name as &str, text))));
        let value = crate::json::parse(blob.as_bytes())
            .map_err(|error| FieldError::new("open_AI", error.code, error.message))?;
        if !Self::of_blob(blob.as_bytes()).has_api_key() {
            let message = "is required: the result would have no API key";
            return Err(FieldError::new("open_AI.api_key", "required", message));
        }
        JsonBlob::new(value)
    }
}

fn check_member(name: &str, value: Value<'_>) -> Option<(&'static str, String)> {
    if name == "schema" {
        return check_schema(value);
    }
    match value.as_string() {
        None => Some((
            "wrong_type",
            format!("must be a string, and is {}", value.kind()),
        )),
        Some(text) if name == "api_key" && text.is_empty() => {
            Some(("empty", "must not be empty".into()))
        }
        Some(_) => None,
    }
}

/// Validates an `EmbeddedModelSchema`, which requires an integer `migration` and a known
/// `semantic`. Returns the code and message of the error.
#[must_use]
pub fn check_schema(value: Value<'_>) -> Option<(&'static str, String)> {
    let members = value.members().unwrap_or_default();
    let member = |name: &str| members.iter().find(|(member, _)| member == name);
    let integer = |value: &Value<'_>| {
        let digits = value.text().strip_prefix('-').unwrap_or(value.text());
        digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let known = |value: &Value<'_>| {
        let text = value.as_string();
        text.is_some_and(|text| SEMANTICS.contains(&text.as_str()))
    };
    let migration = member("migration").is_some_and(|(_, value)| integer(value));
    let semantic = member("semantic").is_some_and(|(_, value)| known(value));
    (!(migration && semantic)).then(|| {
        let message = "must be an object with an integer migration and a semantic of UNKNOWN or \
                       MAJOR_0_MINOR_0_PATCH_1";
        ("invalid_value", message.to_owned())
    })
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push('{');
    for (name, value) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(name).to_string());
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_ai(text: &str) -> OpenAi {
        OpenAi::parse(crate::json::parse(text.as_bytes()).unwrap()).unwrap()
    }

    fn merged(change: &str, current: &str) -> String {
        let blob = open_ai(change).blob(Some(current.as_bytes())).unwrap();
        String::from_utf8(blob.expose().to_vec()).unwrap()
    }

    #[test]
    fn present_members_replace_and_absent_ones_stay() {
        let current = r#"{"api_key":"a","api_key_name":"n","more":1e400}"#;
        assert_eq!(
            merged(r#"{"api_key":"b"}"#, current),
            r#"{"api_key_name":"n","more":1e400,"api_key":"b"}"#
        );
        assert_eq!(merged("{}", current), current);
        assert_eq!(
            merged(r#"{"api_key":"b"}"#, r#"{"apiKey":"a"}"#),
            r#"{"api_key":"b"}"#
        );
    }

    #[test]
    fn a_blob_requires_an_api_key() {
        let error = open_ai(r#"{"api_key_name":"n"}"#).blob(None).unwrap_err();
        assert_eq!(error.field, "open_AI.api_key");
        assert!(open_ai("{}").blob(Some(br#"{"apiKey":"a"}"#)).is_ok());
    }

    #[test]
    fn errors_name_the_member() {
        for (text, field) in [
            ("[]", "open_AI"),
            (r#"{"api_key":1}"#, "open_AI.api_key"),
            (r#"{"api_key":""}"#, "open_AI.api_key"),
            (r#"{"organization_key":{}}"#, "open_AI.organization_key"),
            (
                r#"{"schema":{"migration":"0","semantic":"UNKNOWN"}}"#,
                "open_AI.schema",
            ),
            (
                r#"{"schema":{"migration":0,"semantic":"NEW"}}"#,
                "open_AI.schema",
            ),
            (r#"{"x":1}"#, "open_AI.x"),
        ] {
            let errors = OpenAi::parse(crate::json::parse(text.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(errors[0].field, field, "{text}");
        }
    }
}
