//! The owner of the database puts back rows that say what is current. The audit trail knows better.

use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use strongroom_e2e::{TestVault, eventually};
use tokio_postgres::Client;

/// A superuser, whom neither triggers nor row-level security bind.
async fn superuser(vault: &TestVault) -> Client {
    vault.database.connect().await
}

/// The codes of the problems that `strongroom verify` finds.
fn problems(vault: &TestVault) -> Vec<String> {
    let verified = vault.run(&["verify", "--json"]);
    let report: Value = serde_json::from_str(&verified.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let problems = findings.map(|one| one["problem"].as_str().unwrap().to_owned());
    problems.collect()
}

async fn create_is_answered(vault: &TestVault, status: u16) {
    let limit = Duration::from_secs(10);
    eventually("the server has noticed", limit, async || {
        let body = json!({"extcred_provider": "generic", "extcred_type": "api_key",
            "extcred_label": "l", "json_blob": {"api_key": "k"}});
        vault.admin.post(&body).await.status() == status
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sealed_under_a_generation_that_was_put_back() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    let database = superuser(&vault).await;
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let back = "update org_keys set active = false where generation = 2; \
                update org_keys set active = true where generation = 1";
    database.batch_execute(back).await.unwrap();
    create_is_answered(&vault, 500).await;
    vault.server.wait_for_log("not those in its audit trail");
    assert_eq!(problems(&vault), ["key_rolled_back"]);
    // A rotation replaces the key that was put back.
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    create_is_answered(&vault, 201).await;
    assert!(problems(&vault).is_empty());
}

#[tokio::test]
async fn a_destroyed_generation_that_is_there_again_is_noticed() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let database = superuser(&vault).await;
    let copy = "create table kept as select * from org_keys";
    database.batch_execute(copy).await.unwrap();
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let retire = ["rotate", "retire", "--org", org, "--generation", "1"];
    vault.run(&retire).assert_success();
    create_is_answered(&vault, 201).await;
    let back = "update kept set active = false; insert into org_keys select * from kept; \
                update org_keys set active = active";
    database.batch_execute(back).await.unwrap();
    create_is_answered(&vault, 500).await;
    assert_eq!(problems(&vault), ["key_put_back"]);
}

#[tokio::test]
async fn an_edited_event_does_not_make_a_generation_current() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    let database = superuser(&vault).await;
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    let edit = "update audit_events set details = '{\"generation\":1,\"re_encrypt\":false}' \
                where action = 'organization.rotate'; \
                update org_keys set active = false where generation = 2; \
                update org_keys set active = true where generation = 1";
    database.batch_execute(edit).await.unwrap();
    create_is_answered(&vault, 500).await;
    vault.server.wait_for_log("was altered or inserted");
    vault
        .run(&["audit", "verify"])
        .assert_failed_with("altered");
}

#[tokio::test]
async fn swapped_labels_do_not_swap_secrets() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let create = async |label: &str| {
        api.create_from(
            &json!({"extcred_provider": "generic", "extcred_type": "api_key",
            "extcred_label": label, "json_blob": {"api_key": label}}),
        )
        .await
    };
    let ids = [create("test").await, create("live").await];
    let swap = "update credentials set label = case label when 'test' then 'live' else 'test' end";
    let database = superuser(&vault).await;
    database.batch_execute(swap).await.unwrap();
    for id in &ids {
        assert_eq!(
            api.reveal(id).await.status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
        // An honest change does not make the swap genuine.
        let change = json!({"json_blob": {"api_key": "new"}});
        assert_eq!(
            api.patch(id, &change).await.status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
    let found = problems(&vault);
    assert_eq!(
        found.iter().filter(|one| *one == "does_not_open").count(),
        2,
        "{found:?}"
    );
    database.batch_execute(swap).await.unwrap();
    assert_eq!(api.secret(&ids[1]).await["api_key"], "live");
}

#[tokio::test]
async fn a_revocation_that_was_undone_still_counts() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let database = superuser(&vault).await;
    let copy = "create table kept as select * from api_keys";
    database.batch_execute(copy).await.unwrap();
    assert_eq!(
        vault
            .member
            .get("/organizations/config/external-credentials")
            .await
            .status(),
        200
    );
    let keys = vault.keys(org);
    let member = keys.iter().find(|key| key["role"] == "member").unwrap();
    vault.revoke(org, member["key_id"].as_str().unwrap());
    let back = "update api_keys k set revoked_at = null, digest = \
                (select digest from kept o where o.key_id = k.key_id)";
    database.batch_execute(back).await.unwrap();
    for _ in 0..3 {
        let path = "/organizations/config/external-credentials";
        assert_eq!(vault.member.get(path).await.status(), 401);
    }
    vault.server.wait_for_log("revocation was undone");
    assert_eq!(problems(&vault), ["revocation_undone"]);
}

#[tokio::test]
async fn a_scheduled_end_that_was_removed_still_counts() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let database = superuser(&vault).await;
    let keys = vault.keys(org);
    let member = keys.iter().find(|key| key["role"] == "member").unwrap();
    let id = member["key_id"].as_str().unwrap();
    let revoke = ["key", "revoke", "--org", org, "--key", id, "--in", "24h"];
    vault.run(&revoke).assert_success();
    let path = "/organizations/config/external-credentials";
    assert_eq!(vault.member.get(path).await.status(), 200);
    let removed = "update api_keys set ends_at = null, end_proof = null";
    database.batch_execute(removed).await.unwrap();
    let limit = Duration::from_secs(10);
    eventually("the server has noticed", limit, async || {
        vault.member.get(path).await.status() == 401
    })
    .await;
    assert_eq!(problems(&vault), ["key_end_altered"]);
}

#[tokio::test]
async fn a_key_that_no_event_issued_is_reported() {
    let vault = TestVault::start().await;
    let database = superuser(&vault).await;
    let insert = "insert into api_keys select org_id, gen_random_uuid(), role, 'x', digest, now() \
                  from api_keys limit 1";
    database.batch_execute(insert).await.unwrap();
    assert_eq!(problems(&vault), ["api_key_unissued"]);
}

#[tokio::test]
async fn a_deletion_that_was_undone_is_noticed() {
    let vault = TestVault::start_unsharded().await;
    let org = vault.admin.org.as_str();
    let database = superuser(&vault).await;
    vault.run(&["org", "delete", org]).assert_success();
    let back = "update organizations set deleted_at = null, destroy_after = null";
    database.batch_execute(back).await.unwrap();
    // The keys of a deleted organization are refused.
    create_is_answered(&vault, 401).await;
    vault
        .server
        .wait_for_log("the deletion of an organization was undone in the database");
    assert_eq!(problems(&vault), ["deletion_undone"]);
    // An ordinary restoration is none of it.
    let again = "update organizations set deleted_at = (select at from audit_events \
                 where action = 'organization.delete'), destroy_after = now() + interval '7 days'";
    database.batch_execute(again).await.unwrap();
    vault.run(&["org", "restore", org]).assert_success();
    create_is_answered(&vault, 201).await;
    assert!(problems(&vault).is_empty());
}
