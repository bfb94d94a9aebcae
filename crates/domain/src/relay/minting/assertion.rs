//! The assertion of a service account: a JSON Web Token (RFC 7519) for the grant of RFC 7523.

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use strongroom_crypto::{CryptoError, RsaSigner, SecretString};

/// How long an assertion is valid, in seconds: the most that Google accepts.
const LIFETIME: i64 = 3600;

/// Who asserts what, to whom.
pub(super) struct Claims<'a> {
    /// The service account.
    pub(super) issuer: &'a str,
    /// The scopes, separated by spaces.
    pub(super) scope: &'a str,
    /// The token endpoint.
    pub(super) audience: &'a str,
    /// The id of the key, if it is known.
    pub(super) key_id: Option<&'a str>,
}

/// The assertion that `claims` hold from `now` on, signed with RS256.
///
/// # Errors
/// Those of [`RsaSigner::sign`].
pub(super) fn assertion(
    claims: &Claims<'_>,
    signer: &RsaSigner,
    now: DateTime<Utc>,
) -> Result<SecretString, CryptoError> {
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = claims.key_id {
        header["kid"] = json!(id);
    }
    let issued = now.timestamp();
    let claims = json!({
        "iss": claims.issuer,
        "scope": claims.scope,
        "aud": claims.audience,
        "iat": issued,
        "exp": issued + LIFETIME,
    });
    let encoded = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let [header, claims] = [header, claims].map(|part| encoded(part.to_string().as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature = encoded(&signer.sign(signed.as_bytes())?);
    Ok(SecretString::new(format!("{signed}.{signature}")))
}
