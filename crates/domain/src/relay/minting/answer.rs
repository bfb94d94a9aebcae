//! The answer of a token endpoint.

use chrono::{DateTime, Utc};
use strongroom_crypto::SecretString;

use crate::json::value::{Members, Value};
use crate::relay::minting::token::MintedToken;

/// Most bytes of an answer.
pub const MOST_ANSWER: usize = 64 * 1024;
/// Most bytes of a token.
const MOST_TOKEN: usize = 16 * 1024;
/// The error codes that are passed on (RFC 6749 § 5.2). Any other text could be the secret itself.
const CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// Why an answer has no usable token. Its text reaches the caller, and has nothing of the answer
/// but its status and error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The endpoint refused the exchange.
    #[error("the token endpoint answered {status}{}", spaced(code.as_deref()))]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The code in its body (RFC 6749 § 5.2), if there is one.
        code: Option<String>,
    },
    /// The answer is not one of a token endpoint.
    #[error("the answer of the token endpoint {0}")]
    Malformed(&'static str),
}

/// The token in an answer (RFC 6749 § 5.1) to a request that was sent at `requested_at`.
///
/// # Errors
/// The endpoint refused, or the answer is malformed.
pub fn token_of(
    status: u16,
    body: &[u8],
    requested_at: DateTime<Utc>,
) -> Result<MintedToken, AnswerError> {
    let parsed = crate::json::parse(body).ok();
    let members = parsed.and_then(Value::members).unwrap_or_default();
    if !(200..300).contains(&status) {
        let code = string(&members, "error").filter(|code| CODES.contains(&code.as_str()));
        return Err(AnswerError::Refused { status, code });
    }
    let kind = string(&members, "token_type");
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(AnswerError::Malformed(
            "has a token of another type than bearer",
        ));
    }
    let token = string(&members, "access_token").filter(|token| is_token(token));
    let token = token.ok_or(AnswerError::Malformed("has no access_token"))?;
    let lifetime = member(&members, "expires_in").map(seconds);
    match lifetime {
        Some(None) => Err(AnswerError::Malformed(
            "has an expires_in that is no number",
        )),
        Some(Some(..=0)) => Err(AnswerError::Malformed("has a token that has expired")),
        lifetime => {
            let value = SecretString::new(token);
            Ok(MintedToken::new(value, requested_at, lifetime.flatten()))
        }
    }
}

fn spaced(code: Option<&str>) -> String {
    code.map(|code| format!(" {code}")).unwrap_or_default()
}

fn member<'a>(members: &Members<'a>, name: &str) -> Option<Value<'a>> {
    let found = members.iter().find(|(member, _)| member == name);
    found.map(|(_, value)| *value)
}

fn string(members: &Members<'_>, name: &str) -> Option<String> {
    let text = member(members, name)?.as_string()?;
    Some(text.as_str().to_owned())
}

// Some endpoints send it as a string.
fn seconds(value: Value<'_>) -> Option<i64> {
    let text = || value.as_string()?.parse().ok();
    value.as_whole().or_else(text)
}

fn is_token(text: &str) -> bool {
    (1..=MOST_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
    }

    fn lifetime(body: &str) -> Result<i64, String> {
        let token = token_of(200, body.as_bytes(), now());
        let lifetime = token.map(|token| (token.expires_at - now()).num_seconds());
        lifetime.map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_are_read() {
        for (body, seconds) in [
            (
                r#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#,
                3599,
            ),
            (
                r#"{"access_token":"t","expires_in":"86399","scope":"a"}"#,
                86_399,
            ),
            (r#"{"token_type":"BEARER","access_token":"t"}"#, 300),
        ] {
            assert_eq!(lifetime(body), Ok(seconds), "{body}");
        }
        let token = token_of(201, br#"{"access_token":"a.b-c~d+/="}"#, now()).unwrap();
        assert_eq!(token.value.expose(), "a.b-c~d+/=");
    }

    #[test]
    fn answers_without_a_usable_token_are_refused() {
        let none = "the answer of the token endpoint has no access_token";
        for (body, why) in [
            ("", none),
            ("<html>", none),
            ("[]", none),
            (r#"{"access_token":""}"#, none),
            (r#"{"access_token":7}"#, none),
            (r#"{"access_token":"a\r\nb"}"#, none),
            (r#"{"access_token":"a","access_token":"b"}"#, none),
            (
                r#"{"access_token":"t","token_type":"mac"}"#,
                "the answer of the token endpoint has a token of another type than bearer",
            ),
            (
                r#"{"access_token":"t","expires_in":0}"#,
                "the answer of the token endpoint has a token that has expired",
            ),
            (
                r#"{"access_token":"t","expires_in":"soon"}"#,
                "the answer of the token endpoint has an expires_in that is no number",
            ),
        ] {
            assert_eq!(lifetime(body), Err(why.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_refusal_passes_on_a_registered_code_alone() {
        let refusal = |status, body: &str| {
            let error = token_of(status, body.as_bytes(), now()).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            refusal(
                401,
                r#"{"error":"invalid_client","error_description":"s3cret"}"#
            ),
            "the token endpoint answered 401 invalid_client"
        );
        for body in [
            "",
            r#"{"error":"reflected_secret"}"#,
            r#"{"error":{"code":1}}"#,
        ] {
            assert_eq!(refusal(500, body), "the token endpoint answered 500");
        }
        assert_eq!(refusal(302, "{}"), "the token endpoint answered 302");
    }
}
