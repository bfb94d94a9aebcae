//! An upstream sends the secret back.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::scene::{SECRET, Scene, answering, ok};
use super::upstream::{Connection, Script, Seen, head};

fn forms() -> Vec<String> {
    let mut forms = vec![
        SECRET.to_owned(),
        HEXLOWER.encode(SECRET.as_bytes()),
        HEXUPPER.encode(SECRET.as_bytes()),
        SECRET.replace('/', "%2F").replace('+', "%2B"),
        SECRET.replace('/', "%2f").replace('+', "%2b"),
        SECRET.replace('/', "\\/"),
    ];
    for before in ["", "x", "xy", "xyz"] {
        let text = format!("{before}{SECRET}yz");
        forms.extend([
            BASE64.encode(text.as_bytes()),
            BASE64URL.encode(text.as_bytes()),
        ]);
    }
    forms
}

/// Whether a long part of the secret is in `text`, raw or in an encoding.
fn leaks(text: &str) -> bool {
    let parts = [
        "sk_live_",
        "4eC39",
        "c2tfbGl2ZV",
        "a19saXZlXz",
        "tfbGl2Zj",
        "736b5f6c697665",
    ];
    let lower = text.to_lowercase();
    parts
        .iter()
        .any(|part| text.contains(part) || lower.contains(&part.to_lowercase()))
}

/// An upstream that writes parts, with a pause between them.
fn parts(parts: Vec<Vec<u8>>, pause: Duration) -> Script {
    let parts = Arc::new(parts);
    Arc::new(move |mut connection: Connection, seen: Seen| {
        let parts = parts.clone();
        Box::pin(async move {
            while head(&mut connection, &seen).await.is_some() {
                for part in &*parts {
                    if connection.write_all(part).await.is_err() {
                        return;
                    }
                    connection.flush().await.unwrap();
                    tokio::time::sleep(pause).await;
                }
            }
        })
    })
}

#[tokio::test]
async fn no_form_of_the_secret_is_passed_on() {
    let text = forms().join("\n");
    let headers: String = forms()
        .iter()
        .map(|form| format!("x-echo: {form}\r\n"))
        .collect();
    let scene = Scene::start(answering(move |head, _| {
        let chunked = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
        let framing = match head.starts_with("GET /chunked") {
            true => "transfer-encoding: chunked".to_owned(),
            false => format!("content-length: {}", text.len()),
        };
        let body = if framing.starts_with('t') {
            &chunked
        } else {
            &text
        };
        format!("HTTP/1.1 200 {SECRET}\r\n{headers}{framing}\r\n\r\n{body}").into_bytes()
    }))
    .await;
    let lengths = forms().join("\n").len();
    for path in ["/chunked", "/length"] {
        let answer = scene.request(Method::GET, path).send().await.unwrap();
        let shown = format!("{:?} {:?}", answer.status(), answer.headers());
        assert!(!leaks(&shown), "{shown}");
        let body = answer.text().await.unwrap();
        assert!(!leaks(&body), "{body}");
        assert!(body.matches("[redacted]").count() >= 10, "{body}");
        assert!(path == "/chunked" || body.len() == lengths, "{body}");
    }
}

#[tokio::test]
async fn one_byte_at_a_time_hides_as_well() {
    let text = format!("before {SECRET} after");
    let mut all = vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()];
    all.extend(
        text.bytes()
            .map(|byte| [b"1\r\n", &[byte][..], b"\r\n"].concat()),
    );
    all.push(b"0\r\n\r\n".to_vec());
    let scene = Scene::start(parts(all, Duration::from_millis(1))).await;
    assert_eq!(scene.get("/").await.2, "before [redacted] after");
}

