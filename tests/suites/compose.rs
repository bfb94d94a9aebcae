//! The deployment of `deploy/compose.yaml` in a real container engine: `make test-compose`.
//!
//! All steps are one test, because each stops containers that the others need.

mod hardening;
mod load;
mod restored;

use std::io::Write;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, Deployment, REGIONS, api_key, eventually};

use load::{Done, Load};
use restored::all_is_lost_and_restored;

const LONG: Duration = Duration::from_secs(90);

/// Creates an organization; returns its admin at the first region's server.
fn organization(deployment: Deployment) -> Api {
    let org = deployment.run(&["org", "create", "--name", "compose", "--json"]);
    let org = org.json()["org_id"].as_str().unwrap().to_owned();
    let create = ["key", "create", "--org", &org, "--role", "admin"];
    let key = deployment.run(&[&create[..], &["--name", "n", "--json"]].concat());
    let key = key.json();
    let key = key["api_key"].as_str().unwrap();
    Api::new(&deployment.url(REGIONS[0]), &org, key)
}

/// Creates a credential that all regions must have within `seconds`.
async fn create_everywhere(api: &Api, secret: &str, seconds: u32) -> reqwest::Result<Response> {
    api.request(Method::POST, CREDENTIALS)
        .header("SlashID-Required-Consistency", "all_regions")
        .header("SlashID-Required-Consistency-Timeout", seconds.to_string())
        .json(&api_key(secret))
        .send()
        .await
}

/// The id in the body of a 201.
async fn created(answer: Response) -> String {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, 201, "{body}");
    body["result"][0].as_str().unwrap().to_owned()
}

