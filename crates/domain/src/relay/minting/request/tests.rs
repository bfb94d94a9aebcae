use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::*;
use crate::kinds::{CredentialType, Provider};
use crate::relay::parse::parse;

/// RFC 7515 § A.2: the key of an example.
const KEY: &str = include_str!("../../../../../crypto/src/rsa/rfc7515.pem");

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn requests(
    provider: Provider,
    kind: CredentialType,
    policy: &Value,
    blob: &Value,
) -> Result<Vec<TokenRequest>, RequestError> {
    let policy = policy.to_string();
    let policy = crate::json::parse(policy.as_bytes()).unwrap();
    let policy = parse(policy, provider, kind).unwrap();
    let blob = blob.to_string();
    let blob = JsonBlob::new(crate::json::parse(blob.as_bytes()).unwrap()).unwrap();
    let mint = crate::relay::presets::preset(provider, kind).mint.unwrap();
    token_requests(mint, &policy, &blob, now())
}

fn pairs(request: &TokenRequest) -> Vec<(String, String)> {
    form_urlencoded::parse(request.form.expose().as_bytes())
        .into_owned()
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn service_account(key: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": key,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "token_uri": "https://attacker.example/token",
    })
}

#[test]
fn a_service_account_asserts_itself_to_google_alone() {
    let policy = json!({ "scopes": ["https://www.googleapis.com/auth/drive", "openid"] });
    let (google, kind) = (Provider::Google, CredentialType::JsonCredentials);
    let sent = requests(google, kind, &policy, &service_account(KEY)).unwrap();
    let [request] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(request.host.as_str(), "oauth2.googleapis.com");
    assert_eq!((request.port, request.path.as_str()), (443, "/token"));
    assert!(request.authorization.is_none());
    let pairs = pairs(request);
    assert_eq!(pairs[0], pair("grant_type", JWT_BEARER));
    let (name, assertion) = &pairs[1];
    assert_eq!(name, "assertion");
    let parts: Vec<&str> = assertion.split('.').collect();
    let decoded = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)).unwrap();
    assert_eq!(
        json(parts[0]),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
    );
    assert_eq!(
        json(parts[1]),
        json!({
            "iss": "robot@p.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/drive openid",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_700_000_000, "exp": 1_700_003_600,
        })
    );
    let signer = RsaSigner::from_pem(KEY).unwrap();
    let signed = format!("{}.{}", parts[0], parts[1]);
    assert_eq!(decoded(parts[2]), signer.sign(signed.as_bytes()).unwrap());
}

#[test]
fn without_scopes_a_service_account_asks_for_the_platforms() {
    let (google, kind) = (Provider::Google, CredentialType::JsonCredentials);
    let sent = requests(google, kind, &json!({}), &service_account(KEY)).unwrap();
    let (_, assertion) = &pairs(&sent[0])[1];
    let claims = assertion.split('.').nth(1).unwrap();
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["scope"], GOOGLE_SCOPE);
}

#[test]
fn a_bad_key_makes_a_service_account_unusable() {
    let (google, kind) = (Provider::Google, CredentialType::JsonCredentials);
    let refused = |blob: &Value| requests(google, kind, &json!({}), blob).unwrap_err();
    let bad = refused(&service_account("-----BEGIN PRIVATE KEY-----\nx\n"));
    assert_eq!(bad, RequestError::Unusable(Unusable::PrivateKey));
    let mut nameless = service_account(KEY);
    nameless["client_email"] = json!(7);
    let missing = RequestError::Unusable(Unusable::Missing("client_email"));
    assert_eq!(refused(&nameless), missing);
}

#[test]
fn client_credentials_go_by_basic_and_then_in_the_body() {
    let policy = json!({
        "hosts": ["api.example.com"], "rules": [{}], "scopes": ["read", "write"],
        "token_url": "https://login.example.com:8443/oauth/token",
    });
    let blob = json!({ "clientId": "a b", "client_secret": "s:é+" });
    let (generic, kind) = (Provider::Generic, CredentialType::ClientCredentials);
    let sent = requests(generic, kind, &policy, &blob).unwrap();
    let [first, second] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    for request in [first, second] {
        assert_eq!(request.host.as_str(), "login.example.com");
        assert_eq!(
            (request.port, request.path.as_str()),
            (8443, "/oauth/token")
        );
    }
    let basic = first.authorization.as_ref().unwrap().expose();
    let basic = BASE64.decode(basic.strip_prefix("Basic ").unwrap().as_bytes());
    assert_eq!(basic.unwrap(), b"a+b:s%3A%C3%A9%2B");
    let grant = pair("grant_type", "client_credentials");
    let scope = pair("scope", "read write");
    assert_eq!(pairs(first), [grant.clone(), scope.clone()]);
    assert!(second.authorization.is_none());
    let (id, secret) = (pair("client_id", "a b"), pair("client_secret", "s:é+"));
    assert_eq!(pairs(second), [grant, id, secret, scope]);
}

#[test]
fn a_shop_mints_its_own_tokens() {
    let policy = json!({ "hosts": ["acme.myshopify.com"] });
    let blob = json!({ "client_id": "i", "client_secret": "s" });
    let (shopify, kind) = (Provider::Shopify, CredentialType::ClientCredentials);
    let sent = requests(shopify, kind, &policy, &blob).unwrap();
    let [request] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(request.host.as_str(), "acme.myshopify.com");
    assert_eq!(
        (request.port, request.path.as_str()),
        (443, SHOPIFY_TOKEN_PATH)
    );
    let grant = pair("grant_type", "client_credentials");
    let (id, secret) = (pair("client_id", "i"), pair("client_secret", "s"));
    assert_eq!(pairs(request), [grant, id, secret]);
}

#[test]
fn nothing_secret_is_printed() {
    let policy = json!({ "hosts": ["acme.myshopify.com"] });
    let blob = json!({ "client_id": "canary-id", "client_secret": "canary-secret" });
    let (shopify, kind) = (Provider::Shopify, CredentialType::ClientCredentials);
    let sent = requests(shopify, kind, &policy, &blob).unwrap();
    assert!(!format!("{sent:?}").contains("canary"));
}