#[tokio::test]
async fn a_cut_answer_shows_no_beginning_of_the_secret_and_never_ends_cleanly() {
    for framing in ["content-length: 999", "transfer-encoding: chunked"] {
        let cut = &SECRET[..12];
        let chunk = match framing.starts_with('t') {
            true => format!("{:x}\r\nbefore {cut}\r\n", cut.len() + 7),
            false => format!("before {cut}"),
        };
        let answer = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{chunk}");
        let script: Script = Arc::new(move |mut connection: Connection, seen: Seen| {
            let answer = answer.clone();
            Box::pin(async move {
                head(&mut connection, &seen).await;
                connection.write_all(answer.as_bytes()).await.unwrap();
                connection.flush().await.unwrap();
            })
        });
        let scene = Scene::start(script).await;
        // The connection may be reset before the head has left.
        let Ok(mut answer) = scene.request(Method::GET, "/").send().await else {
            continue;
        };
        let mut got = Vec::new();
        let ended = loop {
            match answer.chunk().await {
                Ok(Some(data)) => got.extend(data),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        assert!(!ended, "{framing}");
        assert!(
            !String::from_utf8_lossy(&got).contains("sk_"),
            "{framing}: {got:?}"
        );
    }
}

#[tokio::test]
async fn encodings_and_slices_are_refused() {
    let scene = Scene::start(answering(|head, _| {
        let path = head.split(' ').nth(1).unwrap();
        let (status, header) = match path {
            "/gzip" => (200, "content-encoding: gzip"),
            "/br" => (200, "Content-Encoding: BR"),
            "/zstd" => (200, "content-encoding: zstd"),
            "/double" => (200, "content-encoding: identity, gzip"),
            "/two" => (200, "content-encoding: identity\r\ncontent-encoding: gzip"),
            "/coding" => (200, "transfer-encoding: gzip, chunked"),
            "/slice" => (206, "content-range: bytes 0-1/9"),
            "/slices" => (200, "content-type: multipart/byteranges; boundary=x"),
            _ => (200, "content-encoding: identity"),
        };
        let length = if path == "/coding" {
            "x: y"
        } else {
            "content-length: 0"
        };
        format!("HTTP/1.1 {status} OK\r\n{header}\r\n{length}\r\n\r\n").into_bytes()
    }))
    .await;
    for path in [
        "/gzip", "/br", "/zstd", "/double", "/two", "/coding", "/slice", "/slices",
    ] {
        assert_eq!(
            scene.error(path).await,
            (502, "unscrubbable".into()),
            "{path}"
        );
    }
    assert_eq!(scene.get("/identity").await.0, 200);
    scene
        .request(Method::GET, "/")
        .header("Range", "bytes=0-1")
        .send()
        .await
        .unwrap();
    assert!(!scene.last_head().contains("range"));
    scene.allow(json!({"scrub": "headers"})).await;
    scene
        .request(Method::GET, "/gzip")
        .header("Range", "bytes=0-1")
        .send()
        .await
        .unwrap();
    assert!(scene.last_head().contains("range: bytes=0-1"));
    assert_eq!(scene.get("/gzip").await.0, 200);
}

#[tokio::test]
async fn the_policy_says_where_secrets_are_looked_for() {
    let scene = Scene::start(answering(|_, _| {
        let body = ok(SECRET.as_bytes());
        let head = format!("HTTP/1.1 200 OK\r\nx-echo: {SECRET}\r\n");
        [head.as_bytes(), &body["HTTP/1.1 200 OK\r\n".len()..]].concat()
    }))
    .await;
    for (mode, header, body) in [
        ("full", false, false),
        ("headers", false, true),
        ("off", true, true),
    ] {
        scene.allow(json!({"scrub": mode})).await;
        let answer = scene.request(Method::GET, "/").send().await.unwrap();
        assert_eq!(answer.headers()["x-echo"] == SECRET, header, "{mode}");
        assert_eq!(answer.text().await.unwrap() == SECRET, body, "{mode}");
    }
}

#[tokio::test]
async fn events_pass_when_they_arrive() {
    let event = |text: &str| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
    let script = parts(
        vec![
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
              transfer-encoding: chunked\r\n\r\n"
                .to_vec(),
            event("data: 1\n\n"),
            event("data: 2\n\n"),
            b"0\r\n\r\n".to_vec(),
        ],
        Duration::from_millis(300),
    );
    let scene = Scene::start(script).await;
    let mut answer = scene.request(Method::GET, "/").send().await.unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(first, "data: 1\n\n");
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 2\n\n");
    assert_eq!(answer.chunk().await.unwrap(), None);
}
