//! Consistency of writes across regions: how far a write has been replicated when it is answered,
//! and the answer when replication takes too long.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestRegions, TestVault, api_key, eventually, failure};

const LIMIT: Duration = Duration::from_secs(30);
const OPERATIONS: &str = "/organizations/config/operations";

/// A request for a write that all regions must have within `seconds`.
fn everywhere(api: &Api, method: Method, path: &str, seconds: u32) -> reqwest::RequestBuilder {
    api.request(method, path)
        .header("SlashID-Required-Consistency", "all_regions")
        .header("SlashID-Required-Consistency-Timeout", seconds)
}

async fn post_everywhere(api: &Api, secret: &str, seconds: u32) -> Response {
    let post = everywhere(api, Method::POST, CREDENTIALS, seconds);
    post.json(&api_key(secret)).send().await.unwrap()
}

/// Checks a 408 that names `regions`; returns the operation's id.
async fn late(answer: Response, regions: &[&str]) -> String {
    let id = answer.headers().get("slashid-operation-id").cloned();
    let failure = failure(answer, 408).await;
    let error = &failure.body["errors"][0];
    assert_eq!(error["code"], "not_in_time");
    assert_eq!(error["regions"], json!(regions));
    for region in regions {
        assert!(failure.message().contains(region), "{}", failure.message());
    }
    id.unwrap().to_str().unwrap().to_owned()
}

async fn operation(api: &Api, id: &str) -> Value {
    let answer = api.get(&format!("{OPERATIONS}/{id}")).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    body["result"].clone()
}

async fn applied(api: &Api, id: &str) {
    eventually("the operation is applied", LIMIT, async || {
        operation(api, id).await["state"] == "applied"
    })
    .await;
}

#[tokio::test]
async fn a_caller_reads_its_own_writes_in_its_region() {
    let test = TestRegions::start(1).await;
    let eu = &test.regions[0];
    for n in 0..40 {
        let id = eu.admin.create(&format!("s{n}")).await;
        assert_eq!(
            eu.admin.secret(&id).await,
            json!({"api_key": format!("s{n}")})
        );
        let label = json!({"extcred_label": format!("l{n}")});
        assert_eq!(eu.admin.patch(&id, &label).await.status(), 204);
        let listed = eu.member.list().await;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["extcred_label"], format!("l{n}"));
        let one = format!("credentialId={id}");
        assert_eq!(eu.admin.delete(&one).await.status(), 204);
        assert_eq!(eu.admin.reveal(&id).await.status(), 404);
    }
}

#[tokio::test]
async fn all_regions_have_what_was_answered() {
    let test = TestRegions::start(2).await;
    let servers = [
        &test.vault.admin,
        &test.regions[0].admin,
        &test.regions[1].admin,
    ];
    for (n, writer) in servers.iter().cycle().take(12).enumerate() {
        let answer = post_everywhere(writer, &format!("s{n}"), 30).await;
        assert_eq!(answer.status(), 201);
        let body: Value = answer.json().await.unwrap();
        let id = body["result"][0].as_str().unwrap();
        for reader in servers {
            assert_eq!(reader.secret(id).await, json!({"api_key": format!("s{n}")}));
        }
    }
    let gone = everywhere(
        servers[0],
        Method::DELETE,
        &format!("{CREDENTIALS}?deleteAll=true"),
        30,
    );
    assert_eq!(gone.send().await.unwrap().status(), 204);
    for reader in servers {
        assert_eq!(reader.list().await.len(), 0);
    }
}

