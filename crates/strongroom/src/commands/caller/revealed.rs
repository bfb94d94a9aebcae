use serde::Deserialize;
use serde_json::Value;
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
    external_cred_id: String,
    #[serde(borrow)]
    json_blob: &'a RawValue,
    /// Absent in the answers of servers of earlier versions.
    #[serde(default)]
    etag: Option<String>,
}

impl Revealed {
    /// Reads the credential at `path`, with its secret.
    pub(super) fn fetch(client: &Client, path: &str) -> Result<Self, CommandError> {
        Self::send(client, &Call::get(path))
    }

    /// Sends `call`, which reads a credential with its secret.
    pub(super) fn send(client: &Client, call: &Call<'_>) -> Result<Self, CommandError> {
        Ok(Self(client.send(call)?))
    }

    /// Whether the server says that the value has expired.
    pub(super) fn is_expired(&self) -> bool {
        self.0.header("SlashID-Credential-Expired") == Some("true")
    }

    /// Its id.
    pub(super) fn id(&self) -> Result<String, CommandError> {
        let secret: Secret = self.0.result()?;
        Ok(secret.external_cred_id)
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

    /// The entity tag of its version.
    pub(super) fn etag(&self) -> Result<Option<String>, CommandError> {
        let secret: Secret = self.0.result()?;
        Ok(secret.etag)
    }
}

/// The body of a request that writes a secret, made of `members` and of `secret`: the name of its
/// member, and its JSON.
pub(super) fn body_with(
    members: &[(&str, Value)],
    secret: Option<(&str, &str)>,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let mut body = String::with_capacity(1024 + secret.map_or(0, |(_, json)| json.len()));
    body.push('{');
    for (name, value) in members {
        body += &format!("\"{name}\":{value},");
    }
    match secret {
        Some((name, json)) => {
            body += &format!("\"{name}\":");
            body += check_json(json)?;
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
        let text = |members: &[_], blob: Option<&str>| {
            let secret = blob.map(|blob| ("json_blob", blob));
            let body = body_with(members, secret).unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        };
        let blob = Some(" {\"a\" : 1e400}\n");
        assert_eq!(text(&[], blob), r#"{"json_blob":{"a" : 1e400}}"#);
        assert_eq!(
            text(&[("l", "\"".into())], blob),
            r#"{"l":"\"","json_blob":{"a" : 1e400}}"#
        );
        assert_eq!(text(&[("l", Value::Null)], None), r#"{"l":null}"#);
        let error = body_with(&[], Some(("b", "{\"a\": canary}"))).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(body_with(&[], Some(("b", "{},\"x\":{}"))).is_err());
    }
}
