//! How a caller of the relay identifies itself: as everywhere, or where the client library of an
//! upstream puts its key.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use data_encoding::BASE64;
use strongroom_domain::presented::Presented;
use strongroom_web::headers::single_header;
use zeroize::Zeroizing;

use crate::headers::API_KEY;

/// The header in which some client libraries send their key.
const X_API_KEY: &str = "x-api-key";
/// The beginning of every API key. Another text is an access token.
const KEY_PREFIX: &str = "sr_";

/// What a request to the relay presents.
pub(super) struct RelayPresented {
    /// `None` if there is nothing, if it is malformed, or if there are several.
    text: Option<Zeroizing<String>>,
    /// The headers that carry it, which are not the upstream's.
    pub(super) carriers: Vec<&'static str>,
}

impl RelayPresented {
    /// Reads the headers of a request. With `SlashID-API-Key`, other credentials are the
    /// upstream's.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        if headers.contains_key(API_KEY) {
            let key = single_header(headers, API_KEY);
            return Self {
                text: key.map(|key| Zeroizing::new(key.to_owned())),
                carriers: Vec::new(),
            };
        }
        let count = |name: &str| headers.get_all(name).count();
        let (authorizations, keys) = (count(AUTHORIZATION.as_str()), count(X_API_KEY));
        let text = match (authorizations, keys) {
            (1, 0) => single_header(headers, AUTHORIZATION.as_str()).and_then(authorization),
            (0, 1) => {
                let key = single_header(headers, X_API_KEY);
                key.map(|key| Zeroizing::new(key.to_owned()))
            }
            _ => None,
        };
        Self {
            text,
            carriers: vec!["authorization", X_API_KEY],
        }
    }

    /// What the vault is asked to recognize.
    pub(super) fn presented(&self) -> Option<Presented<'_>> {
        let text = self.text.as_ref()?.as_str();
        Some(match text.starts_with(KEY_PREFIX) {
            true => Presented::ApiKey(text),
            false => Presented::Token(text),
        })
    }
}

fn authorization(value: &str) -> Option<Zeroizing<String>> {
    let (scheme, value) = value.split_once(' ')?;
    let value = value.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Zeroizing::new(value.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(BASE64.decode(value.as_bytes()).ok()?);
    let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    // Some libraries send the key as the user name, with an empty password.
    let key = if password.is_empty() { user } else { password };
    Some(Zeroizing::new(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&str, &str)]) -> (String, Vec<&'static str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let read = RelayPresented::read(&map);
        let text = match read.presented() {
            Some(Presented::ApiKey(text)) => format!("key {text}"),
            Some(Presented::Token(text)) => format!("token {text}"),
            _ => "none".to_owned(),
        };
        (text, read.carriers)
    }

    #[test]
    fn one_key_is_read_wherever_libraries_put_it() {
        let all = vec!["authorization", "x-api-key"];
        for (headers, expected) in [
            (&[("authorization", "Bearer sr_a")][..], "key sr_a"),
            (&[("authorization", "bearer srt_a")], "token srt_a"),
            (&[("x-api-key", "sr_a")], "key sr_a"),
            (&[("authorization", "Basic dXNlcjpzcl9h")], "key sr_a"),
            (&[("authorization", "Basic c3JfYTo=")], "key sr_a"),
            (
                &[("authorization", "Bearer sr_a"), ("x-api-key", "sr_a")],
                "none",
            ),
            (
                &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
                "none",
            ),
            (&[("x-api-key", "a"), ("x-api-key", "a")], "none"),
            (&[("authorization", "Digest a")], "none"),
            (&[("authorization", "Basic x")], "none"),
            (&[], "none"),
        ] {
            assert_eq!(
                read(headers),
                (expected.to_owned(), all.clone()),
                "{headers:?}"
            );
        }
        let own = [(API_KEY, "sr_a"), ("authorization", "Bearer theirs")];
        assert_eq!(read(&own), ("key sr_a".to_owned(), Vec::new()));
        let twice = [(API_KEY, "sr_a"), (API_KEY, "sr_a")];
        assert_eq!(read(&twice), ("none".to_owned(), Vec::new()));
    }
}
