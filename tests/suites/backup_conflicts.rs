//! Restoring into a database that already contains part of the backup.

use serde_json::{Value, json};
use strongroom_e2e::{Api, Database, Finished, TestVault};

use crate::safe::{Safe, census, verifies};

/// Restores `all` into the vault's own database.
fn restore(safe: &Safe, vault: &TestVault, more: &[&str]) -> Finished {
    safe.restore(vault, &vault.database, "all", more)
}

async fn execute(vault: &TestVault, statement: &str) -> u64 {
    let client = vault.database.connect().await;
    client.execute(statement, &[]).await.unwrap()
}

async fn lose_row(vault: &TestVault, id: &str) {
    let delete = format!("delete from credentials where cred_id = '{id}'");
    assert_eq!(execute(vault, &delete).await, 1);
}

async fn damage_row(vault: &TestVault, id: &str) {
    let damage = format!("update credentials set wrapped_key = ''::bytea where cred_id = '{id}'");
    assert_eq!(execute(vault, &damage).await, 1);
}

/// The plan of a restore that refused its only organization: the counts, and the reason.
fn refused_plan(refused: &Finished) -> (Value, String) {
    assert!(!refused.success, "{refused:?}");
    let answer: Value = serde_json::from_str(&refused.stdout).unwrap();
    let plan = &answer["organizations"][0];
    let reason = plan["refused"].as_str().unwrap().to_owned();
    (plan["credentials"].clone(), reason)
}

/// Checks that the trail has exactly one event of a restore.
async fn one_restore_is_recorded(api: &Api) {
    let path = "/organizations/config/audit-events?action=organization.restore_backup";
    let events: Value = api.get(path).await.json().await.unwrap();
    assert_eq!(events["result"].as_array().unwrap().len(), 1);
    assert_eq!(events["result"][0]["actor"], "operator");
}

#[tokio::test]
async fn lost_and_damaged_rows_come_back() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let kept = vault.admin.create("kept").await;
    let lost = vault.admin.create("lost").await;
    let damaged = vault.admin.create("damaged").await;
    safe.back_up(&vault, "all", &[]).assert_success();
    lose_row(&vault, &lost).await;
    damage_row(&vault, &damaged).await;
    assert!(!vault.run(&["verify"]).success);

    let before = census(&vault.database).await;
    let (counts, reason) = refused_plan(&restore(&safe, &vault, &["--json"]));
    let expected = json!({"insert": 1, "same": 1, "newer": 0, "differ": 1});
    assert_eq!(counts, expected);
    assert!(reason.contains("--replace"), "{reason}");
    assert_eq!(census(&vault.database).await, before);

    restore(&safe, &vault, &["--replace"]).assert_success();
    verifies(&vault);
    vault.replace_server(&[]).await;
    for (id, secret) in [(&kept, "kept"), (&lost, "lost"), (&damaged, "damaged")] {
        assert_eq!(vault.admin.secret(id).await["api_key"], secret);
    }
    one_restore_is_recorded(&vault.admin).await;
    restore(&safe, &vault, &["--replace"]).assert_prints("nothing to restore");
}

#[tokio::test]
async fn what_is_newer_stays() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let changed = vault.admin.create("old").await;
    let deleted = vault.admin.create("deleted").await;
    let lost = vault.admin.create("lost").await;
    let revoked = vault.new_key(&vault.admin.org, "admin");
    safe.back_up(&vault, "all", &[]).assert_success();
    let body = json!({"json_blob": {"api_key": "new"}});
    assert_eq!(vault.admin.patch(&changed, &body).await.status(), 204);
    let query = format!("credentialId={deleted}");
    assert_eq!(vault.admin.delete(&query).await.status(), 204);
    let keys = vault.keys(&vault.admin.org);
    let key = keys.last().unwrap()["key_id"].as_str().unwrap();
    vault.revoke(&vault.admin.org, key);
    lose_row(&vault, &lost).await;

    let (counts, reason) = refused_plan(&restore(&safe, &vault, &["--json", "--replace"]));
    let expected = json!({"insert": 1, "same": 0, "newer": 2, "differ": 0});
    assert_eq!(counts, expected);
    let newer = reason.contains("2 credential(s) are newer");
    assert!(newer && reason.contains("--keep-newer"), "{reason}");
    restore(&safe, &vault, &["--keep-newer"]).assert_success();
    verifies(&vault);
    assert_eq!(vault.admin.secret(&changed).await["api_key"], "new");
    assert_eq!(vault.admin.secret(&lost).await["api_key"], "lost");
    assert_eq!(vault.admin.reveal(&deleted).await.status(), 404);
    assert_eq!(revoked.get(strongroom_e2e::CREDENTIALS).await.status(), 401);
}

