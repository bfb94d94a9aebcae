//! An attacker with every right on the database, but without the root key, changes the audit trail.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_e2e::{Server, TestVault};
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// A condition for the `n`th event, from 1, of the busiest organization's busiest lane.
pub(crate) fn nth(n: i64) -> String {
    format!(
        "org_id = (select org_id from audit_events group by org_id order by count(*) desc limit 1) \
         and lane = (select lane from audit_events group by lane order by count(*) desc limit 1) \
         and seq = {n}"
    )
}

pub(crate) async fn busy_vault() -> TestVault {
    let vault = TestVault::start().await;
    let id = vault.admin.create("secret").await;
    for number in 0..6 {
        vault
            .admin
            .patch(&id, &json!({"extcred_label": format!("{number}")}))
            .await;
        vault.admin.reveal(&id).await;
    }
    vault
}

pub(crate) fn verify(vault: &TestVault, args: &[&str]) -> (bool, Value) {
    let finished = vault.run(&[&["audit", "verify", "--json"], args].concat());
    let report = serde_json::from_str(&finished.stdout);
    (
        finished.success,
        report.unwrap_or_else(|_| panic!("{}", finished.stderr)),
    )
}

pub(crate) fn findings(report: &Value) -> Vec<Value> {
    let organizations = report["organizations"].as_array().unwrap().iter();
    organizations
        .flat_map(|organization| organization["findings"].as_array().unwrap().clone())
        .collect()
}

pub(crate) async fn keep(database: &Client) {
    database
        .batch_execute("create table kept as table audit_events")
        .await
        .unwrap();
}

pub(crate) async fn restore(database: &Client) {
    database
        .batch_execute("truncate audit_events; insert into audit_events table kept")
        .await
        .unwrap();
}

#[tokio::test]
async fn every_edited_column_is_found_where_it_was_edited() {
    let vault = busy_vault().await;
    let database = vault.database.connect().await;
    keep(&database).await;
    assert!(verify(&vault, &[]).0);
    // As a literal, because a sharded table does not allow this expression in an update.
    let later = format!(
        "select 'at = ' || quote_literal(at + interval '1 microsecond') from audit_events where {}",
        nth(4)
    );
    let later: String = database.query_one(&later, &[]).await.unwrap().get(0);
    for edit in [
        later.as_str(),
        "at = 'infinity'",
        "action = 'credential.list'",
        "action = 'nonsense'",
        "outcome = 'denied'",
        "actor = 'somebody'",
        "request_id = request_id || 'x'",
        "source = '10.0.0.1'",
        "cred_id = '01900000-0000-7000-8000-000000000001'",
        "cred_id = null",
        "key_id = '01900000-0000-7000-8000-000000000001'",
        "version = version + 1",
        "version = null",
        "digest = sha256('x')",
        "digest = '\\x00'",
        "heads = ''",
        "mac = sha256('x')",
        "mac = ''",
    ] {
        let sql = format!("update audit_events set {edit} where {}", nth(4));
        assert_eq!(database.execute(&sql, &[]).await.unwrap(), 1, "{edit}");
        let (intact, report) = verify(&vault, &[]);
        let found = findings(&report);
        assert!(!intact, "{edit}");
        assert_eq!(found.len(), 1, "{edit}: {found:?}");
        assert_eq!(found[0]["kind"], "altered", "{edit}");
        assert_eq!(found[0]["seq"], 4, "{edit}");
        assert_eq!(found[0]["org_id"], vault.admin.org.as_str());
        restore(&database).await;
    }
    let text = vault.run(&["audit", "verify"]);
    assert!(text.success && text.stdout.contains("intact"), "{text:?}");
}

