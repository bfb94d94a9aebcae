//! When credentials expire: as callers say, or as the secrets themselves say.

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use data_encoding::BASE64URL_NOPAD;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

use crate::json::value::{Kind, Value, members};
use crate::kinds::{CredentialType, wire_enum};

/// The years of times that RFC 3339 can express, without the year 0.
pub const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// The text in every PEM certificate (RFC 7468 § 5.1).
const CERTIFICATE: &str = "CERTIFICATE-----";

wire_enum! {
    /// What says when a credential expires.
    ExpirySource {
        /// The caller who wrote it.
        Caller = 1 => "caller",
        /// The claim `exp` of the JSON Web Token that it contains (RFC 7519 § 4.1.4).
        JwtExp = 2 => "jwt_exp",
        /// The earliest `notAfter` of the X.509 certificates that it contains (RFC 5280
        /// § 4.1.2.5).
        X509NotAfter = 3 => "x509_not_after",
    }
}

/// When a credential expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The time, in microseconds.
    pub at: DateTime<Utc>,
    /// What says so.
    pub source: ExpirySource,
}

/// A caller's change of the expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryChange {
    /// As the secret itself says, if it does.
    Derive,
    /// At this time.
    At(DateTime<Utc>),
    /// As another version had it.
    Exactly(Option<Expiry>),
}

impl Expiry {
    /// An expiry as it is stored: `Some(None)` if there is none, `None` if no server stored it so.
    #[must_use]
    pub fn stored(at: Option<DateTime<Utc>>, source: Option<&str>) -> Option<Option<Self>> {
        match (at, source) {
            (None, None) => Some(None),
            (Some(at), Some(source)) => {
                let source = ExpirySource::parse(source)?;
                Some(Some(Self { at, source }))
            }
            (Some(_), None) | (None, Some(_)) => None,
        }
    }

    /// An expiry that the caller has set.
    #[must_use]
    pub fn of_caller(at: DateTime<Utc>) -> Self {
        let at = at.trunc_subsecs(6);
        let source = ExpirySource::Caller;
        Self { at, source }
    }

    /// What the secret `blob` of a credential of this type says, the earliest of several times. The
    /// signature of a token is not verified, nor that of a certificate.
    #[must_use]
    pub fn derived(kind: CredentialType, blob: &[u8]) -> Option<Self> {
        let token = (kind == CredentialType::AccessToken).then(|| token_expiry(blob));
        let token = token.flatten().map(|at| (at, ExpirySource::JwtExp));
        let certificate = certificate_expiry(blob).map(|at| (at, ExpirySource::X509NotAfter));
        let is_known = |(at, _): &(DateTime<Utc>, _)| YEARS.contains(&at.year());
        let earliest = token.into_iter().chain(certificate).filter(is_known);
        let earliest = earliest.min_by_key(|(at, _)| *at);
        let (at, source) = earliest?;
        Some(Self { at, source })
    }

    /// Whether the credential has expired at the time `now`.
    #[must_use]
    pub fn is_past(&self, now: DateTime<Utc>) -> bool {
        self.at <= now
    }
}

/// The claim `exp` of the access token in `blob`.
fn token_expiry(blob: &[u8]) -> Option<DateTime<Utc>> {
    let members = members(blob)?;
    let is_token = |name: &str| name == "access_token" || name == "accessToken";
    let tokens = members.iter().filter(|(name, _)| is_token(name));
    let mut tokens = tokens.filter_map(|(_, value)| value.as_string());
    tokens.find_map(|token| claimed_expiry(&token))
}

/// The claim `exp` of a token in the compact form of a JWS (RFC 7515 § 3.1).
fn claimed_expiry(token: &str) -> Option<DateTime<Utc>> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = Zeroizing::new(BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?);
    let members = members(&claims)?;
    let (_, exp) = members.iter().find(|(name, _)| name == "exp")?;
    if exp.kind() != Kind::Number {
        return None;
    }
    // A NumericDate may have a fraction (RFC 7519 § 2), which the time loses.
    let seconds: f64 = exp.text().parse().ok()?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a time out of range is refused next"
    )]
    DateTime::from_timestamp(seconds.floor() as i64, 0)
}

