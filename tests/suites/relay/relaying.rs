//! What is sent, and what is passed on.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, eventually};

use super::scene::{NAME, SECRET, Scene, answering, echo, ok};

const LATE: std::time::Duration = std::time::Duration::from_secs(5);

#[tokio::test]
async fn a_request_is_sent_with_the_credential_and_its_answer_passed_on() {
    let scene = Scene::start(answering(|_, _| {
        b"HTTP/1.1 418 Teapot\r\nx-own: 1\r\nset-cookie: a=b\r\nalt-svc: h3\r\n\
          connection: keep-alive, x-hop\r\nx-hop: 2\r\nlocation: https://a.example/\r\n\
          content-length: 5\r\n\r\nhello"
            .to_vec()
    }))
    .await;
    let request = scene.request(Method::POST, "/v1/%7Ea//b?x=%20y&z");
    let request = request
        .header("Content-Type", "text/plain")
        .header("Idempotency-Key", "theirs")
        .header("Cookie", "a=b")
        .header("X-Forwarded-For", "10.0.0.1")
        .header("Authorization", "Bearer mine")
        .body("body");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 418);
    let headers = answer.headers();
    assert_eq!(headers["slashid-relay-origin"], "upstream");
    assert_eq!(headers["x-own"], "1");
    assert_eq!(headers["location"], "https://a.example/");
    for dropped in ["set-cookie", "alt-svc", "x-hop"] {
        assert!(!headers.contains_key(dropped), "{dropped}");
    }
    assert_eq!(answer.text().await.unwrap(), "hello");
    let head = scene.last_head();
    let port = scene.upstream.address.port();
    assert!(
        head.starts_with("POST /v1/%7Ea//b?x=%20y&z HTTP/1.1\r\n"),
        "{head}"
    );
    for line in [
        format!("host: {NAME}:{port}"),
        format!("authorization: Bearer {SECRET}"),
        "content-type: text/plain".into(),
        "idempotency-key: theirs".into(),
        "accept-encoding: identity".into(),
        "content-length: 4".into(),
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
    for absent in ["cookie", "x-forwarded", "slashid", "mine", &scene.relay.key] {
        assert!(!head.contains(absent), "{absent}: {head}");
    }
}

#[tokio::test]
async fn every_method_and_size_of_answer_passes() {
    let large = vec![b'x'; 3_000_000];
    let body = large.clone();
    let scene = Scene::start(answering(move |head, sent| match head {
        head if head.starts_with("GET /large") => ok(&body),
        head if head.starts_with("GET /empty") => ok(b""),
        head if head.starts_with("GET /none") => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        head if head.starts_with("GET /chunked") => {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
                .to_vec()
        }
        head if head.starts_with("HEAD") => {
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec()
        }
        _ => ok(sent),
    }))
    .await;
    assert_eq!(scene.get("/large").await.2.as_bytes(), large);
    for (path, status, text) in [
        ("/empty", 200, ""),
        ("/none", 204, ""),
        ("/chunked", 200, "abc"),
    ] {
        let (got, origin, body) = scene.get(path).await;
        assert_eq!(
            (got, &*origin, &*body),
            (status, "upstream", text),
            "{path}"
        );
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = scene
            .request(method.parse().unwrap(), "/")
            .body(large.clone());
        let answer = request.send().await.unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.bytes().await.unwrap().len()
            ),
            (200, large.len())
        );
    }
    let head = scene.request(Method::HEAD, "/").send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), head.text().await.unwrap()),
        (200, String::new())
    );
    // All of that went over one connection.
    assert_eq!(scene.upstream.seen.connections(), 1);
}