#[tokio::test]
async fn keys_that_were_rotated_since_are_used_and_no_old_one_comes_back() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let kept = vault.admin.create("kept").await;
    let lost = vault.admin.create("lost").await;
    safe.back_up(&vault, "all", &[]).assert_success();
    lose_row(&vault, &lost).await;
    let org = vault.admin.org.clone();
    for args in [
        &["rotate", "org", "--org", &org][..],
        &["rotate", "retire", "--org", &org, "--generation", "1"],
    ] {
        let rotated = vault.run(args);
        assert!(rotated.success, "{args:?}: {}", rotated.stderr);
    }
    let before = census(&vault.database).await;
    let restored = restore(&safe, &vault, &["--json"]).json();
    let expected = json!({"insert": 1, "same": 1, "newer": 0, "differ": 0});
    assert_eq!(restored["organizations"][0]["credentials"], expected);
    let after = census(&vault.database).await;
    assert_eq!(after["org_keys"], before["org_keys"]);
    verifies(&vault);
    vault.replace_server(&[]).await;
    assert_eq!(vault.admin.secret(&kept).await["api_key"], "kept");
    assert_eq!(vault.admin.secret(&lost).await["api_key"], "lost");
}

#[tokio::test]
async fn an_organization_comes_back_under_the_root_key_of_today() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let id = vault.admin.create("secret").await;
    assert!(safe.back_up(&vault, "all", &[]).success);
    vault.run(&["rotate", "root"]).assert_success();
    let org = vault.admin.org.clone();
    // All rows of the organization are lost.
    let client = vault.database.connect().await;
    for table in [
        "credentials",
        "credential_uses",
        "key_uses",
        "api_keys",
        "audit_events",
        "rotations",
        "org_keys",
        "organizations",
    ] {
        client
            .execute(&format!("delete from {table} where org_id = '{org}'"), &[])
            .await
            .unwrap();
    }
    restore(&safe, &vault, &[]).assert_success();
    verifies(&vault);
    let wrapped = "select count(*) from org_keys k join root_keys r using (root_key_id) \
                   where r.state = 'active'";
    let wrapped: i64 = client.query_one(wrapped, &[]).await.unwrap().get(0);
    assert_eq!(wrapped, 1);
    vault.replace_server(&[]).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], "secret");
}

#[tokio::test]
async fn a_destroyed_organization_stays_destroyed() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    vault.admin.create("secret").await;
    assert!(safe.back_up(&vault, "all", &[]).success);
    let org = vault.admin.org.clone();
    assert!(
        vault
            .run(&["org", "delete", "--org", &org, "--now", "--yes"])
            .success
    );
    let before = census(&vault.database).await;
    let refused = restore(&safe, &vault, &["--replace", "--keep-newer"]);
    refused.assert_failed_with("was destroyed");
    assert_eq!(census(&vault.database).await, before);
    // A destroyed organization can be backed up, and its trail restored.
    let made = safe.back_up(&vault, "destroyed", &[]);
    made.assert_success();
    let database = Database::create().await;
    let restored = safe.restore(&vault, &database, "destroyed", &[]);
    restored.assert_success();
    let after = census(&database).await;
    assert_eq!((after["credentials"], after["org_keys"]), (0, 0));
    assert!(after["audit_events"] >= before["audit_events"]);
}

#[tokio::test]
async fn a_pruned_trail_stays_pruned_and_verifies() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let client = vault.database.connect().await;
    let id = vault.admin.create("old").await;
    assert!(safe.back_up(&vault, "whole", &[]).success);
    let cut = crate::audit_prune::now(&client).await;
    vault.admin.create("new").await;
    crate::audit_prune::split(&client, &cut).await;
    let export = safe.path("export");
    let pruned = vault.run(&["audit", "prune", "--before", &cut, "--output", &export]);
    pruned.assert_success();
    safe.back_up(&vault, "all", &[]).assert_success();

    // Events that were pruned since the backup are not restored.
    let before = census(&vault.database).await;
    assert!(before["audit_checkpoints"] > 0, "{before:?}");
    let whole = safe.restore(&vault, &vault.database, "whole", &[]);
    whole.assert_prints("nothing to restore");
    assert_eq!(census(&vault.database).await, before);

    // A pruned trail is restored with its checkpoints, also over a trail that was not pruned.
    let fresh = Database::create().await;
    let unpruned = Database::create().await;
    assert!(safe.restore(&vault, &unpruned, "whole", &[]).success);
    for database in [fresh, unpruned] {
        safe.restore(&vault, &database, "all", &[]).assert_success();
        let again = safe.restore(&vault, &database, "all", &[]);
        assert!(again.stdout.contains("nothing to restore"), "{again:?}");
        vault.database = database;
        verifies(&vault);
    }
    vault.replace_server(&[]).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], "old");
}
