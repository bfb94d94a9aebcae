use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::error::CommandError;

/// The answer to a reveal. It has no `Debug`.
pub(super) struct Revealed(Answer);

#[derive(Deserialize)]
struct Secret<'a> {
    #[serde(borrow)]
    json_blob: &'a RawValue,
}

impl Revealed {
    /// Reads the credential at `path`, with its secret.
    pub(super) fn fetch(client: &Client, path: &str) -> Result<Self, CommandError> {
        Ok(Self(client.send(&Call::get(path))?))
    }

    /// The credential as it was answered.
    pub(super) fn credential(&self) -> Result<&RawValue, CommandError> {
        self.0.result()
    }

    /// Its secret: the bytes of the JSON object.
    pub(super) fn blob(&self) -> Result<&str, CommandError> {
        let secret: Secret = self.0.result()?;
        Ok(secret.json_blob.get())
    }
}

/// The body of a request that writes a secret, made of `members` and the JSON in `blob`.
pub(super) fn body_with(
    members: &[(&str, &str)],
    blob: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let mut body = String::with_capacity(1024 + blob.map_or(0, str::len));
    body.push('{');
    for (name, value) in members {
        let value = serde_json::Value::from(*value);
        body += &format!("\"{name}\":{value},");
    }
    match blob {
        Some(blob) => {
            body += "\"json_blob\":";
            body += check_json(blob)?;
        }
        None => {
            body.pop();
        }
    }
    body.push('}');
    Ok(Zeroizing::new(body.into_bytes()))
}

/// `text` without surrounding space, if it is JSON. The server checks the rest.
pub(super) fn check_json(text: &str) -> Result<&str, CommandError> {
    let parsed: Result<&RawValue, _> = serde_json::from_str(text);
    let raw = parsed.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        CommandError::Failed(format!(
            "the secret is not JSON: error at line {line}, column {column}"
        ))
    })?;
    Ok(raw.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_the_bytes_of_the_secret() {
        let text = |members: &[_], blob| {
            let body = body_with(members, blob).unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        };
        let blob = Some(" {\"a\" : 1e400}\n");
        assert_eq!(text(&[], blob), r#"{"json_blob":{"a" : 1e400}}"#);
        assert_eq!(
            text(&[("l", "\"")], blob),
            r#"{"l":"\"","json_blob":{"a" : 1e400}}"#
        );
        assert_eq!(text(&[("l", "x")], None), r#"{"l":"x"}"#);
        let error = body_with(&[], Some("{\"a\": canary}")).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(body_with(&[], Some("{},\"x\":{}")).is_err());
    }
}