#[tokio::test]
async fn client_libraries_need_only_another_url_and_key() {
    let scene = Scene::start(echo()).await;
    let (key, org) = (&scene.relay.key, &scene.vault.admin.org);
    let send = async |name: &str, value: &str| {
        let request = scene.relay.bare(Method::GET, &scene.path("/"));
        request
            .header(name, value)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let basic = |text: &str| format!("Basic {}", data_encoding::BASE64.encode(text.as_bytes()));
    for (name, value) in [
        ("SlashID-API-Key", key.clone()),
        ("Authorization", format!("Bearer {key}")),
        ("x-api-key", key.clone()),
        ("Authorization", basic(&format!("user:{key}"))),
        ("Authorization", basic(&format!("{key}:"))),
    ] {
        assert_eq!(send(name, &value).await, 200, "{name} {value}");
        let head = scene.last_head();
        assert!(!head.contains(key) && !head.contains("x-api-key"), "{head}");
        assert_eq!(head.matches("authorization: ").count(), 1, "{head}");
    }
    for (name, value) in [
        ("Authorization", "Bearer x"),
        ("x-api-key", "x"),
        ("Accept", "x"),
    ] {
        assert_eq!(send(name, value).await, 401, "{name}");
    }
    let both = scene.relay.bare(Method::GET, &scene.path("/"));
    let both = both
        .header("x-api-key", key)
        .header("Authorization", format!("Bearer {key}"));
    assert_eq!(both.send().await.unwrap().status(), 401);
    let below = json!({"role": "relay", "organizations": "descendants"});
    let (below, _) = scene.vault.root().issue(below).await;
    let unnamed = below
        .bare(Method::GET, &scene.path("/"))
        .header("SlashID-API-Key", &below.key);
    assert_eq!(unnamed.send().await.unwrap().status(), 400);
    let named = Api::new(&below.url, org, &below.key);
    assert_eq!(named.get(&scene.path("/")).await.status(), 200);
}

#[tokio::test]
async fn places_of_a_policy_carry_the_credential() {
    let scene = Scene::start(echo()).await;
    scene
        .allow(json!({"inject": [{"query": "key", "from": "api_key"}]}))
        .await;
    assert_eq!(scene.get("/a?b=c").await.0, 200);
    assert!(
        scene
            .last_head()
            .starts_with("GET /a?b=c&key=sk_live_4eC39%2FHq%2BLy HTTP/1.1\r\n")
    );
    for query in ["key=1", "KEY=1", "%6bey=1", "a=1;key=2", "key[]=3"] {
        assert_eq!(
            scene.error(&format!("/a?{query}")).await,
            (400, "relay_path".into())
        );
    }
    let basic = json!([{"basic": {"username": "api_key"}}]);
    scene.allow(json!({"inject": basic})).await;
    assert_eq!(scene.get("/").await.0, 200);
    let expected = data_encoding::BASE64.encode(format!("{SECRET}:").as_bytes());
    assert!(
        scene
            .last_head()
            .contains(&format!("authorization: Basic {expected}\r\n"))
    );
    scene
        .allow(json!({"inject": [{"header": "X-Key", "prefix": "k=", "from": "api_key"}]}))
        .await;
    let request = scene.request(Method::GET, "/").header("X_Key", "theirs");
    request.header("Connection", "X-Key").send().await.unwrap();
    let head = scene.last_head();
    assert!(
        head.contains(&format!("x-key: k={SECRET}\r\n")) && !head.contains("theirs"),
        "{head}"
    );
}

#[tokio::test]
async fn uses_are_recorded_and_counted() {
    let scene = Scene::start(answering(|_, _| ok(format!("<{SECRET}>").as_bytes()))).await;
    assert_eq!(scene.get("/v1/a?query=1").await.0, 200);
    eventually("credential.used is recorded", LATE, async || {
        let events = scene.events().await;
        events
            .iter()
            .any(|event| event["action"] == "credential.used")
    })
    .await;
    let events = scene.events().await;
    let one = |action: &str| {
        events
            .iter()
            .find(|event| event["action"] == action)
            .unwrap()
    };
    let (used, ended) = (one("credential.use"), one("credential.used"));
    assert_eq!(used["outcome"], "ok");
    let details = &used["details"];
    assert_eq!(details["host"], NAME);
    assert_eq!(
        (&details["method"], &details["path"]),
        (&json!("GET"), &json!("/v1/a"))
    );
    assert!(!used.to_string().contains("query"));
    let details = &ended["details"];
    assert_eq!(
        (&details["status"], &details["redactions"]),
        (&json!(200), &json!(1))
    );
    assert_eq!(details["failure"], Value::Null);
    assert_eq!(used["request_id"], ended["request_id"]);
    let metric = |name: &'static str| scene.vault.admin.metric(name);
    assert_eq!(
        metric("strongroom_relays_total{outcome=\"ok\"}").await,
        Some(1.0)
    );
    assert_eq!(metric("strongroom_relay_redactions_total").await, Some(1.0));
    assert_eq!(metric("strongroom_relays_in_flight").await, Some(0.0));
    let listed = scene.vault.admin.list().await;
    assert!(
        listed
            .iter()
            .any(|one| one["external_cred_id"] == scene.id.as_str())
    );
}