#[tokio::test]
async fn a_region_that_lags_is_named_and_the_write_stays() {
    let test = TestRegions::start(2).await;
    let (primary, eu, us) = (&test.vault.admin, &test.regions[0], &test.regions[1]);
    us.standby.pause_replay().await;
    let begun = Instant::now();
    let id = late(post_everywhere(primary, "late", 1).await, &["us"]).await;
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(5),
        "{took:?}"
    );
    let pending = json!({"state": "pending", "regions": {"eu": "applied", "us": "pending"}});
    assert_eq!(operation(primary, &id).await, pending);
    assert_eq!(operation(&eu.admin, &id).await, pending);
    // The other servers are not affected.
    let kept = primary.list().await;
    assert_eq!(kept.len(), 1);
    let kept = kept[0]["external_cred_id"].as_str().unwrap();
    assert_eq!(eu.admin.secret(kept).await, json!({"api_key": "late"}));
    eu.admin.create("in eu").await;
    // In the lagging region, `local_region` waits for its own standby.
    let local = us.admin.request(Method::POST, CREDENTIALS);
    let local = local.header("SlashID-Required-Consistency-Timeout", 1);
    let local = local.json(&api_key("in us")).send().await.unwrap();
    let second = late(local, &["us"]).await;
    assert_eq!(us.admin.reveal(kept).await.status(), 404);
    us.standby.resume_replay().await;
    for id in [&id, &second] {
        applied(primary, id).await;
    }
    assert_eq!(us.admin.secret(kept).await, json!({"api_key": "late"}));
    assert_eq!(us.admin.list().await.len(), 3);
}

#[tokio::test]
async fn changes_and_deletions_wait_as_well() {
    let test = TestRegions::start(1).await;
    let (primary, eu) = (&test.vault.admin, &test.regions[0]);
    let ids = [primary.create("a").await, primary.create("b").await];
    let first = post_everywhere(primary, "c", 30).await;
    assert_eq!(first.status(), 201);
    eu.standby.pause_replay().await;
    let path = format!("{CREDENTIALS}/{}", ids[0]);
    let patch = everywhere(primary, Method::PATCH, &path, 1).json(&json!({"extcred_label": "new"}));
    let patched = late(patch.send().await.unwrap(), &["eu"]).await;
    let path = format!("{CREDENTIALS}?credentialId={}", ids[1]);
    let delete = everywhere(primary, Method::DELETE, &path, 1);
    let deleted = late(delete.send().await.unwrap(), &["eu"]).await;
    let path = format!("{CREDENTIALS}?deleteAll=true");
    let delete_all = everywhere(primary, Method::DELETE, &path, 1);
    let all_deleted = late(delete_all.send().await.unwrap(), &["eu"]).await;
    assert_eq!(primary.list().await.len(), 0);
    assert_eq!(eu.admin.list().await.len(), 3);
    eu.standby.resume_replay().await;
    for id in [patched, deleted, all_deleted] {
        applied(primary, &id).await;
    }
    assert_eq!(eu.admin.list().await.len(), 0);
}

