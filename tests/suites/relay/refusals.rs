//! What is not sent.

use serde_json::json;
use strongroom_e2e::{CREDENTIALS, exchange};

use super::scene::{NAME, Scene, code, echo};

/// The answer to a request whose path no client changes.
async fn raw(scene: &Scene, method: &str, path: &str) -> String {
    let key = &scene.relay.key;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nSlashID-API-Key: {key}\r\n");
    let request = format!("{head}Connection: close\r\n\r\n");
    exchange(&scene.relay.url, request.as_bytes()).await
}

#[tokio::test]
async fn methods_that_show_the_request_or_open_a_tunnel_are_405() {
    let scene = Scene::start(echo()).await;
    let path = scene.path("/");
    for method in ["TRACE", "TRACK", "PURGE", "CONNECT"] {
        let answer = raw(&scene, method, &path).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
    }
    assert_eq!(scene.upstream.seen.heads().len(), 0);
}

#[tokio::test]
async fn only_what_the_policy_allows_is_sent() {
    let scene = Scene::start(echo()).await;
    scene
        .allow(json!({"rules": [
            {"methods": ["GET"], "paths": ["/v1/*"]}, {"methods": ["POST"], "paths": ["/x"]},
        ]}))
        .await;
    let host = |host: &str, path: &str| format!("{CREDENTIALS}/{}/relay/{host}{path}", scene.id);
    let port = scene.upstream.address.port();
    for (method, path, status) in [
        ("GET", host("-", "/v1/a"), 200),
        ("GET", host(NAME, "/v1/a"), 200),
        ("GET", host("API.Upstream.test", "/v1/"), 200),
        ("GET", host(&format!("{NAME}:{port}"), "/v1/a"), 200),
        ("POST", host("-", "/x"), 200),
        ("GET", host(&format!("{NAME}:443"), "/v1/a"), 403),
        ("GET", host("other.test", "/v1/a"), 403),
        ("GET", host("127.0.0.1", "/v1/a"), 403),
        ("GET", host("0x7f.1", "/v1/a"), 403),
        ("GET", host("-", "/v2"), 403),
        ("GET", host("-", "/v1"), 403),
        ("POST", host("-", "/v1/a"), 403),
        ("PUT", host("-", "/v1/a"), 403),
        ("GET", host("-", "/v1/a%2fb"), 400),
        ("GET", host("-", "/v1/a%5Cb"), 400),
        ("GET", host("-", "/v1/..;/x"), 400),
    ] {
        let before = scene.upstream.seen.heads().len();
        let answer = scene
            .relay
            .request(method.parse().unwrap(), &path)
            .send()
            .await
            .unwrap();
        let got = answer.status().as_u16();
        assert_eq!(got, status, "{method} {path}");
        let text = answer.text().await.unwrap();
        if status == 403 {
            assert_eq!(code(&text), "relay_not_allowed");
        } else if status == 400 {
            assert_eq!(code(&text), "relay_path");
        }
        let sent = scene.upstream.seen.heads().len() - before;
        assert_eq!(sent, usize::from(status == 200), "{method} {path}");
    }
    for path in [
        "/v1/../x",
        "/v1/%2e%2e/x",
        "/v1/./x",
        "/v1/%252e%252e/x",
        "/v1/a%00",
        "/v1\\x",
    ] {
        let answer = raw(&scene, "GET", &scene.path(path)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    let other = scene.vault.new_key(&scene.vault.admin.org, "relay");
    let keys = scene.vault.keys(&scene.vault.admin.org);
    let own = keys.iter().find(|key| key["role"] == "relay").unwrap()["key_id"].clone();
    scene.allow(json!({"keys": [own]})).await;
    let statuses = [
        scene.relay.get(&scene.path("/")).await.status().as_u16(),
        other.get(&scene.path("/")).await.status().as_u16(),
        scene
            .vault
            .member
            .get(&scene.path("/"))
            .await
            .status()
            .as_u16(),
    ];
    assert!(
        statuses == [200, 403, 403] || statuses == [403, 200, 403],
        "{statuses:?}"
    );
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_refused() {
    let scene = Scene::start(echo()).await;
    let api = &scene.vault.admin;
    let unset = api.create("sk_live_12345678").await;
    let answer = api.get(&format!("{CREDENTIALS}/{unset}/relay/-/")).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(code(&answer.text().await.unwrap()), "relay_not_configured");
    for value in ["short", "12345678\r\nx-evil: 1", "12345678\u{0}"] {
        let change = json!({"json_blob": {"api_key": value}});
        assert_eq!(api.patch(&scene.id, &change).await.status(), 204);
        assert_eq!(
            scene.error("/").await,
            (422, "credential_unusable".into()),
            "{value:?}"
        );
    }
    assert_eq!(scene.upstream.seen.heads().len(), 0);
    let gone = format!("credentialId={}", scene.id);
    assert_eq!(api.delete(&gone).await.status(), 204);
    assert_eq!(scene.error("/").await, (404, "not_found".into()));
}
