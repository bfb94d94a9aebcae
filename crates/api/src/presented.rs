//! How a request identifies its caller: `SlashID-API-Key`, or `Authorization`.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use data_encoding::BASE64;
use strongroom_domain::oauth::client::ClientCredentials;
use strongroom_domain::permission::Permission;
use strongroom_domain::presented::Presented;
use strongroom_web::headers::single_header;
use zeroize::Zeroizing;

use crate::error::ApiError;
use crate::headers::API_KEY;

/// The challenge of HTTP Basic.
pub(crate) const BASIC_CHALLENGE: &str = "Basic realm=\"strongroom\"";
const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";

/// The method by which a request identifies its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// `SlashID-API-Key`, no method, or several.
    ApiKey,
    Basic,
    Bearer,
}

/// What a request presents to identify its caller.
pub(crate) struct Sent<'a> {
    /// `None` if there is nothing, if it is malformed, or if there are several.
    pub(crate) presented: Option<Presented<'a>>,
    method: Method,
}

impl<'a> Sent<'a> {
    /// Reads the headers of a request.
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let Some(authorization) = headers.get(AUTHORIZATION) else {
            let key = single_header(headers, API_KEY);
            return Self {
                presented: key.map(Presented::ApiKey),
                method: Method::ApiKey,
            };
        };
        let is_only = !headers.contains_key(API_KEY) && headers.get_all(AUTHORIZATION).count() == 1;
        let text = authorization.to_str().ok().filter(|_| is_only);
        let text = text.unwrap_or_default();
        let (scheme, value) = text.split_once(' ').unwrap_or((text, ""));
        let value = value.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self {
                presented: Some(Presented::Token(value)),
                method: Method::Bearer,
            };
        }
        let method = match scheme.eq_ignore_ascii_case("basic") {
            true => Method::Basic,
            false => Method::ApiKey,
        };
        let credentials = basic(value).filter(|_| method == Method::Basic);
        Self {
            presented: credentials.map(Presented::Client),
            method,
        }
    }

    /// Adds to a 401 the challenge of the method that the caller used.
    pub(crate) fn challenge(&self, error: ApiError) -> ApiError {
        match (error.status(), self.method) {
            (StatusCode::UNAUTHORIZED, Method::Bearer) => error.with_challenge(INVALID_TOKEN),
            (StatusCode::UNAUTHORIZED, Method::Basic) => error.with_challenge(BASIC_CHALLENGE),
            _ => error,
        }
    }

    /// Makes a 403 that of a caller with scopes, if it has some: it lacks `permission`.
    pub(crate) fn insufficient(&self, error: ApiError, permission: Permission) -> ApiError {
        if error.status() != StatusCode::FORBIDDEN || self.method == Method::ApiKey {
            return error;
        }
        let scope = permission.as_str();
        let error = error.with_code("insufficient_scope");
        match self.method {
            Method::Bearer => error.with_challenge(&format!(
                "Bearer error=\"insufficient_scope\", scope=\"{scope}\""
            )),
            Method::ApiKey | Method::Basic => error,
        }
    }
}

// Clients that encode both parts like a form send the same, since neither has a character that is
// encoded (RFC 6749 § 2.3.1).
fn basic(value: &str) -> Option<ClientCredentials> {
    let bytes = Zeroizing::new(BASE64.decode(padded(value).as_bytes()).ok()?);
    let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    ClientCredentials::parse(id, secret)
}

// Some clients leave the padding out.
fn padded(value: &str) -> Cow<'_, str> {
    match value.len() % 4 {
        0 => Cow::Borrowed(value),
        over => Cow::Owned(format!("{value}{}", &"=="[..(4 - over).min(2)])),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn sent(headers: &[(&'static str, &str)]) -> (bool, Method) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let sent = Sent::read(&map);
        (sent.presented.is_some(), sent.method)
    }

    #[test]
    fn one_method_is_read_and_two_are_none() {
        let (key, bearer) = ((API_KEY, "k"), ("authorization", "bEARER  t"));
        assert_eq!(sent(&[]), (false, Method::ApiKey));
        assert_eq!(sent(&[key]), (true, Method::ApiKey));
        assert_eq!(sent(&[bearer]), (true, Method::Bearer));
        assert_eq!(
            sent(&[("authorization", "Basic eDp5")]),
            (false, Method::Basic)
        );
        for two in [[key, key], [key, bearer], [bearer, bearer]] {
            assert_eq!(sent(&two), (false, Method::ApiKey));
        }
        for wrong in ["", "Digest x", "basic", "Basic "] {
            assert!(!sent(&[("authorization", wrong)]).0, "{wrong}");
        }
    }
}