#[tokio::test]
async fn a_repeated_request_waits_again() {
    let test = TestRegions::start(2).await;
    let (primary, eu, us) = (&test.vault.admin, &test.regions[0], &test.regions[1]);
    us.standby.pause_replay().await;
    let post = async |api: &Api, secret: &str| {
        let post = everywhere(api, Method::POST, CREDENTIALS, 1).header("Idempotency-Key", "k");
        post.json(&api_key(secret)).send().await.unwrap()
    };
    let id = late(post(primary, "once").await, &["us"]).await;
    assert_eq!(late(post(&eu.admin, "once").await, &["us"]).await, id);
    failure(post(&us.admin, "other").await, 422).await;
    us.standby.resume_replay().await;
    applied(primary, &id).await;
    let mut ids = Vec::new();
    for api in [primary, &eu.admin, &us.admin] {
        let answer = post(api, "once").await;
        assert_eq!(answer.status(), 201);
        ids.push(answer.json::<Value>().await.unwrap()["result"][0].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(us.member.list().await.len(), 1);
}

#[tokio::test]
async fn an_operation_is_its_organizations_own() {
    let test = TestRegions::start(1).await;
    let admin = &test.vault.admin;
    test.regions[0].standby.pause_replay().await;
    let id = late(post_everywhere(admin, "a", 1).await, &["eu"]).await;
    let path = format!("{OPERATIONS}/{id}");
    let (stranger, _) = test.vault.new_organization("stranger");
    failure(stranger.get(&path).await, 404).await;
    assert_eq!(test.vault.member.get(&path).await.status(), 200);
    let invented = uuid::Uuid::new_v4();
    failure(admin.get(&format!("{OPERATIONS}/{invented}")).await, 404).await;
    let malformed = failure(admin.get(&format!("{OPERATIONS}/x")).await, 400).await;
    assert_eq!(malformed.fields(), ["operation_id"]);
    let without_key = admin.bare(Method::GET, &path).send().await.unwrap();
    failure(without_key, 401).await;
}

#[tokio::test]
async fn without_regions_the_commit_is_enough() {
    let vault = TestVault::start().await;
    let answer = post_everywhere(&vault.admin, "a", 1).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers().get("slashid-operation-id"), None);
    let database = vault.database.connect().await;
    let operations = database.query("select from operations", &[]).await;
    assert_eq!(operations.unwrap().len(), 0);
}

#[tokio::test]
async fn users_keys_of_pieces_are_readable_in_their_region() {
    let test = TestRegions::start(1).await;
    let eu = &test.regions[0];
    for n in 0..10 {
        let body = json!({"user": format!("u{n}"), "open_AI": {"api_key": format!("k{n}")}});
        let post = eu
            .admin
            .bare(Method::POST, "/external_provider/api_key/create");
        let post = post.header("X-Application-ID", &eu.admin.key).json(&body);
        assert_eq!(post.send().await.unwrap().status(), 200);
        assert_eq!(eu.member.list().await.len(), n + 1);
    }
}

/// The value of the setting `regions` for the test's regions.
fn regions_setting(test: &TestRegions) -> String {
    let regions = test.regions.iter().map(|region| {
        let url = region.standby.database_behind_proxy().app_url();
        format!("{}={url}", region.name)
    });
    regions.collect::<Vec<_>>().join(" ")
}

async fn metric(api: &Api, name: &str) -> Option<f64> {
    let text = api.get("/metrics").await.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Waits until the metrics show the lag of `us` alone.
async fn metrics_show_the_lag(api: &Api) {
    eventually("the lag is in the metrics", LIMIT, async || {
        metric(api, "strongroom_region_lag_bytes{region=\"us\"}").await > Some(0.0)
            && metric(api, "strongroom_region_lag_seconds{region=\"us\"}").await > Some(1.0)
            && metric(api, "strongroom_region_lag_seconds{region=\"eu\"}").await < Some(1.0)
    })
    .await;
}

#[tokio::test]
async fn the_operator_sees_how_far_regions_are() {
    let test = TestRegions::start(2).await;
    let (api, setting) = (&test.vault.admin, regions_setting(&test));
    let regions = || {
        test.vault
            .run(&["region", "list", "--json", "--regions", &setting])
    };
    eventually("no region lags", LIMIT, async || {
        let shown = regions().json();
        let behind = |region: &Value| region["state"] != "standby" || region["lag_bytes"] != 0;
        !shown.as_array().unwrap().iter().any(behind)
    })
    .await;
    test.regions[1].standby.pause_replay().await;
    api.create("a").await;
    let shown = regions().json();
    assert_eq!(shown[0]["region"], "eu");
    assert_eq!(shown[1]["region"], "us");
    assert!(shown[1]["lag_bytes"].as_u64().unwrap() > 0, "{shown}");
    assert!(shown[1]["lag_seconds"].as_f64().unwrap() > 0.0, "{shown}");
    metrics_show_the_lag(api).await;
    let up = "strongroom_region_up{region=\"us\"}";
    assert_eq!(metric(api, up).await, Some(1.0));
    test.regions[1].standby.to_standby.refuse();
    eventually("the region is reported as down", LIMIT, async || {
        metric(api, up).await == Some(0.0)
    })
    .await;
    let away = regions();
    away.assert_refused("us");
    assert!(away.stdout.contains("away"), "{}", away.stdout);
    let none = test.vault.run(&["region", "list"]);
    assert!(none.stderr.contains("STRONGROOM_REGIONS"), "{none:?}");
}
