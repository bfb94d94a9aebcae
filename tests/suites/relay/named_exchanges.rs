//! The exchanges of named providers, whose presets are used as they are.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use reqwest::Method;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use strongroom_e2e::CREDENTIALS;
use tokio::net::TcpListener;

use super::scene::{Outside, Scene, addresses, always, answering, ok};
use super::upstream::Script;

/// The key of RFC 7515 § A.2.
const KEY: &str = include_str!("../../../crates/crypto/src/rsa/rfc7515.pem");
const LOGIN: &str = "oauth2.googleapis.com";
const STORAGE: &str = "storage.googleapis.com";
const ROBOT: &str = "robot@project.iam.gserviceaccount.com";
const SHOP: &str = "acme.myshopify.com";

/// A free address at the port that a preset demands. None if this user may not listen there.
async fn at_port_443() -> Option<TcpListener> {
    loop {
        let [a, b, c] = [(); 3].map(|()| fastrand::u8(1..=254));
        match TcpListener::bind((Ipv4Addr::new(127, a, b, c), 443)).await {
            Ok(listener) => return Some(listener),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
            Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}"),
        }
    }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    let url = format!("http://x/?{}", std::str::from_utf8(body).unwrap());
    reqwest::Url::parse(&url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn refusal() -> Vec<u8> {
    b"HTTP/1.1 401 X\r\ncontent-length: 0\r\n\r\n".to_vec()
}

/// The claims of an assertion, if its signature is of [`KEY`].
fn claims(assertion: &str) -> Option<Value> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    assert_eq!(
        (&header["alg"], &header["kid"]),
        (&json!("RS256"), &json!("k1"))
    );
    let lines = KEY.lines().filter(|line| !line.starts_with('-'));
    let der = BASE64.decode(lines.collect::<String>().as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key());
    key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
    serde_json::from_slice(&decode(claims)?).ok()
}

/// A token endpoint and an API of Google.
fn google() -> Script {
    answering(|head, body| {
        if head.starts_with("POST /token ") && head.contains(&format!("host: {LOGIN}\r\n")) {
            let form = form(body);
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            assert_eq!(form[0], pair("grant_type", grant));
            let claims = claims(&form[1].1).expect("a signature of the key");
            assert_eq!(claims["iss"], ROBOT);
            assert_eq!(claims["aud"], format!("https://{LOGIN}/token"));
            assert_eq!(
                claims["scope"],
                "https://www.googleapis.com/auth/devstorage.read_only"
            );
            let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert_eq!(lifetime, 3600);
            let token = json!({"access_token": "ya29.canary", "expires_in": 3599});
            return ok(token.to_string().as_bytes());
        }
        let authorized = head.contains("authorization: Bearer ya29.canary\r\n");
        match authorized && head.contains(&format!("host: {STORAGE}\r\n")) {
            true => ok(b"ya29.canary was here"),
            false => refusal(),
        }
    })
}

#[tokio::test]
async fn a_service_account_of_google_has_a_token_minted() {
    let Some(listener) = at_port_443().await else {
        // This user may not listen there.
        return;
    };
    let address = listener.local_addr().unwrap().ip().to_string();
    let answers = move |_: &str, _| Some(addresses(&[&address]));
    let answers = std::sync::Arc::new(answers);
    let names = [LOGIN, STORAGE];
    let outside = Outside::start_on(listener, &names, google(), answers).await;
    let scene = Scene::beside(outside, &[]).await;
    let file = json!({
        "type": "service_account", "project_id": "project", "private_key_id": "k1",
        "private_key": KEY, "client_email": ROBOT, "client_id": "1",
        "auth_uri": "https://attacker.example/auth",
        "token_uri": "https://attacker.example/token",
    });
    let credential = json!({
        "extcred_provider": "google", "extcred_type": "json_credentials", "json_blob": file,
    });
    let scope = "https://www.googleapis.com/auth/devstorage.read_only";
    let id = scene
        .add_with(&credential, &json!({ "scopes": [scope] }))
        .await;
    for _ in 0..2 {
        let path = format!("{CREDENTIALS}/{id}/relay/{STORAGE}/storage/v1/b");
        let answer = scene.relay.get(&path).await;
        assert_eq!(answer.status(), 200);
        assert!(!answer.text().await.unwrap().contains("canary"));
    }
    let heads = scene.upstream.seen.heads();
    assert_eq!(heads.len(), 3, "one exchange: {heads:?}");
}

#[tokio::test]
async fn a_client_of_a_shop_has_a_token_minted_at_the_shop() {
    let script = answering(|head, body| {
        if head.starts_with("POST /admin/oauth/access_token ") {
            let sent = [
                pair("grant_type", "client_credentials"),
                pair("client_id", "shop-client"),
                pair("client_secret", "shpss_canary"),
            ];
            assert_eq!(form(body), sent);
            let token = json!({"access_token": "shpat_minted", "expires_in": 86399});
            return ok(token.to_string().as_bytes());
        }
        match head.contains("x-shopify-access-token: shpat_minted\r\n") {
            true => ok(b"shpss_canary shpat_minted"),
            false => refusal(),
        }
    });
    let scene = Scene::start_as(&[SHOP], script, always("127.0.0.1"), &[]).await;
    let credential = json!({
        "extcred_provider": "shopify", "extcred_type": "client_credentials",
        "json_blob": { "client_id": "shop-client", "client_secret": "shpss_canary" },
    });
    let id = scene.add(&credential, json!({ "hosts": [SHOP] })).await;
    let relay = |path| format!("{CREDENTIALS}/{id}/relay/-{path}");
    let answer = scene
        .relay
        .get(&relay("/admin/api/2026-07/shop.json"))
        .await;
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    assert!(
        !text.contains("shpss_canary") && !text.contains("shpat_minted"),
        "{text}"
    );
    // A caller never reaches the endpoint that mints.
    let path = relay("/admin/oauth/access_token");
    let refused = scene
        .relay
        .request(Method::POST, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(scene.upstream.seen.heads().len(), 2);
}
