//! Promotion of a standby after the loss of the primary.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Server, TestRegions, api_key, eventually};

const LIMIT: Duration = Duration::from_secs(60);

async fn post_everywhere(api: &Api, secret: &str, seconds: u32) -> Response {
    let post = api.request(Method::POST, CREDENTIALS);
    let post = post
        .header("SlashID-Required-Consistency", "all_regions")
        .header("SlashID-Required-Consistency-Timeout", seconds);
    post.json(&api_key(secret)).send().await.unwrap()
}

/// Starts a server in `region` that finds the primary among all databases.
async fn server_with_every_host(test: &TestRegions, region: &str) -> (Server, Api) {
    let port = |url: String| {
        let port = url.rsplit(':').next().unwrap();
        port.split('/').next().unwrap().to_owned()
    };
    let primary = test.vault.database.app_url();
    let (before, _) = primary.rsplit_once('@').unwrap();
    let mut hosts = vec![format!("127.0.0.1:{}", port(primary.clone()))];
    for region in &test.regions {
        hosts.push(format!(
            "127.0.0.1:{}",
            port(region.standby.database().app_url())
        ));
    }
    let database = primary.rsplit('/').next().unwrap();
    let url = format!(
        "{before}@{}/{database}?target_session_attrs=read-write",
        hosts.join(",")
    );
    let server = test.start_server(region, &[("STRONGROOM_DATABASE_URL", &url)]);
    test.vault.ready(&server.url()).await;
    let admin = test.vault.admin.at(&server.url());
    (server, admin)
}

async fn create_everywhere(api: &Api, secret: &str) -> String {
    let answer = post_everywhere(api, secret, 30).await;
    assert_eq!(answer.status(), 201);
    let body: Value = answer.json().await.unwrap();
    body["result"][0].as_str().unwrap().to_owned()
}

/// Creates a credential that not all regions receive; returns the id of the operation.
async fn create_not_everywhere(api: &Api, secret: &str) -> String {
    let late = post_everywhere(api, secret, 1).await;
    assert_eq!(late.status(), 408);
    let operation = &late.headers()["slashid-operation-id"];
    operation.to_str().unwrap().to_owned()
}

async fn operation(api: &Api, id: &str) -> Value {
    let path = format!("/organizations/config/operations/{id}");
    let body: Value = api.get(&path).await.json().await.unwrap();
    body["result"].clone()
}

#[tokio::test]
async fn servers_find_the_promoted_standby_and_lost_writes_are_told() {
    let mut test = TestRegions::start(2).await;
    let (_server, admin) = server_with_every_host(&test, "eu").await;
    let everywhere = create_everywhere(&admin, "everywhere").await;
    // From now on eu receives nothing.
    test.regions[0].standby.to_primary.cut();
    let lost = create_not_everywhere(&admin, "lost").await;
    let regions = json!({"eu": "pending", "us": "applied"});
    let pending = json!({"state": "pending", "regions": regions});
    assert_eq!(operation(&admin, &lost).await, pending);
    test.primary.kill();
    test.regions[0].standby.promote();
    eventually("writes succeed again", LIMIT, async || {
        admin.post(&api_key("after")).await.status() == 201
    })
    .await;
    let secret = admin.secret(&everywhere).await;
    assert_eq!(secret, json!({"api_key": "everywhere"}));
    eventually("the lost write is reported as lost", LIMIT, async || {
        operation(&admin, &lost).await["state"] == "lost"
    })
    .await;
    let listed = admin.list().await;
    assert!(listed.len() >= 2);
    let metrics = admin.get("/metrics").await.text().await.unwrap();
    let eu_is_primary = "strongroom_region_primary{region=\"eu\"} 1";
    assert!(metrics.contains(eu_is_primary), "{metrics}");
    // The other region still follows the old primary, and receives no further writes.
    let answer = post_everywhere(&admin, "only here", 1).await;
    assert_eq!(answer.status(), 408);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["regions"], json!(["us"]));
}