/// Attacks on the busiest lane: name, SQL, and the expected finding's kind and number. In the SQL
/// `EVENT(n)` stands for the condition of the `n`th event, `KEPT` for that of the fourth event in
/// the copy, `OTHER` for another organization's id, and `REST` for the columns after the outcome.
const ATTACKS: [(&str, &str, &str, i32); 10] = [
    (
        "middle",
        "delete from audit_events where EVENT(4)",
        "missing",
        4,
    ),
    (
        "start",
        "delete from audit_events where EVENT(1)",
        "missing",
        1,
    ),
    (
        "number",
        "update audit_events set seq = 40 where EVENT(4)",
        "missing",
        4,
    ),
    (
        "other organization",
        "delete from audit_events where KEPT; insert into audit_events \
         select 'OTHER', lane, seq, at, action, outcome, REST where KEPT",
        "missing",
        4,
    ),
    (
        "other lane",
        "update audit_events set lane = '01900000-0000-7000-8000-000000000001' where KEPT",
        "missing",
        4,
    ),
    (
        "swapped",
        "update audit_events set seq = 11 - seq where EVENT(5) or EVENT(6)",
        "altered",
        5,
    ),
    (
        "doubled",
        "insert into audit_events select org_id, lane, seq, at + interval '1 second', \
         action, outcome, REST where EVENT(4)",
        "doubled",
        4,
    ),
    (
        "invented before",
        "insert into audit_events select org_id, lane, seq, at - interval '1 second', \
         action, 'denied', REST where EVENT(4)",
        "doubled",
        4,
    ),
    (
        "appended",
        "insert into audit_events select org_id, lane, \
         (select max(seq) + 1 from kept k where k.lane = kept.lane), \
         at, action, outcome, REST where EVENT(4)",
        "altered",
        14,
    ),
    (
        "named lane",
        "delete from audit_events where action in ('organization.create', \
         'organization.configure')",
        "cut",
        2,
    ),
];

/// An attack of [`ATTACKS`] as SQL.
fn attack_sql(attack: &str, other_org: &str) -> String {
    let rest = "actor, request_id, source, cred_id, key_id, version, digest, heads, mac from kept";
    let mut sql = attack
        .replace("KEPT", &nth(4).replace("audit_events", "kept"))
        .replace("OTHER", other_org)
        .replace("REST", rest);
    for n in [1, 4, 5, 6] {
        sql = sql.replace(&format!("EVENT({n})"), &nth(n));
    }
    sql
}

#[tokio::test]
async fn removed_moved_and_invented_events_are_found() {
    let vault = busy_vault().await;
    let (other, _) = vault.new_organization("other");
    let database = vault.database.connect().await;
    keep(&database).await;
    for (name, attack, kind, seq) in ATTACKS {
        let sql = attack_sql(attack, &other.org);
        database.batch_execute(&sql).await.unwrap();
        is_found(&vault, name, kind, seq);
        restore(&database).await;
        assert!(verify(&vault, &[]).0, "{name} was not undone");
    }
}

fn is_found(vault: &TestVault, name: &str, kind: &str, seq: i32) {
    let (intact, report) = verify(vault, &[]);
    let found = findings(&report);
    assert!(!intact, "{name}");
    let hit = found
        .iter()
        .any(|finding| finding["kind"] == kind && finding["seq"] == seq);
    assert!(hit, "{name}: {found:?}");
}

#[tokio::test]
async fn many_servers_under_load_and_killed_leave_a_trail_that_verifies() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let mut servers: Vec<Server> = (0..3).map(|_| vault.start_server(&[])).collect();
    let mut load = JoinSet::new();
    for server in &servers {
        let url = server.url();
        vault.ready(&url).await;
        for worker in 0..4 {
            let api = if worker % 2 == 0 {
                &vault.admin
            } else {
                &other
            }
            .at(&url);
            load.spawn(async move {
                // The server is killed meanwhile, which may fail a request.
                for number in 0..60 {
                    let body = json!({"extcred_provider": "generic", "extcred_type": "api_key",
                        "json_blob": {"api_key": format!("{number}")}});
                    let sent = api
                        .request(reqwest::Method::POST, strongroom_e2e::CREDENTIALS)
                        .json(&body)
                        .send();
                    if sent.await.is_err() {
                        return;
                    }
                }
            });
        }
    }
    for _ in 0..3 {
        // During the traffic.
        assert!(verify(&vault, &[]).0);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    for server in &mut servers {
        server.kill();
    }
    while load.join_next().await.is_some() {}
    other.create("afterwards").await;
    let (intact, report) = verify(&vault, &[]);
    assert!(intact, "{report}");
    assert!(report["lanes"].as_u64().unwrap() >= 8, "{report}");
    assert_eq!(report["organizations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_trail_that_was_removed_as_a_whole_is_found() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    database
        .batch_execute("delete from audit_events")
        .await
        .unwrap();
    let verified = vault.run(&["audit", "verify"]);
    assert!(!verified.success);
    assert!(
        verified.stdout.contains("the trail is empty"),
        "{}",
        verified.stdout
    );
}
