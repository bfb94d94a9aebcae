//! A standby takes the primary's place.

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

/// A server in `region` that finds the primary among all databases.
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

#[tokio::test]
async fn servers_find_the_promoted_standby_and_lost_writes_are_told() {
    let mut test = TestRegions::start(2).await;
    let (_server, admin) = server_with_every_host(&test, "eu").await;
    let answer = post_everywhere(&admin, "everywhere", 30).await;
    assert_eq!(answer.status(), 201);
    let body: Value = answer.json().await.unwrap();
    let everywhere = body["result"][0].as_str().unwrap().to_owned();
    // Nothing reaches eu any more.
    test.regions[0].standby.to_primary.cut();
    let lost = post_everywhere(&admin, "lost", 1).await;
    assert_eq!(lost.status(), 408);
    let lost = lost.headers()["slashid-operation-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let operation = async |id: &str| {
        let path = format!("/organizations/config/operations/{id}");
        let answer = admin.get(&path).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        (status, body["result"].clone())
    };
    let (_, before) = operation(&lost).await;
    assert_eq!(
        before,
        json!({"state": "pending", "regions": {"eu": "pending", "us": "applied"}})
    );
    test.primary.kill();
    test.regions[0].standby.promote();
    eventually("writes are taken again", LIMIT, async || {
        admin.post(&api_key("after")).await.status() == 201
    })
    .await;
    assert_eq!(
        admin.secret(&everywhere).await,
        json!({"api_key": "everywhere"})
    );
    eventually("the lost write is known as lost", LIMIT, async || {
        operation(&lost).await.1["state"] == "lost"
    })
    .await;
    let listed = admin.list().await;
    assert!(listed.len() >= 2);
    let path = "/metrics";
    let metrics = admin.get(path).await.text().await.unwrap();
    assert!(
        metrics.contains("strongroom_region_primary{region=\"eu\"} 1"),
        "{metrics}"
    );
    // The other region still follows the old primary, and so has nothing of what comes now.
    let answer = post_everywhere(&admin, "only here", 1).await;
    assert_eq!(answer.status(), 408);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["regions"], json!(["us"]));
}
