//! Events that are read by time: most have no entry in the index by time.

use std::slice::from_ref;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use strongroom_e2e::{Api, TestVault};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::audit_prune::split;

const EVENTS: &str = "/organizations/config/audit-events";
/// The events of bursts, which are not added to while they are read.
const IN_ORDER: &str = "select lane::text || '/' || seq, at from audit_events \
    where action in ('credential.create', 'credential.reveal') order by at, lane, seq";

/// Many requests at once, to several servers: events of several lanes between each other.
async fn burst(apis: &[Api]) {
    let mut load = JoinSet::new();
    for number in 0..240 {
        let api = apis[number % apis.len()].clone();
        load.spawn(async move {
            let id = api.create(&format!("{number}")).await;
            if number % 3 == 0 {
                api.reveal(&id).await;
            }
        });
    }
    while load.join_next().await.is_some() {}
}

async fn in_order(database: &Client) -> Vec<(String, DateTime<Utc>)> {
    let rows = database.query(IN_ORDER, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn marks(database: &Client) -> (i64, i64) {
    let sql = "select count(*) filter (where after_mark is null), count(*) from audit_events";
    let row = database.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

fn place(event: &Value) -> String {
    format!("{}/{}", event["lane"].as_str().unwrap(), event["seq"])
}

/// All pages of `query`, as places.
async fn listed(api: &Api, query: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = api.get(&format!("{EVENTS}?{query}&cursor={cursor}")).await;
        assert_eq!(answer.status(), 200, "{query}");
        let body: Value = answer.json().await.unwrap();
        found.extend(body["result"].as_array().unwrap().iter().map(place));
        let next = &body["meta"]["cursor_pagination"]["cursor"];
        cursor = next.as_str().unwrap().to_owned();
        if cursor.is_empty() {
            return found;
        }
    }
}

fn newest(events: &[(String, DateTime<Utc>)]) -> Vec<String> {
    events
        .iter()
        .rev()
        .map(|(place, _)| place.clone())
        .collect()
}

fn exported(vault: &TestVault, args: &[&str]) -> Vec<String> {
    let exported = vault.run(&[&["audit", "export"], args].concat());
    exported.assert_success();
    let lines = exported.stdout.lines();
    let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_bursts = |event: &Value| {
        ["credential.create", "credential.reveal"].contains(&event["action"].as_str().unwrap())
    };
    events
        .filter(of_bursts)
        .map(|event| place(&event))
        .collect()
}

#[tokio::test]
async fn every_event_of_a_burst_is_found_by_time() {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let apis = [vault.admin.clone(), vault.admin.at(&second.url())];
    let database = vault.database.connect().await;
    burst(&apis).await;
    burst(&apis).await;
    let (marks, events) = marks(&database).await;
    assert!(marks * 2 < events, "{marks} marks of {events} events");
    let all = in_order(&database).await;
    assert_eq!(all.len(), 640);

    let (from, until) = (all[100].1, all[500].1);
    let middle: Vec<_> = all
        .iter()
        .filter(|(_, at)| (from..until).contains(at))
        .cloned()
        .collect();
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let times = format!("since={}&until={}", text(from), text(until));
    for limit in [7, 100, 1000] {
        let create = listed(
            &vault.admin,
            &format!("limit={limit}&action=credential.create"),
        )
        .await;
        let reveal = listed(
            &vault.admin,
            &format!("limit={limit}&action=credential.reveal"),
        )
        .await;
        let both: std::collections::BTreeSet<_> = create.iter().chain(&reveal).collect();
        assert_eq!((create.len(), reveal.len(), both.len()), (480, 160, 640));
        let within = listed(&vault.admin, &format!("limit={limit}&{times}")).await;
        assert_eq!(within, newest(&middle), "{limit}");
    }
    let args = ["--since", &text(from), "--until", &text(until)];
    let mut oldest = newest(&middle);
    oldest.reverse();
    assert_eq!(exported(&vault, &args), oldest);
    assert_eq!(exported(&vault, &[]).len(), 640);
    vault.run(&["audit", "verify"]).assert_success();
}

#[tokio::test]
async fn an_event_that_is_hidden_from_reads_by_time_is_found_by_verification() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    burst(from_ref(&vault.admin)).await;
    let before = listed(&vault.admin, "limit=1000&action=credential.create").await;
    // Its mark is another event that is no mark itself.
    let hide = "update audit_events e set after_mark = 1 where after_mark > 1 \
        and action = 'credential.create' and (org_id, lane, seq) = \
        (select org_id, lane, seq from audit_events where after_mark > 1 \
         and action = 'credential.create' order by seq limit 1)";
    assert_eq!(database.execute(hide, &[]).await.unwrap(), 1);
    let after = listed(&vault.admin, "limit=1000&action=credential.create").await;
    assert_eq!(after.len() + 1, before.len());
    vault
        .run(&["audit", "verify"])
        .assert_failed_with("altered");
    // As an event without a mark, it is found again.
    let show = "update audit_events set after_mark = null where after_mark = 1 and seq > 2";
    database.execute(show, &[]).await.unwrap();
    let shown = listed(&vault.admin, "limit=1000&action=credential.create").await;
    assert_eq!(shown, before);
}

#[tokio::test]
async fn events_whose_mark_is_pruned_are_found_without_it() {
    let vault = TestVault::start_unsharded().await;
    let database = vault.database.connect().await;
    // The first event that stays while its mark, and so all events before that, are pruned.
    let cut = "select e.at from audit_events e join audit_events m on m.org_id = e.org_id \
        and m.lane = e.lane and m.seq = e.seq - e.after_mark \
        where e.after_mark > 3 and m.at < e.at and e.action = 'credential.create' \
        and not exists (select from audit_events o where o.org_id = e.org_id \
          and o.lane = e.lane and o.seq < m.seq and o.at >= e.at) \
        order by e.at limit 1";
    let cut: DateTime<Utc> = loop {
        burst(from_ref(&vault.admin)).await;
        if let Some(row) = database.query_opt(cut, &[]).await.unwrap() {
            break row.get(0);
        }
    };
    let all = in_order(&database).await.len();
    let cut = cut.to_rfc3339_opts(SecondsFormat::Micros, true);
    split(&database, &cut).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out");
    let file = file.to_str().unwrap();
    let pruned = vault.run(&["audit", "prune", "--before", &cut, "--output", file]);
    pruned.assert_success();
    let left = in_order(&database).await;
    assert!(left.len() < all, "{all}");
    let left: Vec<String> = newest(&left);
    let mut found = listed(&vault.admin, "limit=50&action=credential.create").await;
    found.extend(listed(&vault.admin, "limit=50&action=credential.reveal").await);
    assert_eq!(found.len(), left.len());
    vault.run(&["audit", "verify"]).assert_success();
}
