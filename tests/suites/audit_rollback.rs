//! Events that are taken away after a server has committed them.

use serde_json::Value;
use strongroom_e2e::{Scrape, TestVault, api_key};
use tokio_postgres::Client;

/// Makes the server read its position in the lane again: a commit of it fails.
async fn fail_a_commit(vault: &TestVault, database: &Client) {
    let refuse = "alter table credentials add constraint refuse check (false) not valid";
    database.batch_execute(refuse).await.unwrap();
    let answer = vault.admin.post(&api_key("refused")).await;
    assert_eq!(answer.status(), 500);
    let permit = "alter table credentials drop constraint refuse";
    database.batch_execute(permit).await.unwrap();
}

async fn alarms(vault: &TestVault) -> f64 {
    let metrics = Scrape::of(&vault.admin.url).await;
    let condition = ["of=\"server\"", "condition=\"audit_rolled_back\""];
    metrics.number("strongroom_condition_active", &condition)
}

fn verified(vault: &TestVault) -> Value {
    let verified = vault.run(&["audit", "verify", "--org", &vault.admin.org, "--json"]);
    serde_json::from_str(&verified.stdout).unwrap()
}

const NEWEST: &str = "delete from audit_events where (lane, seq) = (select lane, seq \
     from audit_events where action = 'credential.create' order by at desc, seq desc limit 1) \
     returning seq";

#[tokio::test]
async fn the_number_of_a_lost_event_is_not_used_again() {
    let vault = TestVault::start().await;
    vault.admin.create("first").await;
    vault.admin.create("second").await;
    let database = vault.database.connect().await;
    let lost: i64 = database.query_one(NEWEST, &[]).await.unwrap().get(0);
    assert_eq!(alarms(&vault).await, 0.0);
    fail_a_commit(&vault, &database).await;
    vault.admin.create("third").await;
    vault
        .server
        .wait_for_log("\"condition\":\"audit_rolled_back\"");
    assert_eq!(alarms(&vault).await, 1.0);
    let log = vault.server.log();
    assert!(log.contains(&format!("committed event {lost}")), "{log}");

    let report = verified(&vault).to_string();
    assert!(report.contains("\"cut\""), "{report}");
    // Later events continue the new lane.
    vault.admin.create("fourth").await;
    assert_eq!(verified(&vault)["found"], 1);
}

#[tokio::test]
async fn a_lane_that_lost_all_events_is_named_by_the_next_one() {
    let vault = TestVault::start().await;
    vault.admin.create("first").await;
    let database = vault.database.connect().await;
    let gone = "delete from audit_events where lane = (select lane from audit_events \
         where action = 'credential.create')";
    assert!(database.execute(gone, &[]).await.unwrap() > 0);
    fail_a_commit(&vault, &database).await;
    vault.admin.create("second").await;
    assert_eq!(alarms(&vault).await, 1.0);
    let report = verified(&vault).to_string();
    assert!(report.contains("\"cut\""), "{report}");
}

#[tokio::test]
async fn a_failed_commit_alone_is_no_alarm() {
    let vault = TestVault::start().await;
    vault.admin.create("first").await;
    let database = vault.database.connect().await;
    fail_a_commit(&vault, &database).await;
    vault.admin.create("second").await;
    assert_eq!(alarms(&vault).await, 0.0);
    assert_eq!(verified(&vault)["found"], 0);
}

#[tokio::test]
async fn a_trail_without_its_beginning_is_reported() {
    let vault = TestVault::start().await;
    vault.admin.create("first").await;
    let database = vault.database.connect().await;
    let all = format!(
        "delete from audit_events where org_id = '{}'",
        vault.admin.org
    );
    assert!(database.execute(&all, &[]).await.unwrap() > 0);
    let verify = ["audit", "verify", "--org", &vault.admin.org];
    vault.run(&verify).assert_failed_with("the trail is empty");
    // A command writes its event into a lane of its own, which is intact.
    vault
        .run(&["rotate", "org", "--org", &vault.admin.org])
        .assert_success();
    vault
        .run(&verify)
        .assert_failed_with("creation event is missing");
}

/// A promotion can lose events honestly. What the operator acknowledges is listed, and no finding.
#[tokio::test]
async fn an_acknowledged_loss_is_listed_with_its_reason() {
    let vault = TestVault::start().await;
    vault.admin.create("first").await;
    vault.admin.create("second").await;
    let database = vault.database.connect().await;
    database.query_one(NEWEST, &[]).await.unwrap();
    fail_a_commit(&vault, &database).await;
    vault.admin.create("third").await;
    let finding = verified(&vault)["organizations"][0]["findings"][0].clone();
    let (org, lane) = (vault.admin.org.as_str(), finding["lane"].as_str().unwrap());
    let acknowledge = |lane: &str, reason: &str| {
        vault.run(&[
            "audit",
            "acknowledge",
            "--org",
            org,
            "--lane",
            lane,
            "--reason",
            reason,
        ])
    };
    acknowledge("x", "r").assert_refused("--lane");
    acknowledge(lane, "").assert_refused("reason");
    acknowledge(org, "r").assert_refused("has lost no event");
    acknowledge(lane, "failover of 2027-01-31").assert_success();
    let verify = ["audit", "verify", "--org", org];
    vault
        .run(&verify)
        .assert_prints("acknowledged as lost: failover of 2027-01-31");
    assert_eq!(verified(&vault)["found"], 0);
    acknowledge(lane, "again").assert_refused("has lost no event");

    // What is lost later, and what is altered, is a finding all the same.
    let more = "delete from audit_events where action = 'organization.create'";
    database.batch_execute(more).await.unwrap();
    vault.run(&verify).assert_failed_with("missing");
}
