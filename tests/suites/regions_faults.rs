//! Regions that are paused, stopped, killed and disconnected during writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, Response};
use serde_json::Value;
use strongroom_e2e::{Api, CREDENTIALS, Standby, TestRegions, api_key, eventually, failure};
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(60);

async fn post(api: &Api, level: &str, seconds: u32, secret: &str) -> Response {
    let post = api.request(Method::POST, CREDENTIALS);
    let post = post
        .header("SlashID-Required-Consistency", level)
        .header("SlashID-Required-Consistency-Timeout", seconds);
    post.json(&api_key(secret)).send().await.unwrap()
}

async fn state(api: &Api, operation: &str) -> Value {
    let path = format!("/organizations/config/operations/{operation}");
    let body: Value = api.get(&path).await.json().await.unwrap();
    body["result"]["state"].clone()
}

async fn metric(api: &Api, name: &str) -> f64 {
    let text = api.get("/metrics").await.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_region_that_is_gone_harms_no_other() {
    let mut test = TestRegions::start(2).await;
    let mut operations = Vec::new();
    test.regions[1].standby.kill();
    let (primary, eu) = (test.vault.admin.clone(), test.regions[0].admin.clone());
    for api in [&primary, &eu] {
        assert_eq!(post(api, "local_region", 5, "local").await.status(), 201);
        let late = post(api, "all_regions", 1, "late").await;
        let id = late.headers()["slashid-operation-id"].to_str().unwrap();
        operations.push(id.to_owned());
        let late = failure(late, 408).await;
        let start = "committed, still replicating to us. Do not repeat without Idempotency-Key. ";
        assert!(late.message().starts_with(start), "{}", late.message());
    }
    let us = &test.regions[1].admin;
    assert_eq!(us.get("/readyz").await.status(), 503);
    assert_eq!(us.get(CREDENTIALS).await.status(), 503);
    test.regions[1].standby.start();
    for operation in &operations {
        eventually("the operation is applied", LIMIT, async || {
            state(&primary, operation).await == "applied"
        })
        .await;
    }
    let us = &test.regions[1].admin;
    eventually("the region serves again", LIMIT, async || {
        let answer = us.get(CREDENTIALS).await;
        answer.status() == 200
    })
    .await;
    assert_eq!(us.list().await.len(), 4);
}

#[tokio::test]
async fn waiting_costs_no_connection_and_leaves_nothing() {
    let test = TestRegions::start(1).await;
    let (admin, eu) = (&test.vault.admin, &test.regions[0]);
    let first = admin.create("first").await;
    eu.standby.pause_replay().await;
    let waits = (0..150).map(|n| {
        let admin = admin.clone();
        tokio::spawn(async move {
            post(&admin, "all_regions", 4, &format!("w{n}"))
                .await
                .status()
        })
    });
    let waits: Vec<_> = waits.collect();
    let abandoned = (0..50).map(|n| {
        let admin = admin.clone();
        tokio::spawn(async move {
            post(&admin, "all_regions", 10, &format!("a{n}"))
                .await
                .status()
        })
    });
    let abandoned: Vec<_> = abandoned.collect();
    let waiting = "strongroom_region_waiting{region=\"eu\"}";
    eventually("all wait", LIMIT, async || {
        metric(admin, waiting).await >= 200.0
    })
    .await;
    // More requests wait than there are connections, and other requests are not affected.
    for _ in 0..20 {
        assert_eq!(admin.reveal(&first).await.status(), 200);
        assert_eq!(post(admin, "local_region", 5, "local").await.status(), 201);
    }
    let label = serde_json::json!({"extcred_label": "new"});
    assert_eq!(admin.patch(&first, &label).await.status(), 204);
    for abandoned in abandoned {
        abandoned.abort();
    }
    for status in join_all(waits).await {
        assert_eq!(status.unwrap(), 408);
    }
    eventually("no request waits", LIMIT, async || {
        metric(admin, waiting).await == 0.0
    })
    .await;
    eu.standby.resume_replay().await;
    assert_eq!(post(admin, "all_regions", 30, "last").await.status(), 201);
}

/// The answers that clients received during faults of regions.
#[derive(Default)]
struct Answers {
    /// Credentials that all regions had, as answered.
    everywhere: Vec<String>,
    /// Operations that were not replicated in time.
    late: Vec<String>,
    /// Credentials that the region of the index had, as answered.
    local: BTreeMap<usize, Vec<String>>,
}

impl Answers {
    fn add(&mut self, other: Self) {
        self.everywhere.extend(other.everywhere);
        self.late.extend(other.late);
        for (region, ids) in other.local {
            self.local.entry(region).or_default().extend(ids);
        }
    }
}

// A client: writes, and reads each local write immediately from the same region.
async fn client(api: Api, region: usize, number: usize, stop: Arc<AtomicBool>) -> Answers {
    let mut answers = Answers::default();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let level = ["local_region", "all_regions"][n % 2];
        let answer = post(&api, level, 1, &format!("c{number}-{n}")).await;
        let status = answer.status().as_u16();
        let operation = answer.headers().get("slashid-operation-id").cloned();
        let body: Value = answer.json().await.unwrap();
        let id = body["result"][0].as_str().map(ToOwned::to_owned);
        match (status, id) {
            (201, Some(id)) if level == "all_regions" => answers.everywhere.push(id),
            (201, Some(id)) => {
                let read = api.reveal(&id).await.status();
                assert!(
                    [200, 503].contains(&read.as_u16()),
                    "{read} after 201 in the same region"
                );
                answers.local.entry(region).or_default().push(id);
            }
            (408, None) => answers
                .late
                .push(operation.unwrap().to_str().unwrap().to_owned()),
            (503, None) => {}
            other => panic!("{other:?}: {body}"),
        }
    }
    answers
}

