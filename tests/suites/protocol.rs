//! Parts of HTTP/1.1 that a server may ignore or must answer early: `Upgrade`, and
//! `Expect: 100-continue`.

use std::path::Path;
use std::process::Command;

use strongroom_e2e::{Api, CREDENTIALS, Raw, TestVault, api_key, exchange};

/// Offers to change the protocol. The first is that of Java's own client.
const OFFERS: [&str; 8] = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "upgrade: WebSocket\r\nconnection: keep-alive,UPGRADE\r\n",
    "Connection:upgrade\r\nConnection:\tupgrade \r\nUpgrade: TLS/1.3, h2c\r\n",
    "Connection: upgrade\r\n",
    "Upgrade: websocket\r\n",
    "Connection: ,upgrade,\r\nUpgrade: IRC/6.9\r\nUpgrade: websocket\r\n",
    "Upgrade: HTTP/2.0\r\nConnection: keep-alive\r\n",
];

fn request(api: &Api, line: &str, more: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: x\r\nSlashID-OrgID: {}\r\nSlashID-API-Key: {}\r\n\
         Content-Type: application/json\r\n{more}",
        api.org, api.key
    )
}

/// Sends a request on a connection that must stay open; returns the answer's status.
async fn ask(raw: &mut Raw, request: &str) -> String {
    raw.write(request.as_bytes()).await;
    let (head, _) = raw.answer(request.starts_with("HEAD")).await;
    for header in ["\r\nconnection:", "\r\nupgrade:"] {
        assert!(!head.contains(header), "{request}{head}");
    }
    head[9..12].to_owned()
}

#[tokio::test]
async fn offers_to_change_the_protocol_are_ignored() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let one = format!("{CREDENTIALS}/{id}");
    let mut raw = Raw::connect(&api.url).await;
    for offer in OFFERS {
        for (line, status) in [
            ("GET /healthz".to_owned(), "200"),
            ("HEAD /healthz".to_owned(), "200"),
            ("OPTIONS /healthz".to_owned(), "405"),
            ("PUT /nowhere".to_owned(), "404"),
            (format!("GET {CREDENTIALS}"), "200"),
            (format!("GET {one}"), "200"),
            (format!("DELETE {CREDENTIALS}"), "400"),
        ] {
            let sent = request(api, &line, &format!("{offer}\r\n"));
            assert_eq!(ask(&mut raw, &sent).await, status, "{sent}");
        }
        let body = api_key("new").to_string();
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let length = format!("Content-Length: {}\r\n", body.len());
        let label = r#"{"extcred_label":"x"}"#;
        for (line, framing, body, status) in [
            (format!("POST {CREDENTIALS}"), &*length, &*body, "201"),
            (
                format!("POST {CREDENTIALS}"),
                "Transfer-Encoding: chunked\r\n",
                &chunks,
                "201",
            ),
            (
                format!("PATCH {one}"),
                "Content-Length: 21\r\n",
                label,
                "204",
            ),
        ] {
            for headers in [format!("{framing}{offer}"), format!("{offer}{framing}")] {
                let sent = request(api, &line, &format!("{headers}\r\n{body}"));
                assert_eq!(ask(&mut raw, &sent).await, status, "{sent}");
            }
        }
    }
}

#[tokio::test]
async fn offers_in_pipelined_and_last_requests_are_ignored() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let mut raw = Raw::connect(&api.url).await;
    // Requests that are sent without waiting for answers.
    let both = format!("{}\r\n", request(api, "GET /healthz", OFFERS[1])).repeat(2);
    raw.write(both.as_bytes()).await;
    for _ in 0..2 {
        let (head, body) = raw.answer(false).await;
        assert!(
            head.starts_with("http/1.1 200") && body.contains("alive"),
            "{head}{body}"
        );
    }
    let close = OFFERS[0].replacen("Upgrade", "close, Upgrade", 1);
    let last = request(api, "GET /healthz", &format!("{close}\r\n"));
    let last = exchange(&api.url, last.as_bytes()).await.to_lowercase();
    assert!(last.contains("\r\nconnection: close\r\n"), "{last}");
}

#[tokio::test]
#[allow(clippy::print_stderr, reason = "says that it is skipped")]
async fn javas_own_client_writes_back_to_back() {
    let java = Command::new("javac").arg("-version").output();
    if !java.is_ok_and(|java| java.status.success()) {
        eprintln!("skipped: there is no JDK");
        return;
    }
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/Writes.java");
    let output = Command::new("java")
        .args(["-Xmx128m", "-XX:+UseSerialGC"])
        .arg(source)
        .args([&*api.url, &api.org, &api.key, "100"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let page = api.get(&format!("{CREDENTIALS}?limit=1")).await;
    let page: serde_json::Value = page.json().await.unwrap();
    assert_eq!(page["meta"]["pagination"]["total_count"], 200);
}

#[tokio::test]
async fn a_client_that_expects_100_continue_receives_a_refusal_at_once() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let wrong = Api::new(&api.url, &api.org, "sr_admin_a_a");
    let expect = "Expect: 100-continue\r\n";
    let pieces = "POST /external_provider/api_key/create";
    let create = format!("POST {CREDENTIALS}");
    for (api, line, more, status) in [
        (&wrong, &*create, "Content-Length: 90\r\n", "401"),
        (&wrong, &*create, "Transfer-Encoding: chunked\r\n", "401"),
        (&wrong, pieces, "Content-Length: 90\r\n", "401"),
        (&vault.member, &*create, "Content-Length: 90\r\n", "403"),
        (api, &*create, "Content-Length: 1000000\r\n", "413"),
        (
            api,
            &*create,
            "Content-Length: 90\r\nContent-Encoding: gzip\r\n",
            "415",
        ),
        (api, "POST /nowhere", "Content-Length: 90\r\n", "404"),
        (api, "GET /healthz", "", "200"),
    ] {
        let mut raw = Raw::connect(&api.url).await;
        let sent = request(api, line, &format!("{more}{expect}\r\n"));
        raw.write(sent.as_bytes()).await;
        let (head, _) = raw.answer(false).await;
        assert_eq!(&head[9..12], status, "{sent}{head}");
    }
    let body = api_key("late").to_string();
    let head = request(
        api,
        &create,
        &format!("Content-Length: {}\r\n{expect}\r\n", body.len()),
    );
    let mut raw = Raw::connect(&api.url).await;
    // Twice on one connection, and behind a request whose answer comes first.
    for first in ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] {
        raw.write(format!("{first}{head}").as_bytes()).await;
        if !first.is_empty() {
            assert!(raw.answer(false).await.0.starts_with("http/1.1 200 "));
        }
        assert_eq!(
            raw.wait_for("\r\n\r\n").await,
            "HTTP/1.1 100 Continue\r\n\r\n"
        );
        raw.write(body.as_bytes()).await;
        let (answer, _) = raw.answer(false).await;
        assert!(answer.starts_with("http/1.1 201 "), "{answer}");
    }
    raw.write(format!("{head}{body}").as_bytes()).await;
    raw.wait_for("HTTP/1.1 201 ").await;
}
