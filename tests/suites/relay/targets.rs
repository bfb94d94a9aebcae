//! Where requests go, and upstreams that misbehave.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::Method;
use serde_json::json;
use strongroom_e2e::eventually;
use tokio::io::AsyncWriteExt;

use super::dns::Answers;
use super::scene::{Scene, addresses, always, answering, echo, ok};
use super::upstream::{Connection, Script, Seen, head};

#[tokio::test]
async fn refused_addresses_are_never_connected_to() {
    for found in [
        &["169.254.169.254"][..],
        &["10.0.0.1"],
        &["168.63.129.16"],
        &["127.0.0.1", "192.168.0.1"],
        &["127.0.0.1", "::1"],
        &["::ffff:169.254.169.254"],
        &["64:ff9b::a9fe:a9fe"],
        &["0.0.0.0"],
    ] {
        let answers: Answers = Arc::new(move |_, _| Some(addresses(found)));
        let scene = Scene::start_with(echo(), answers, &[]).await;
        assert_eq!(
            scene.error("/").await,
            (403, "address_refused".into()),
            "{found:?}"
        );
        assert_eq!(scene.upstream.seen.connections(), 0);
        eventually(
            "the refusal is recorded",
            Duration::from_secs(5),
            async || {
                let events = scene.events().await;
                events
                    .iter()
                    .any(|one| one["action"] == "credential.use" && one["outcome"] == "denied")
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_again() {
    let answers: Answers = Arc::new(|_, times| {
        Some(addresses(&[match times {
            0 => "127.0.0.1",
            _ => "169.254.169.254",
        }]))
    });
    let scene = Scene::start_with(echo(), answers, &[]).await;
    assert_eq!(scene.get("/").await.0, 200);
    assert_eq!(scene.error("/").await, (403, "address_refused".into()));
    assert_eq!(scene.upstream.seen.heads().len(), 1);
}

#[tokio::test]
async fn a_proxy_in_the_environment_is_not_used() {
    let proxy = "http://127.0.0.1:9";
    let variables = [
        ("HTTPS_PROXY", proxy),
        ("https_proxy", proxy),
        ("ALL_PROXY", proxy),
        ("HTTP_PROXY", proxy),
    ];
    let scene = Scene::start_with(echo(), always("127.0.0.1"), &variables).await;
    assert_eq!(scene.get("/").await.0, 200);
}

#[tokio::test]
async fn our_own_listener_is_refused() {
    let scene = Scene::start(echo()).await;
    let port: u16 = scene.relay.url.rsplit(':').next().unwrap().parse().unwrap();
    scene.allow(json!({"ports": [port]})).await;
    assert_eq!(scene.error("/").await, (403, "address_refused".into()));
}

#[tokio::test]
async fn redirects_are_passed_on_and_not_followed() {
    let scene = Scene::start(answering(|_, _| {
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /canary\r\ncontent-length: 0\r\n\r\n"
            .to_vec()
    }))
    .await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let url = format!("{}{}", scene.relay.url, scene.path("/"));
    let request = client
        .build()
        .unwrap()
        .get(url)
        .bearer_auth(&scene.relay.key);
    assert_eq!(request.send().await.unwrap().status(), 307);
    assert_eq!(scene.upstream.seen.heads().len(), 1);
}

pub(super) fn writing(answer: &'static [u8], forever: bool) -> Script {
    Arc::new(move |mut connection: Connection, seen: Seen| {
        Box::pin(async move {
            head(&mut connection, &seen).await;
            while connection.write_all(answer).await.is_ok() && forever {}
            connection.flush().await.ok();
            if !forever {
                std::future::pending::<()>().await;
            }
        })
    })
}

#[tokio::test]
async fn misbehavior_has_its_error() {
    for (answer, forever, expected) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"[..],
            false,
            (502, "upstream_protocol"),
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            false,
            (502, "upstream_protocol"),
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
            false,
            (502, "upstream_protocol"),
        ),
        (b"SSH-2.0-x\r\n\r\n", false, (502, "upstream_protocol")),
        (b"HTTP/1.1 200 OK\r\n", false, (504, "upstream_timeout")),
        (b"x-endless: yes\r\n", true, (502, "upstream_protocol")),
        (b"", false, (504, "upstream_timeout")),
    ] {
        let scene = Scene::start(writing(answer, forever)).await;
        scene.allow(json!({"limits": {"head_seconds": 1}})).await;
        let (status, code) = scene.error("/").await;
        assert_eq!(
            (status, &*code),
            expected,
            "{}",
            String::from_utf8_lossy(answer)
        );
    }
    let scene = Scene::start(echo()).await;
    scene.allow(json!({"ports": [1]})).await;
    assert_eq!(scene.error("/").await, (502, "upstream_unreachable".into()));
}

#[tokio::test]
async fn sizes_and_times_of_a_policy_hold() {
    let scene = Scene::start(answering(|head, _| match head.contains("/large") {
        true => ok(&[b'x'; 2000]),
        false => ok(b"small"),
    }))
    .await;
    let limits = json!({"request_bytes": 1000, "answer_bytes": 1000});
    scene.allow(json!({"limits": limits})).await;
    let post = async |body: Vec<u8>| {
        let answer = scene
            .request(Method::POST, "/")
            .body(body)
            .send()
            .await
            .unwrap();
        answer.status().as_u16()
    };
    assert_eq!(
        (post(vec![0; 1000]).await, post(vec![0; 1001]).await),
        (200, 413)
    );
    let chunk = || Ok::<_, std::io::Error>(Frame::data(hyper::body::Bytes::from(vec![0; 600])));
    let chunks = futures_util::stream::iter(vec![chunk(), chunk()]);
    let body = reqwest::Body::wrap(StreamBody::new(chunks));
    let answer = scene
        .request(Method::POST, "/")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(scene.get("/large").await.2, "cut");
}

#[tokio::test]
async fn too_many_requests_in_flight_are_refused_at_once() {
    let hanging = writing(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun", false);
    let limit = [("STRONGROOM_EGRESS_ORG_MAX_REQUESTS", "2")];
    let scene = Scene::start_with(hanging, always("127.0.0.1"), &limit).await;
    // A caller that goes away is noticed when something is written to it, or at a limit.
    scene.allow(json!({"limits": {"idle_seconds": 1}})).await;
    let first = scene.request(Method::GET, "/").send().await.unwrap();
    let second = scene.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(scene.error("/").await, (503, "relay_busy".into()));
    drop((first, second));
    eventually("a place is free", Duration::from_secs(5), async || {
        let answer = scene.request(Method::GET, "/").send().await.unwrap();
        answer.status() == 200
    })
    .await;
}

#[tokio::test]
async fn certificates_of_upstreams_are_verified() {
    let scene = Scene::start(echo()).await;
    let other = Scene::start(echo()).await;
    // An upstream whose certificate another authority issued.
    scene
        .allow(json!({"ports": [other.upstream.address.port()]}))
        .await;
    assert_eq!(scene.error("/").await, (502, "upstream_tls".into()));
    assert_eq!(other.upstream.seen.heads().len(), 0);
    assert!(scene.folder().path().exists() && scene.dns.address.port() > 0);
}