async fn inject_fault(standby: &mut Standby, round: usize) {
    let pause = Duration::from_millis(1500);
    match round % 5 {
        0 => {
            standby.pause_replay().await;
            tokio::time::sleep(pause).await;
            standby.resume_replay().await;
        }
        1 => {
            standby.to_primary.cut();
            tokio::time::sleep(pause).await;
            standby.to_primary.heal();
        }
        2 => {
            standby.kill();
            tokio::time::sleep(pause).await;
            standby.start();
        }
        3 => {
            standby.to_standby.cut();
            tokio::time::sleep(pause).await;
            standby.to_standby.heal();
        }
        _ => {
            let pid = Pid::from_raw(standby.pid().cast_signed());
            kill(pid, Signal::SIGSTOP).unwrap();
            tokio::time::sleep(pause).await;
            kill(pid, Signal::SIGCONT).unwrap();
        }
    }
}

/// Starts three clients at each of the three servers.
fn start_clients(test: &TestRegions, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<Answers>> {
    let regions = test.regions.iter().map(|region| &region.admin);
    let admins: Vec<_> = std::iter::once(&test.vault.admin).chain(regions).collect();
    let client = |number: usize| {
        let (api, region) = (admins[number / 3].clone(), number / 3);
        tokio::spawn(client(api, region, number, stop.clone()))
    };
    (0..admins.len() * 3).map(client).collect()
}

async fn all_regions_have(test: &TestRegions, ids: &[String]) {
    for region in &test.regions {
        let client = region.standby.database().connect().await;
        for id in ids {
            let row = "select from credentials where cred_id = $1::text::uuid";
            let found = client.query(row, &[id]).await.unwrap();
            let name = &region.name;
            assert_eq!(found.len(), 1, "{id} was answered, but is not in {name}");
        }
    }
}

#[tokio::test]
async fn nothing_that_was_answered_is_missing_anywhere() {
    let mut test = TestRegions::start(2).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = start_clients(&test, &stop);
    for round in 0..5 {
        inject_fault(&mut test.regions[round % 2].standby, round).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut answers = Answers::default();
    for client in clients {
        answers.add(client.await.unwrap());
    }
    assert!(!answers.everywhere.is_empty() && !answers.late.is_empty());
    all_regions_have(&test, &answers.everywhere).await;
    let admin = &test.vault.admin;
    for operation in &answers.late {
        eventually("a late write is applied", LIMIT, async || {
            state(admin, operation).await == "applied"
        })
        .await;
    }
    for id in answers.local.values().flatten() {
        assert_eq!(admin.reveal(id).await.status(), 200);
    }
}
