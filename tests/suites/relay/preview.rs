//! What a relay would send, without sending it.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::Finished;

use super::dns::Answers;
use super::scene::{NAME, SECRET, Scene, addresses, echo};
use super::support::policy_path;
use crate::callers::user::User;

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

/// Runs `strongroom credential relay-test` as the admin.
async fn relay_test(scene: &Scene, args: &[&str]) -> Finished {
    let user = User::of(&scene.vault.admin);
    let common = ["credential", "relay-test", &scene.id];
    let args: Vec<String> = [&common[..], args]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    // On a thread of its own, since the DNS server is on this one.
    let run = move || user.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn the_command_line_shows_what_would_be_sent() {
    let scene = Scene::start(echo()).await;
    let rules = json!([{"methods": ["POST"], "paths": ["/v1/*"]}]);
    scene.allow(json!({"rules": rules})).await;
    let args = ["/v1/a?b=c", "--method", "POST", "--header", "X-Own: 1"];
    let shown = relay_test(&scene, &args).await;
    assert!(shown.success, "{}", shown.stderr);
    let port = scene.upstream.address.port();
    let line = format!("POST https://{NAME}:{port}/v1/a?b=c\n");
    assert!(shown.stdout.starts_with(&line), "{}", shown.stdout);
    for line in ["authorization: Bearer [redacted]", "x-own: 1"] {
        assert!(shown.stdout.contains(line), "{line}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains(SECRET));
    let refused = relay_test(&scene, &["/v1/a"]).await;
    assert!(!refused.success);
    assert!(
        refused.stderr.contains("relay_not_allowed"),
        "{}",
        refused.stderr
    );
    assert_eq!(scene.upstream.seen.connections(), 0);
}

#[tokio::test]
async fn a_preview_mints_no_token() {
    let scene = Scene::start(echo()).await;
    let port = scene.upstream.address.port();
    let credential = json!({
        "extcred_provider": "generic", "extcred_type": "client_credentials",
        "json_blob": { "client_id": "client", "client_secret": SECRET },
    });
    let policy = json!({
        "hosts": [NAME], "token_url": format!("https://{NAME}:{port}/token"),
    });
    let id = scene.add(&credential, policy).await;
    let path = format!("{}/test", policy_path(&id));
    let wanted = json!({"path": "/v1/a"});
    let result = scene.vault.admin.call(Method::POST, &path, &wanted, 200);
    let result = result.await;
    let authorization = json!(["authorization", "Bearer [redacted]"]);
    let headers = result["request"]["headers"].as_array().unwrap();
    assert!(headers.contains(&authorization), "{result}");
    assert_eq!(scene.upstream.seen.connections(), 0);
}
