//! What a relay would send, without sending it.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::dns::Answers;
use super::scene::{NAME, SECRET, Scene, addresses, echo};
use super::support::policy_path;

async fn preview(scene: &Scene, wanted: Value) -> Value {
    let path = format!("{}/test", policy_path(&scene.id));
    let result = scene.vault.admin.call(Method::POST, &path, &wanted, 200);
    let result = result.await;
    assert!(!result.to_string().contains(SECRET), "{result}");
    assert_eq!(scene.upstream.seen.connections(), 0);
    result
}

#[tokio::test]
async fn a_preview_shows_the_request_without_the_secret_and_sends_nothing() {
    let scene = Scene::start(echo()).await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let inject = json!([
        {"header": "Authorization", "prefix": "Token ", "from": "api_key"},
        {"query": "key", "from": "api_key"},
    ]);
    scene
        .allow(json!({"keys": [nobody], "inject": inject}))
        .await;
    let wanted = json!({
        "method": "POST", "path": "/v1/a", "query": "b=c",
        "headers": {"Cookie": "a=b", "Content-Type": "text/plain"},
    });
    let result = preview(&scene, wanted).await;
    assert_eq!(result["problem"], Value::Null);
    let sent = &result["request"];
    assert_eq!(sent["host"], NAME);
    assert_eq!(sent["port"], scene.upstream.address.port());
    assert_eq!(sent["method"], "POST");
    assert_eq!(sent["target"], "/v1/a?b=c&key=[redacted]");
    let headers = sent["headers"].as_array().unwrap();
    let value = |name: &str| {
        let mut named = headers
            .iter()
            .filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named.next().map(|header| header[1].clone())
    };
    assert_eq!(value("authorization"), Some(json!("Token [redacted]")));
    assert_eq!(value("content-type"), Some(json!("text/plain")));
    assert_eq!(value("cookie"), None);
    let newest = &scene.events().await[0];
    assert_eq!(newest["action"], "relay_policy.read");
}

#[tokio::test]
async fn a_preview_says_why_nothing_would_be_sent() {
    let answers: Answers = Arc::new(|_, _| Some(addresses(&["10.0.0.1"])));
    let scene = Scene::start_with(echo(), answers, &[]).await;
    let rules = json!([{"methods": ["GET"], "paths": ["/v1/*"]}]);
    scene.allow(json!({"rules": rules})).await;
    for (wanted, code, is_shown) in [
        (json!({"path": "/v1/a"}), "address_refused", true),
        (json!({"path": "/v2"}), "relay_not_allowed", false),
        (json!({"path": "/v1/../a"}), "relay_path", false),
        (
            json!({"path": "/v1/a", "host": "other.test"}),
            "relay_not_allowed",
            false,
        ),
        (
            json!({"path": "/v1/a", "method": "POST"}),
            "relay_not_allowed",
            false,
        ),
    ] {
        let result = preview(&scene, wanted.clone()).await;
        assert_eq!(result["problem"]["code"], code, "{wanted}");
        assert_eq!(result["request"].is_object(), is_shown, "{wanted}");
    }
    let path = format!("{}/test", policy_path(&scene.id));
    for (api, wanted, status) in [
        (
            &scene.vault.admin,
            json!({"path": "/", "method": "TRACE"}),
            400,
        ),
        (
            &scene.vault.admin,
            json!({"path": "/", "headers": {"a": 1}}),
            400,
        ),
        (&scene.vault.admin, json!({}), 400),
        (&scene.relay, json!({"path": "/v1/a"}), 403),
    ] {
        let answer = api.request(Method::POST, &path).json(&wanted).send().await;
        assert_eq!(answer.unwrap().status(), status, "{wanted}");
    }
}
