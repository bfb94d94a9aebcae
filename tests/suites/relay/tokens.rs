//! Tokens that are minted for credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::CREDENTIALS;

use super::scene::{NAME, Scene, always, answering, code, ok};
use super::upstream::Script;

const LOGIN: &str = "login.upstream.test";
const SECRET: &str = "canary-client-secret";
/// `client:canary-client-secret` in Base64.
const BASIC: &str = "authorization: Basic Y2xpZW50OmNhbmFyeS1jbGllbnQtc2VjcmV0\r\n";

/// The number of the token that the upstream accepts, and of the last one that was minted.
#[derive(Default)]
struct Tokens {
    accepted: AtomicUsize,
    minted: AtomicUsize,
}

/// A token endpoint at [`LOGIN`], and an upstream at [`NAME`] that answers with the body that it
/// got.
fn upstream(tokens: &Arc<Tokens>) -> Script {
    let tokens = tokens.clone();
    answering(move |head, body| {
        if head.starts_with("POST /oauth/token ") && head.contains(LOGIN) {
            if !head.contains(BASIC) {
                return refusal("invalid_client");
            }
            let nth = tokens.minted.fetch_add(1, Ordering::SeqCst) + 1;
            let token =
                json!({ "access_token": format!("minted-token-{nth}"), "expires_in": 3600 });
            return ok(token.to_string().as_bytes());
        }
        let accepted = tokens.accepted.load(Ordering::SeqCst);
        match head.contains(&format!(
            "authorization: Bearer minted-token-{accepted}\r\n"
        )) {
            true => ok(body),
            false => refusal("invalid_token"),
        }
    })
}

