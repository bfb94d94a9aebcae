//! What is put into a request: the members of a credential, rendered at the places of its policy.

use std::borrow::Cow;

use data_encoding::BASE64;
use strongroom_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::blob::camel_case;
use crate::egress::HeaderField;
use crate::json::value::members;
use crate::relay::error::RelayError;
use crate::relay::injection::{Injection, MINTED};

/// Least bytes of a secret: shorter ones could not be told from other text in an answer.
const LEAST: usize = 8;

/// A request's credential, ready to be sent.
#[derive(Debug)]
pub struct Rendered {
    /// The headers that carry it.
    pub headers: Vec<HeaderField>,
    /// What is appended to the query.
    pub query: Vec<SecretBytes>,
    /// All secrets, as they are and as they are sent, to be looked for in the answer.
    pub secrets: Vec<SecretBytes>,
}

/// Renders the credential `blob`, with the token that was minted for it. Without one, the places
/// of the token are left out.
///
/// # Errors
/// [`RelayError::Unusable`] if a member is missing, too short, or cannot stand in a header.
pub fn render(
    blob: &[u8],
    token: Option<&SecretBytes>,
    places: &[Injection],
) -> Result<Rendered, RelayError> {
    let mut rendered = Rendered {
        headers: Vec::new(),
        query: Vec::new(),
        secrets: Vec::new(),
    };
    for place in places {
        match place {
            Injection::Header { name, prefix, from } => {
                let secret = match (from.as_str(), token) {
                    (MINTED, Some(token)) => Zeroizing::new(token.expose().to_vec()),
                    (MINTED, None) => continue,
                    (from, _) => member(blob, from)?,
                };
                let value = Zeroizing::new([prefix.as_bytes(), &secret].concat());
                rendered.header(name, &value)?;
                rendered.secret(&secret)?;
            }
            Injection::Basic { username, password } => {
                let username = member(blob, username)?;
                let secret = match password {
                    Some(password) => member(blob, password)?,
                    None => username.clone(),
                };
                let pair = match password {
                    Some(_) => Zeroizing::new([&username[..], b":", &secret].concat()),
                    None => Zeroizing::new([&username[..], b":"].concat()),
                };
                let encoded = Zeroizing::new(BASE64.encode(&pair));
                let value = Zeroizing::new(format!("Basic {}", *encoded));
                rendered.header("authorization", value.as_bytes())?;
                rendered.secret(&secret)?;
                rendered
                    .secrets
                    .push(SecretBytes::new(encoded.as_bytes().to_vec()));
            }
            Injection::Query { name, from } => {
                let secret = member(blob, from)?;
                rendered.secret(&secret)?;
                rendered.query.push(parameter(name, &secret));
            }
        }
    }
    Ok(rendered)
}

impl Rendered {
    fn header(&mut self, name: &str, value: &[u8]) -> Result<(), RelayError> {
        // RFC 9110 § 5.5: what ends a field, or is cut off from it.
        let is_bad = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        let is_padded = value.first() == Some(&b' ') || value.last() == Some(&b' ');
        if value.iter().any(is_bad) || is_padded {
            let why = "the credential has a line end, a control character or outer white space, \
                       and cannot stand in a header";
            return Err(RelayError::Unusable(why));
        }
        self.headers.push(HeaderField::new(name, value));
        Ok(())
    }

    fn secret(&mut self, secret: &[u8]) -> Result<(), RelayError> {
        if secret.len() < LEAST {
            let why = "the credential is shorter than 8 bytes, so that it could not be found in an \
                       answer";
            return Err(RelayError::Unusable(why));
        }
        self.secrets.push(SecretBytes::new(secret.to_vec()));
        Ok(())
    }
}

/// The text of the member `name` of `blob`, which may also be spelled in camel case.
pub(crate) fn member(blob: &[u8], name: &str) -> Result<Zeroizing<Vec<u8>>, RelayError> {
    let camel = camel_case(name);
    let members = members(blob).unwrap_or_default();
    let spelled = |spelling: &str| {
        let found = members
            .iter()
            .find(|(member, _): &&(Cow<'_, str>, _)| member == spelling);
        found
            .and_then(|(_, value)| value.as_string())
            .filter(|text| !text.is_empty())
    };
    let text = spelled(name).or_else(|| spelled(&camel));
    let text = text.ok_or(RelayError::Unusable(
        "the credential has no member of the policy's name that is a text",
    ))?;
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

fn parameter(name: &str, value: &[u8]) -> SecretBytes {
    let mut text = Vec::with_capacity(name.len() + 1 + value.len() * 3);
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            text.push(*byte);
        } else {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    SecretBytes::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(from: &str) -> Injection {
        Injection::Header {
            name: "authorization".into(),
            prefix: "Bearer ".into(),
            from: from.into(),
        }
    }

    fn rendered(blob: &str, place: Injection) -> Result<(String, Vec<String>), RelayError> {
        let rendered = render(blob.as_bytes(), None, &[place])?;
        let text = |bytes: &SecretBytes| String::from_utf8(bytes.expose().to_vec()).unwrap();
        let header = rendered.headers.first().map(|header| text(&header.value));
        let sent = header.or_else(|| rendered.query.first().map(text));
        Ok((sent.unwrap(), rendered.secrets.iter().map(text).collect()))
    }

    #[test]
    fn members_are_rendered_at_their_places() {
        let blob = r#"{"api_key":"k-12345678","apiId":"id","password":"p w/1234+"}"#;
        let (sent, secrets) = rendered(blob, header("api_key")).unwrap();
        assert_eq!(
            (sent.as_str(), &*secrets),
            ("Bearer k-12345678", &["k-12345678".to_owned()][..])
        );
        let basic = Injection::Basic {
            username: "api_id".into(),
            password: Some("password".into()),
        };
        let (sent, secrets) = rendered(blob, basic).unwrap();
        assert_eq!(sent, "Basic aWQ6cCB3LzEyMzQr");
        assert_eq!(secrets, ["p w/1234+", "aWQ6cCB3LzEyMzQr"]);
        let basic = Injection::Basic {
            username: "api_key".into(),
            password: None,
        };
        assert_eq!(rendered(blob, basic).unwrap().0, "Basic ay0xMjM0NTY3ODo=");
        let query = Injection::Query {
            name: "key".into(),
            from: "password".into(),
        };
        assert_eq!(rendered(blob, query).unwrap().0, "key=p%20w%2F1234%2B");
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for value in [
            "a\\r\\nb: 12345678",
            "1234567\\n",
            "12345678\\u0000",
            "1234567",
            "12345678 ",
            "",
        ] {
            let blob = format!("{{\"api_key\":\"{value}\"}}");
            let error = rendered(&blob, header("api_key")).unwrap_err();
            assert_eq!(error.code(), "credential_unusable", "{value}");
            assert!(!error.to_string().contains("1234567"));
        }
        for blob in ["{}", r#"{"api_key":7}"#, r#"{"api_key":{"a":"12345678"}}"#] {
            assert!(rendered(blob, header("api_key")).is_err(), "{blob}");
        }
    }
}
