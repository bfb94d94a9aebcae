//! The request to a token endpoint.

use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use form_urlencoded::{Serializer, byte_serialize};
use strongroom_crypto::{CryptoError, RsaSigner, SecretString};

use crate::blob::JsonBlob;
use crate::host_name::HostName;
use crate::relay::error::Unusable;
use crate::relay::minting::assertion::{Claims, assertion};
use crate::relay::policy::{RelayPolicy, TokenUrl};
use crate::relay::presets::{GOOGLE_SCOPE, GOOGLE_TOKEN_URL, Mint, SHOPIFY_TOKEN_PATH};

/// The type of the body of a [`TokenRequest`].
pub const FORM: &str = "application/x-www-form-urlencoded";

/// The grant of RFC 7523 § 2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The grant of RFC 6749 § 4.4.
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// A `POST` to a token endpoint, with a form as its body.
#[derive(Debug)]
pub struct TokenRequest {
    /// The host.
    pub host: HostName,
    /// The port.
    pub port: u16,
    /// The path.
    pub path: String,
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<SecretString>,
    /// The body.
    pub form: SecretString,
}

/// Why there is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The credential, or its policy, allows none.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// A cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The requests by which a token is minted at `now` for a credential with this blob and policy:
/// the second one is sent if the first is refused with 400 or 401.
///
/// # Errors
/// The credential is unusable, or cannot sign.
pub fn token_requests(
    mint: Mint,
    policy: &RelayPolicy,
    blob: &JsonBlob,
    now: DateTime<Utc>,
) -> Result<Vec<TokenRequest>, RequestError> {
    match mint {
        Mint::GoogleJwt => Ok(vec![google(policy, blob, now)?]),
        Mint::Shopify => Ok(vec![shopify(policy, &Client::of(blob)?)?]),
        Mint::ClientCredentials => Ok(client_credentials(policy, &Client::of(blob)?)?),
    }
}

/// The credentials of a client.
struct Client {
    id: SecretString,
    secret: SecretString,
}

impl Client {
    fn of(blob: &JsonBlob) -> Result<Self, Unusable> {
        let member = |name| blob.string(name).ok_or(Unusable::Missing(name));
        Ok(Self {
            id: member("client_id")?,
            secret: member("client_secret")?,
        })
    }
}

// The endpoint is a constant. The file of a service account names one as well, but a caller that
// may change the credential could make that one any host, which then received the assertion.
fn google(
    policy: &RelayPolicy,
    blob: &JsonBlob,
    now: DateTime<Utc>,
) -> Result<TokenRequest, RequestError> {
    let member = |name| blob.string(name).ok_or(Unusable::Missing(name));
    let (issuer, key) = (member("client_email")?, member("private_key")?);
    let key_id = blob.string("private_key_id");
    let signer = RsaSigner::from_pem(key.expose()).map_err(|_| Unusable::PrivateKey)?;
    let scope = match policy.scopes.is_empty() {
        true => GOOGLE_SCOPE.to_owned(),
        false => policy.scopes.join(" "),
    };
    let claims = Claims {
        issuer: issuer.expose(),
        scope: &scope,
        audience: GOOGLE_TOKEN_URL,
        key_id: key_id.as_ref().map(SecretString::expose),
    };
    let assertion = assertion(&claims, &signer, now)?;
    let form = [
        ("grant_type", JWT_BEARER),
        ("assertion", assertion.expose()),
    ];
    let url = TokenUrl::parse(GOOGLE_TOKEN_URL).map_err(|_| Unusable::TokenUrl)?;
    Ok(at(&url, None, &form))
}

fn shopify(policy: &RelayPolicy, client: &Client) -> Result<TokenRequest, Unusable> {
    let host = policy.only_host().ok_or(Unusable::TokenUrl)?;
    Ok(TokenRequest {
        host: host.clone(),
        port: policy.ports.first().copied().unwrap_or(443),
        path: SHOPIFY_TOKEN_PATH.to_owned(),
        authorization: None,
        form: form(&in_body(client)),
    })
}

// Every endpoint must support Basic (RFC 6749 § 2.3.1), and some do not.
fn client_credentials(
    policy: &RelayPolicy,
    client: &Client,
) -> Result<Vec<TokenRequest>, Unusable> {
    let url = policy.token_url.as_ref().ok_or(Unusable::TokenUrl)?;
    let scope = policy.scopes.join(" ");
    let scope = (!scope.is_empty()).then_some(("scope", scope.as_str()));
    let mut by_basic = vec![("grant_type", CLIENT_CREDENTIALS)];
    let mut by_body = in_body(client).to_vec();
    by_basic.extend(scope);
    by_body.extend(scope);
    let first = at(url, Some(basic(client)), &by_basic);
    Ok(vec![first, at(url, None, &by_body)])
}

fn in_body(client: &Client) -> [(&'static str, &str); 3] {
    [
        ("grant_type", CLIENT_CREDENTIALS),
        ("client_id", client.id.expose()),
        ("client_secret", client.secret.expose()),
    ]
}

// RFC 6749 § 2.3.1: both are form-encoded first.
fn basic(client: &Client) -> SecretString {
    let encoded = |text: &SecretString| byte_serialize(text.expose().as_bytes()).collect();
    let [id, secret]: [String; 2] = [encoded(&client.id), encoded(&client.secret)];
    let pair = SecretString::new(format!("{id}:{}", SecretString::new(secret).expose()));
    SecretString::new(format!("Basic {}", BASE64.encode(pair.expose().as_bytes())))
}

fn at(url: &TokenUrl, authorization: Option<SecretString>, pairs: &[(&str, &str)]) -> TokenRequest {
    TokenRequest {
        host: url.host.clone(),
        port: url.port,
        path: url.path.as_str().to_owned(),
        authorization,
        form: form(pairs),
    }
}

fn form(pairs: &[(&str, &str)]) -> SecretString {
    // Large enough, so that no copy is left behind by growing.
    let length: usize = pairs
        .iter()
        .map(|(name, value)| name.len() + 3 * value.len() + 2)
        .sum();
    let mut form = Serializer::new(String::with_capacity(length));
    SecretString::new(form.extend_pairs(pairs).finish())
}

#[cfg(test)]
mod tests;
