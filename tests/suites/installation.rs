//! The audit trail of the installation: what it says of root keys counts, not their rows.

use std::time::Duration;

use serde_json::Value;
use strongroom_e2e::{Scrape, TestVault, eventually};
use tokio_postgres::Client;

const INSTALLATION: &str = "00000000-0000-0000-0000-000000000000";

/// Puts back the first root key as the active one, as a superuser can.
const ROLL_BACK: &str = "update root_keys set state = 'superseded' where state = 'active'; \
    update root_keys set state = 'active' \
      where root_key_id = (select root_key_id from root_keys order by created_at limit 1)";

/// The recorded actions, oldest first.
async fn actions(database: &Client) -> Vec<String> {
    let recorded = format!(
        "select action from audit_events where org_id = '{INSTALLATION}' \
         and action not like 'audit.%' and action not like 'integrity.%' order by at"
    );
    let rows = database.query(&recorded, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The problems that `strongroom verify` finds, with the id of their organization.
fn problems(vault: &TestVault) -> Vec<(String, String)> {
    let verified = vault.run(&["verify", "--json"]);
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |one: &Value, member: &str| one[member].as_str().unwrap().to_owned();
    findings
        .map(|one| (text(one, "org_id"), text(one, "problem")))
        .collect()
}

async fn condition_is(vault: &TestVault, active: bool) {
    let (name, limit) = ("strongroom_condition_active", Duration::from_secs(20));
    eventually("the condition is shown", limit, async || {
        let metrics = Scrape::of(&vault.server.url()).await;
        let shown = metrics.number(name, &["condition=\"root_keys_rolled_back\""]);
        (shown > 0.5) == active
    })
    .await;
}

#[tokio::test]
async fn the_life_of_root_keys_is_recorded() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    assert_eq!(actions(&database).await, ["installation.create"]);
    vault.run(&["rotate", "root"]).assert_success();
    let first = "select root_key_id::text from root_keys order by created_at limit 1";
    let first: String = database.query_one(first, &[]).await.unwrap().get(0);
    let retire = ["rotate", "retire", "--root", &first];
    vault.run(&retire).assert_success();
    let mut recorded = actions(&database).await;
    recorded.dedup();
    assert_eq!(
        recorded,
        [
            "installation.create",
            "root_key.prepare",
            "root_key.activate",
            "service_key.rewrap",
            "root_rotation.finish",
            "root_key.retire",
        ]
    );
    let exported = vault.run(&["audit", "export", "--org", INSTALLATION]);
    exported.assert_prints("\"number\":2");
    vault
        .run(&["audit", "verify"])
        .assert_prints("the installation: ");
}

#[tokio::test]
async fn nothing_is_wrapped_by_a_root_key_that_was_put_back() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    vault.run(&["rotate", "root"]).assert_success();
    condition_is(&vault, false).await;
    database.batch_execute(ROLL_BACK).await.unwrap();
    condition_is(&vault, true).await;
    vault.server.wait_for_log("was activated last");
    let first = "select root_key_id from root_keys where state = 'active'";
    let wrapped = format!("select from org_keys where root_key_id = ({first})");
    let create = ["org", "create", "--name", "under the old key"];
    assert!(!vault.run(&create).success);
    assert!(database.query(&wrapped, &[]).await.unwrap().is_empty());
    // What exists goes on.
    vault.admin.create("goes on").await;
    let rolled_back = (INSTALLATION.to_owned(), "root_key_rolled_back".to_owned());
    assert_eq!(problems(&vault), [rolled_back]);
    // A server that starts now knows it as well.
    let second = vault.start_server(&[]);
    second.wait_for_log("was activated last");

    vault.run(&["rotate", "root"]).assert_success();
    condition_is(&vault, false).await;
    assert_eq!(problems(&vault), []);
    vault.run(&create).assert_success();
}

#[tokio::test]
async fn a_trail_that_is_gone_does_not_begin_again() {
    let mut vault = TestVault::start().await;
    let database = vault.database.connect().await;
    let remove = format!(
        "delete from audit_events where org_id = '{INSTALLATION}'; \
         update record_format set format = 2"
    );
    database.batch_execute(&remove).await.unwrap();
    condition_is(&vault, true).await;
    vault.replace_server(&[]).await;
    condition_is(&vault, true).await;
    let begun: Vec<String> = actions(&database).await;
    assert!(begun.is_empty(), "{begun:?}");
    let restore = "update record_format set format = 3";
    database.batch_execute(restore).await.unwrap();
    let unproved = (INSTALLATION.to_owned(), "root_key_unproved".to_owned());
    assert_eq!(problems(&vault), [unproved]);
    vault
        .run(&["audit", "verify"])
        .assert_failed_with("the creation event is missing");
}
