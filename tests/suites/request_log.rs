//! Request ids, and the log's lines about requests.

use reqwest::{Method, Response};
use serde_json::Value;
use strongroom_e2e::{Api, CREDENTIALS, TestVault};

async fn get_with_id(api: &Api, path: &str, request_id: &str) -> Response {
    let request = api.request(Method::GET, path);
    let request = request.header("X-Request-ID", request_id);
    request.send().await.unwrap()
}

/// Request ids that servers replace by their own.
const ODD_IDS: [&str; 7] = ["", "a b", "a\"b", "a,b", "ü", "<x>", "%0a"];

#[tokio::test]
async fn request_ids_are_taken_over_when_short_and_plain() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let longest = "a".repeat(128);
    for plain in ["1", "abc-DEF_1.2:3/4=5+6@7", &longest] {
        let answer = get_with_id(api, CREDENTIALS, plain).await;
        assert_eq!(answer.headers()["x-request-id"], plain);
        let logged = format!("\"request_id\":\"{plain}\"");
        vault.server.wait_for_log(&logged);
    }
    let mut made = std::collections::HashSet::new();
    let too_long = "a".repeat(129);
    for odd in ODD_IDS.into_iter().chain([too_long.as_str()]) {
        let answer = get_with_id(api, CREDENTIALS, odd).await;
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{odd:?} became {id}");
        assert!(made.insert(id.to_owned()), "an id was used twice");
    }
}

#[tokio::test]
async fn the_log_has_one_line_per_request() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("canary-secret").await;
    let path = format!("{CREDENTIALS}/{id}");
    let answer = get_with_id(api, &path, "the-one").await;
    assert_eq!(answer.status(), 200);
    let path = format!("{CREDENTIALS}?canary-in-a-query");
    let answer = get_with_id(api, &path, "the-other").await;
    assert_eq!(answer.status(), 400);
    vault.server.wait_for_log("\"request_id\":\"the-other\"");
    vault.server.wait_for_log("\"request_id\":\"the-one\"");
    let log = vault.server.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("the-one"))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(line["org"], api.org);
    assert_eq!(line["method"], "GET");
    assert_eq!(line["route"], format!("{CREDENTIALS}/{{cred_id}}"));
    assert_eq!(line["status"], 200);
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn what_else_is_logged_bears_the_requests_id() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("canary-secret").await;
    let client = vault.database.connect().await;
    let spoil = "update credentials set sealed_blob = '\\x00'";
    client.execute(spoil, &[]).await.unwrap();
    let answer = get_with_id(api, &format!("{CREDENTIALS}/{id}"), "the-spoiled").await;
    assert_eq!(answer.status(), 500);
    vault
        .server
        .wait_for_log("\"request_id\":\"the-spoiled\",\"org\"");
    let log = vault.server.log();
    let line = log
        .lines()
        .find(|line| line.contains("integrity check"))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["target"], "strongroom_domain::vault");
    assert_eq!(line["org"], api.org);
    assert_eq!(line["request_id"], "the-spoiled");
    let time = line["timestamp"].as_str().unwrap();
    assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
}