async fn serves(api: &Api) {
    eventually(&format!("{} serves", api.url), LONG, async || {
        let answer = api.bare(Method::GET, "/readyz").send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
}

async fn operation(api: &Api, id: &str) -> Value {
    let path = format!("/organizations/config/operations/{id}");
    let Ok(answer) = api.request(Method::GET, &path).send().await else {
        return Value::Null;
    };
    let body: Value = answer.json().await.unwrap_or_default();
    body["result"].clone()
}

async fn every_region_serves(deployment: Deployment, admin: &Api) {
    for region in REGIONS {
        let api = admin.at(&deployment.url(region));
        let mut body = api_key(region);
        body["extcred_label"] = region.into();
        let id = api.create_from(&body).await;
        assert_eq!(api.secret(&id).await["api_key"], region);
        let page = format!("{CREDENTIALS}?extcred_label={region}");
        let listed: Value = api.get(&page).await.json().await.unwrap();
        assert_eq!(listed["result"].as_array().unwrap().len(), 1, "{listed}");
        assert_eq!(listed["result"][0]["external_cred_id"], *id);
        let body = json!({"json_blob": {"api_key": "changed"}});
        assert_eq!(api.patch(&id, &body).await.status(), 204);
        assert_eq!(api.secret(&id).await["api_key"], "changed");
        let query = format!("credentialId={id}");
        assert_eq!(api.delete(&query).await.status(), 204);
        assert_eq!(api.reveal(&id).await.status(), 404);
    }
}

async fn what_all_regions_have_can_be_read_everywhere(deployment: Deployment, admin: &Api) {
    for from in REGIONS {
        let api = admin.at(&deployment.url(from));
        for n in 0..5 {
            let secret = format!("{from} {n}");
            let id = created(create_everywhere(&api, &secret, 30).await.unwrap()).await;
            for to in REGIONS {
                let there = admin.at(&deployment.url(to));
                assert_eq!(there.secret(&id).await["api_key"], secret, "{from} {to}");
            }
        }
    }
}

/// A killed region is named in the answer, does not affect the others, and catches up.
async fn a_region_is_killed(deployment: Deployment, admin: &Api) {
    deployment.compose(&["kill", "postgres-ap"]);
    let late = create_everywhere(admin, "late", 2).await.unwrap();
    assert_eq!(late.status(), 408);
    let id = late.headers()["slashid-operation-id"].to_str().unwrap();
    let id = id.to_owned();
    let body: Value = late.json().await.unwrap();
    assert_eq!(body["errors"][0]["regions"], json!(["ap"]), "{body}");
    let state = operation(admin, &id).await;
    assert_eq!(state["state"], "pending", "{state}");
    for region in ["eu", "us"] {
        let api = admin.at(&deployment.url(region));
        let own = api.create("local").await;
        assert_eq!(api.secret(&own).await["api_key"], "local");
    }
    deployment.compose(&["start", "postgres-ap"]);
    eventually("the write is applied", LONG, async || {
        operation(admin, &id).await["state"] == "applied"
    })
    .await;
    let there = admin.at(&deployment.url("ap"));
    eventually("the region serves again", LONG, async || {
        there.get(CREDENTIALS).await.status() == 200
    })
    .await;
    every_region_serves(deployment, admin).await;
}

/// Servers are replaced one by one, while the other servers refuse nothing. The migration runs
/// first, so the old servers run on the new schema.
async fn servers_are_replaced_one_by_one(deployment: Deployment, admin: &Api) {
    deployment.compose(&["run", "--rm", "-T", "migrate"]);
    for replaced in REGIONS {
        let others: Vec<_> = REGIONS.into_iter().filter(|one| *one != replaced).collect();
        let begin = |one: &&str| Load::begin(admin.at(&deployment.url(one)), "local_region");
        let loads: Vec<_> = others.iter().map(begin).collect();
        let server = format!("strongroom-{replaced}");
        let recreate = ["up", "-d", "--no-deps", "--force-recreate", "--wait"];
        let moved = deployment;
        tokio::task::spawn_blocking(move || moved.compose(&[&recreate[..], &[&server]].concat()))
            .await
            .unwrap();
        for load in loads {
            let done = load.end().await;
            assert!(done.refused.is_empty(), "{:?}", done.refused);
            assert!(!done.acknowledged.is_empty());
        }
    }
}

/// Kills the primary under load, and promotes a standby; returns the outcomes of all writes.
async fn promote_under_load(deployment: Deployment, admin: &Api) -> Done {
    let loads = REGIONS.map(|one| Load::begin(admin.at(&deployment.url(one)), "all_regions"));
    for load in &loads {
        load.has_acknowledged(20).await;
    }
    let promoting = tokio::task::spawn_blocking(move || {
        deployment.compose(&["kill", "postgres-eu"]);
        deployment.script("failover", &["us"]);
    });
    promoting.await.unwrap();
    let mut all = Done::default();
    for load in loads {
        let done = load.end().await;
        all.acknowledged.extend(done.acknowledged);
        all.operations.extend(done.operations);
    }
    all
}

/// The fenced primary does not start as a second primary.
async fn the_old_primary_stays_down(deployment: Deployment, there: &Api) {
    deployment.compose(&["start", "postgres-eu"]);
    eventually("the log says why it does not start", LONG, async || {
        let log = deployment.compose(&["logs", "--no-color", "postgres-eu"]);
        log.contains("Rebuild it as a standby: deploy/rebuild eu")
    })
    .await;
    let late = create_everywhere(there, "late", 2).await.unwrap();
    assert_eq!(late.status(), 408);
    let body: Value = late.json().await.unwrap();
    assert_eq!(body["errors"][0]["regions"], json!(["eu"]), "{body}");
}

/// Each write that was answered with 408 is decided, and present if it is reported as applied.
async fn every_operation_is_decided(there: &Api, operations: Vec<(Option<String>, String)>) {
    for (id, operation_id) in operations {
        let mut state = Value::Null;
        eventually("the operation is decided", LONG, async || {
            state = operation(there, &operation_id).await;
            state["state"] == "applied" || state["state"] == "lost"
        })
        .await;
        if let (Some(id), true) = (id, state["state"] == "applied") {
            assert_eq!(there.reveal(&id).await.status(), 200, "{state}");
        }
    }
}

/// The primary is killed under load, a standby is promoted, and the old primary is rebuilt.
async fn a_standby_is_promoted(deployment: Deployment, admin: &Api) {
    let done = promote_under_load(deployment, admin).await;
    for region in ["us", "ap"] {
        let api = admin.at(&deployment.url(region));
        serves(&api).await;
        every_one_is_there(&api, &done.acknowledged).await;
        let id = api.create("after").await;
        assert_eq!(api.secret(&id).await["api_key"], "after");
    }
    let there = admin.at(&deployment.url("us"));
    the_old_primary_stays_down(deployment, &there).await;

    tokio::task::spawn_blocking(move || deployment.script("rebuild", &["eu"]))
        .await
        .unwrap();
    for region in REGIONS {
        let api = admin.at(&deployment.url(region));
        serves(&api).await;
        every_one_is_there(&api, &done.acknowledged).await;
    }
    every_operation_is_decided(&there, done.operations).await;
    what_all_regions_have_can_be_read_everywhere(deployment, admin).await;
}

async fn every_one_is_there(api: &Api, acknowledged: &[(String, String)]) {
    assert!(!acknowledged.is_empty());
    for (id, secret) in acknowledged {
        assert_eq!(api.secret(id).await["api_key"], *secret, "{}", api.url);
    }
}

/// Everything stops and starts again.
async fn all_is_restarted(deployment: Deployment, admin: &Api) {
    let id = admin.create("kept").await;
    deployment.compose(&["stop"]);
    deployment.compose(&["up", "-d", "--wait"]);
    for region in REGIONS {
        let api = admin.at(&deployment.url(region));
        serves(&api).await;
        assert_eq!(api.secret(&id).await["api_key"], "kept");
    }
}

fn all_is_intact(deployment: Deployment) {
    for command in [&["verify"][..], &["audit", "verify"]] {
        let finished = deployment.run(command);
        assert!(finished.success, "{}{}", finished.stdout, finished.stderr);
    }
    let regions = deployment.run(&["region", "list", "--json"]).json();
    assert_eq!(regions.as_array().unwrap().len(), 3, "{regions}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a running deployment: make test-compose"]
async fn a_deployment_keeps_its_word() {
    let deployment = Deployment::given().expect("run this test with make test-compose");
    let admin = organization(deployment);
    let begun = std::time::Instant::now();
    let step = |what: &str| {
        let line = format!("{:>4} s  {what}\n", begun.elapsed().as_secs());
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    };
    step("what containers may do");
    hardening::containers_may_do_little(deployment);
    step("every region serves");
    every_region_serves(deployment, &admin).await;
    what_all_regions_have_can_be_read_everywhere(deployment, &admin).await;
    step("a region is killed");
    a_region_is_killed(deployment, &admin).await;
    step("servers are replaced one by one");
    servers_are_replaced_one_by_one(deployment, &admin).await;
    step("the primary is killed, a standby is promoted, the old primary is rebuilt");
    a_standby_is_promoted(deployment, &admin).await;
    all_is_intact(deployment);
    step("all is stopped and started");
    all_is_restarted(deployment, &admin).await;
    step("all is lost and restored");
    all_is_lost_and_restored(deployment, &admin).await;
    all_is_intact(deployment);
    step("done");
}