/// The earliest end of the certificates in the texts of `blob`, at any depth.
fn certificate_expiry(blob: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(blob).ok()?;
    if !text.contains(CERTIFICATE) {
        return None;
    }
    let mut earliest = None;
    let mut rest: Vec<Value<'_>> = members(blob)?.into_iter().map(|(_, value)| value).collect();
    while let Some(value) = rest.pop() {
        match value.kind() {
            Kind::Object => {
                let members = value.members().unwrap_or_default();
                rest.extend(members.into_iter().map(|(_, value)| value));
            }
            Kind::Array => rest.extend(value.elements().unwrap_or_default()),
            Kind::String if value.text().contains(CERTIFICATE) => {
                let ends = value.as_string().and_then(|text| earliest_end(&text));
                earliest = earliest.into_iter().chain(ends).min();
            }
            _ => {}
        }
    }
    earliest
}

/// The earliest end of the PEM certificates in `text`.
fn earliest_end(text: &str) -> Option<DateTime<Utc>> {
    let blocks = Pem::iter_from_buffer(text.as_bytes());
    let ends = blocks.map_while(Result::ok).filter_map(|block| {
        let certificate = block.parse_x509().ok()?;
        DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
    });
    ends.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        let claims = BASE64URL_NOPAD.encode(claims.as_bytes());
        format!(r#"{{"access_token":"eyJhbGciOiJub25lIn0.{claims}.c2ln"}}"#)
    }

    fn derived(kind: CredentialType, blob: &str) -> Option<(String, ExpirySource)> {
        let expiry = Expiry::derived(kind, blob.as_bytes())?;
        Some((expiry.at.to_rfc3339(), expiry.source))
    }

    #[test]
    fn an_access_token_says_when_it_expires() {
        let kind = CredentialType::AccessToken;
        let expected = Some(("2027-01-15T08:00:00+00:00".to_owned(), ExpirySource::JwtExp));
        for exp in ["1800000000", "1800000000.9", "1.8e9"] {
            let blob = token(&format!(r#"{{"sub":"a","exp":{exp}}}"#));
            assert_eq!(derived(kind, &blob), expected, "{exp}");
            let camel = blob.replace("access_token", "accessToken");
            assert_eq!(derived(kind, &camel), expected);
            assert_eq!(derived(CredentialType::JsonCredentials, &blob), None);
        }
        for claims in [
            r#"{"sub":"a"}"#,
            r#"{"exp":"1800000000"}"#,
            r#"{"exp":1e400}"#,
            r#"{"exp":1e15}"#,
            r#"{"exp":-1e300}"#,
            r#"{"exp":-1000000000000}"#,
            "[1]",
            "no JSON",
        ] {
            assert_eq!(derived(kind, &token(claims)), None, "{claims}");
        }
        for text in ["opaque", "a.b", "a.!.c", "a.eyJleHAiOjF9.c.d", ""] {
            let blob = format!(r#"{{"access_token":"{text}"}}"#);
            assert_eq!(derived(kind, &blob), None, "{text}");
        }
    }

    fn certificate(year: i32) -> String {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 3, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn the_earliest_certificate_at_any_depth_counts() {
        let kind = CredentialType::JsonCredentials;
        let (earlier, later) = (certificate(2027), certificate(2028));
        let chain = format!("{later}\n{earlier}");
        let blob = serde_json::json!({"key": "x", "tls": [{"ca": later}, {"chain": chain}]});
        let expected = (
            "2027-03-01T00:00:00+00:00".to_owned(),
            ExpirySource::X509NotAfter,
        );
        assert_eq!(derived(kind, &blob.to_string()), Some(expected.clone()));
        let crlf = serde_json::json!({"cert": earlier.replace('\n', "\r\n")});
        assert_eq!(derived(kind, &crlf.to_string()), Some(expected));
        let broken = serde_json::json!({"cert": earlier.replace("MII", "MIJ")});
        assert_eq!(derived(kind, &broken.to_string()), None);
    }
}
