//! Requests within the limits: raised sizes, idle connections and pipelining.

use std::time::Duration;

use strongroom_e2e::{Api, CREDENTIALS, Raw, TestVault, api_key, exchange};

use super::support::{ALIVE, SOON, closed_for, get, refused};

#[tokio::test]
async fn sizes_can_be_set() {
    let sizes = [
        ("STRONGROOM_MAX_URL", "256"),
        ("STRONGROOM_MAX_HEADERS", "16"),
        ("STRONGROOM_MAX_HEADER_BYTES", "1024"),
        ("STRONGROOM_MAX_BODY", "200000"),
    ];
    let vault = TestVault::start_with(&sizes).await;
    let url = &vault.admin.url;
    let long = format!("/healthz?{}", "a".repeat(250));
    refused(&exchange(url, &get(&long, "")).await, (414, "url_too_long"));
    let wide = format!("X-Wide: {}\r\n", "a".repeat(1024));
    refused(
        &exchange(url, &get("/healthz", &wide)).await,
        (431, "headers_too_large"),
    );
    let secret = "s".repeat(150_000);
    let id = vault.admin.create(&secret).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], secret.as_str());
    let too_large = api_key(&"s".repeat(200_000));
    assert_eq!(vault.admin.post(&too_large).await.status(), 413);
}

#[tokio::test]
async fn an_idle_connection_is_kept_as_long_as_it_should_be() {
    let variables = [
        ("STRONGROOM_HEADER_TIMEOUT", "1s"),
        ("STRONGROOM_KEEP_ALIVE", "5s"),
    ];
    let vault = TestVault::start_with(&variables).await;
    let mut raw = Raw::connect(&vault.admin.url).await;
    for _ in 0..2 {
        raw.write(ALIVE.as_bytes()).await;
        raw.wait_for("\"alive\"}").await;
        // Longer than the header timeout.
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    raw.write(ALIVE.as_bytes()).await;
    raw.wait_for("\"alive\"}").await;
    let rest = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
    assert_eq!(rest, "");
    assert_eq!(closed_for(&vault.admin, "head").await, 0.0);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let vault = TestVault::start().await;
    let body = api_key("pipelined").to_string();
    let head = |method: &str, path: &str, more: &str| {
        let Api { org, key, .. } = &vault.admin;
        let caller = format!("SlashID-OrgID: {org}\r\nSlashID-API-Key: {key}\r\n");
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{caller}{more}\r\n")
    };
    let more = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let create = head("POST", CREDENTIALS, &more) + &body;
    let list = head("GET", &format!("{CREDENTIALS}?limit=1"), "");
    let all = create.repeat(30) + &list + ALIVE + &head("GET", "/nowhere", "Connection: close\r\n");
    let answers = exchange(&vault.admin.url, all.as_bytes()).await;
    let statuses: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|one| &one[..3])
        .collect();
    assert_eq!(statuses[..30], ["201"; 30]);
    assert_eq!(statuses[30..], ["200", "200", "404"]);
    assert_eq!(vault.admin.list().await.len(), 30);
}