fn refusal(code: &str) -> Vec<u8> {
    let body = json!({ "error": code, "error_description": SECRET }).to_string();
    let length = body.len();
    format!("HTTP/1.1 401 X\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A scene with a client's credential, and its id.
async fn scene(tokens: &Arc<Tokens>, secret: &str, more: &[(&str, Value)]) -> (Scene, String) {
    let here = always("127.0.0.1");
    let scene = Scene::start_as(&[LOGIN], upstream(tokens), here, &[]).await;
    let port = scene.upstream.address.port();
    let credential = json!({
        "extcred_provider": "generic", "extcred_type": "client_credentials",
        "json_blob": { "client_id": "client", "client_secret": secret },
    });
    let mut policy = json!({
        "hosts": [NAME], "token_url": format!("https://{LOGIN}:{port}/oauth/token"),
    });
    for (name, value) in more {
        policy[*name] = value.clone();
    }
    let id = scene.add(&credential, policy).await;
    (scene, id)
}

/// The status and the text of the answer to `body`.
async fn post(scene: &Scene, id: &str, body: &str) -> (u16, String) {
    let path = format!("{CREDENTIALS}/{id}/relay/-/echo");
    let request = scene.relay.request(Method::POST, &path);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Minted tokens, as the upstream saw them being asked for.
fn exchanges(scene: &Scene) -> usize {
    let heads = scene.upstream.seen.heads();
    let asked = heads.iter().filter(|head| head.contains("/oauth/token"));
    asked.count()
}

#[tokio::test]
async fn many_first_requests_share_one_exchange() {
    let tokens = Arc::new(Tokens::default());
    tokens.accepted.store(1, Ordering::SeqCst);
    let (scene, id) = scene(&tokens, SECRET, &[]).await;
    let answers = join_all((0..200).map(|_| post(&scene, &id, "hello"))).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == (200, "hello".to_owned())),
        "{answers:?}"
    );
    assert_eq!(exchanges(&scene), 1);
    let events = scene.events().await;
    let exchanged = events
        .iter()
        .filter(|event| event["details"]["exchange"] == true);
    let exchanged: Vec<_> = exchanged.collect();
    assert_eq!(exchanged.len(), 1, "{exchanged:?}");
    assert_eq!(exchanged[0]["action"], "credential.use");
    assert_eq!(exchanged[0]["details"]["host"], LOGIN);
    assert_eq!(exchanged[0]["details"]["path"], "/oauth/token");
}

#[tokio::test]
async fn a_refused_token_is_minted_again_once() {
    let tokens = Arc::new(Tokens::default());
    tokens.accepted.store(1, Ordering::SeqCst);
    let (scene, id) = scene(&tokens, SECRET, &[]).await;
    assert_eq!(post(&scene, &id, "one").await, (200, "one".into()));
    tokens.accepted.store(2, Ordering::SeqCst);
    assert_eq!(post(&scene, &id, "two").await, (200, "two".into()));
    assert_eq!(exchanges(&scene), 2);
    // If the new one is refused as well, the caller sees that.
    tokens.accepted.store(9, Ordering::SeqCst);
    let (status, text) = post(&scene, &id, "three").await;
    assert_eq!(status, 401);
    assert!(text.contains("invalid_token"), "{text}");
    assert_eq!(exchanges(&scene), 3);
    assert!(!text.contains(SECRET), "{text}");
    // A body that is too large to be kept is sent once.
    tokens.accepted.store(4, Ordering::SeqCst);
    let large = "x".repeat(70_000);
    assert_eq!(post(&scene, &id, &large).await.0, 401);
    assert_eq!(exchanges(&scene), 3);
}

#[tokio::test]
async fn a_failed_exchange_is_an_error_of_the_relay() {
    let tokens = Arc::new(Tokens::default());
    let (scene, id) = scene(&tokens, "another-secret", &[]).await;
    let (status, text) = post(&scene, &id, "hello").await;
    assert_eq!(
        (status, code(&text).as_str()),
        (502, "token_exchange_failed")
    );
    assert!(
        text.contains("the token endpoint answered 401 invalid_client"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    // By HTTP Basic, and then in the body; both are recorded.
    assert_eq!(exchanges(&scene), 2);
    let events = scene.events().await;
    let exchanged = events
        .iter()
        .filter(|event| event["details"]["exchange"] == true);
    assert_eq!(exchanged.count(), 2);
    let heads = scene.upstream.seen.heads();
    assert!(
        heads.iter().all(|head| !head.contains("/echo")),
        "{heads:?}"
    );
}

#[tokio::test]
async fn a_caller_gets_a_token_if_the_policy_says_so() {
    let tokens = Arc::new(Tokens::default());
    let more = [
        ("tokens", json!(true)),
        ("scopes", json!(["read", "write"])),
    ];
    let (scene, id) = scene(&tokens, SECRET, &more).await;
    let path = format!("{CREDENTIALS}/{id}/token");
    let token = scene.relay.call(Method::POST, &path, &json!({}), 200).await;
    assert_eq!(token["access_token"], "minted-token-1");
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["scope"], "read write");
    assert!(token["expires_at"].as_str().unwrap().ends_with('Z'));
    let again = scene.relay.call(Method::POST, &path, &json!({}), 200).await;
    assert_eq!((again, exchanges(&scene)), (token, 1));
    let events = scene.events().await;
    let handed = events
        .iter()
        .filter(|event| event["details"]["token"] == true);
    let handed: Vec<_> = handed.collect();
    assert!(
        handed
            .iter()
            .all(|event| event["action"] == "credential.use")
    );
    // One of the exchange, and one of each answer.
    assert_eq!(handed.len(), 3, "{handed:?}");
    // A member may not use credentials, and a revealing key has no token either.
    let refused = scene.vault.member.request(Method::POST, &path).send().await;
    assert_eq!(refused.unwrap().status(), 403);
}

#[tokio::test]
async fn without_permission_in_the_policy_no_token_is_handed_out() {
    let tokens = Arc::new(Tokens::default());
    let (scene, id) = scene(&tokens, SECRET, &[]).await;
    for id in [&id, &scene.id] {
        let path = format!("{CREDENTIALS}/{id}/token");
        let answer = scene
            .relay
            .request(Method::POST, &path)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403);
        let text = answer.text().await.unwrap();
        assert_eq!(code(&text), "relay_not_allowed", "{text}");
    }
    assert_eq!(exchanges(&scene), 0);
}

#[tokio::test]
async fn a_new_value_or_policy_has_a_new_token() {
    let tokens = Arc::new(Tokens::default());
    tokens.accepted.store(1, Ordering::SeqCst);
    let (scene, id) = scene(&tokens, SECRET, &[]).await;
    assert_eq!(post(&scene, &id, "one").await.0, 200);
    let blob = json!({ "json_blob": { "client_id": "client", "client_secret": "another-one" } });
    assert_eq!(scene.vault.admin.patch(&id, &blob).await.status(), 204);
    let (status, text) = post(&scene, &id, "two").await;
    assert_eq!(
        (status, code(&text).as_str()),
        (502, "token_exchange_failed")
    );
}
