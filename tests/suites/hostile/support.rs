use std::time::Duration;

use strongroom_e2e::{Api, eventually};

pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) const ALIVE: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// The largest file that servers serve.
pub(super) const LARGE: &str = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n";

pub(super) fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

pub(super) fn status(answer: &str) -> &str {
    answer
        .strip_prefix("HTTP/1.1 ")
        .map_or("none", |rest| &rest[..3])
}

/// Checks that `answer` has the envelope with this status and code.
pub(super) fn refused(answer: &str, expected: (u16, &str)) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(status(answer), expected.0.to_string(), "{answer}");
    assert!(
        head.to_lowercase().contains("cache-control: no-store"),
        "{head}"
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["httpcode"], expected.0);
    assert_eq!(body["errors"][0]["code"], expected.1);
}

pub(super) async fn is_well(api: &Api) {
    let id = api.create("meanwhile").await;
    assert_eq!(api.secret(&id).await["api_key"], "meanwhile");
}

pub(super) async fn open_connections(api: &Api) -> f64 {
    let open = api.metric("strongroom_http_connections").await;
    open.unwrap()
}

pub(super) async fn almost_all_are_closed(api: &Api) {
    eventually("the connections are closed", SOON, async || {
        open_connections(api).await < 10.0
    })
    .await;
}

pub(super) async fn closed_for(api: &Api, slow: &str) -> f64 {
    let name = format!("strongroom_connections_closed_total{{slow=\"{slow}\"}}");
    api.metric(&name).await.unwrap()
}
