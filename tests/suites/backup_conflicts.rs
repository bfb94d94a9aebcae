//! Restoring into a database that has some of it already.

use serde_json::{Value, json};
use strongroom_e2e::{Finished, TestVault};

use crate::safe::{Safe, census, verifies};

/// Restores `all` into the vault's own database.
fn restore(safe: &Safe, vault: &TestVault, more: &[&str]) -> Finished {
    safe.restore(vault, &vault.database, "all", more)
}

async fn execute(vault: &TestVault, statement: &str) -> u64 {
    let client = vault.database.connect().await;
    client.execute(statement, &[]).await.unwrap()
}

fn plan(finished: &Finished) -> Value {
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    answer["organizations"][0].clone()
}

#[tokio::test]
async fn lost_and_damaged_rows_come_back() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let (kept, lost) = (
        vault.admin.create("kept").await,
        vault.admin.create("lost").await,
    );
    let damaged = vault.admin.create("damaged").await;
    assert!(safe.back_up(&vault, "all", &[]).success);
    assert_eq!(
        execute(
            &vault,
            &format!("delete from credentials where cred_id = '{lost}'")
        )
        .await,
        1
    );
    let spoil =
        format!("update credentials set wrapped_key = ''::bytea where cred_id = '{damaged}'");
    assert_eq!(execute(&vault, &spoil).await, 1);
    assert!(!vault.run(&["verify"]).success);

    let before = census(&vault.database).await;
    let refused = restore(&safe, &vault, &["--json"]);
    assert!(!refused.success, "{refused:?}");
    let told = plan(&refused);
    assert_eq!(
        told["credentials"],
        json!({"insert": 1, "same": 1, "newer": 0, "differ": 1})
    );
    assert!(
        told["refused"].as_str().unwrap().contains("--replace"),
        "{told}"
    );
    assert_eq!(census(&vault.database).await, before);

    let restored = restore(&safe, &vault, &["--replace"]);
    assert!(restored.success, "{restored:?}");
    verifies(&vault);
    vault.replace_server(&[]).await;
    for (id, secret) in [(&kept, "kept"), (&lost, "lost"), (&damaged, "damaged")] {
        assert_eq!(vault.admin.secret(id).await["api_key"], secret);
    }
    let events = vault
        .admin
        .get("/organizations/config/audit-events?action=organization.restore_backup")
        .await;
    let events: Value = events.json().await.unwrap();
    assert_eq!(events["result"].as_array().unwrap().len(), 1);
    assert_eq!(events["result"][0]["actor"], "operator");
    let again = restore(&safe, &vault, &["--replace"]);
    assert!(
        again.success && again.stdout.contains("nothing to restore"),
        "{again:?}"
    );
}

#[tokio::test]
async fn what_is_newer_stays() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let changed = vault.admin.create("old").await;
    let (deleted, lost) = (
        vault.admin.create("deleted").await,
        vault.admin.create("lost").await,
    );
    let revoked = vault.new_key(&vault.admin.org, "admin");
    assert!(safe.back_up(&vault, "all", &[]).success);
    let body = json!({"json_blob": {"api_key": "new"}});
    assert_eq!(vault.admin.patch(&changed, &body).await.status(), 204);
    assert_eq!(
        vault
            .admin
            .delete(&format!("credentialId={deleted}"))
            .await
            .status(),
        204
    );
    let keys = vault
        .run(&["key", "list", "--org", &vault.admin.org, "--json"])
        .json();
    let key = keys.as_array().unwrap().last().unwrap()["key_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        vault
            .run(&["key", "revoke", "--org", &vault.admin.org, "--key", &key])
            .success
    );
    execute(
        &vault,
        &format!("delete from credentials where cred_id = '{lost}'"),
    )
    .await;

    let refused = restore(&safe, &vault, &["--json", "--replace"]);
    assert!(!refused.success, "{refused:?}");
    let told = plan(&refused);
    assert_eq!(
        told["credentials"],
        json!({"insert": 1, "same": 0, "newer": 2, "differ": 0})
    );
    let why = told["refused"].as_str().unwrap();
    assert!(
        why.contains("2 credential(s) are newer") && why.contains("--keep-newer"),
        "{why}"
    );
    let restored = restore(&safe, &vault, &["--keep-newer"]);
    assert!(restored.success, "{restored:?}");
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
    let (kept, lost) = (
        vault.admin.create("kept").await,
        vault.admin.create("lost").await,
    );
    assert!(safe.back_up(&vault, "all", &[]).success);
    execute(
        &vault,
        &format!("delete from credentials where cred_id = '{lost}'"),
    )
    .await;
    let org = vault.admin.org.clone();
    for args in [
        &["rotate", "org", &org][..],
        &["rotate", "retire", "--org", &org, "--generation", "1"],
    ] {
        let rotated = vault.run(args);
        assert!(rotated.success, "{args:?}: {}", rotated.stderr);
    }
    let before = census(&vault.database).await;
    let restored = restore(&safe, &vault, &["--json"]).json();
    let told = json!({"insert": 1, "same": 1, "newer": 0, "differ": 0});
    assert_eq!(restored["organizations"][0]["credentials"], told);
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
    let rotated = vault.run(&["rotate", "root"]);
    assert!(rotated.success, "{}", rotated.stderr);
    let org = vault.admin.org.clone();
    // Everything of it is lost, by somebody who works on the tables.
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
    let restored = restore(&safe, &vault, &[]);
    assert!(restored.success, "{restored:?}");
    verifies(&vault);
    let wrapped = "select count(*) from org_keys k join root_keys r using (root_key_id) where r.state = 'active'";
    assert_eq!(
        client
            .query_one(wrapped, &[])
            .await
            .unwrap()
            .get::<_, i64>(0),
        1
    );
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
    assert!(vault.run(&["org", "delete", &org, "--now"]).success);
    let before = census(&vault.database).await;
    let refused = restore(&safe, &vault, &["--replace", "--keep-newer"]);
    assert!(
        !refused.success && refused.stdout.contains("was destroyed"),
        "{refused:?}"
    );
    assert_eq!(census(&vault.database).await, before);
    // It can be backed up, and its trail restored.
    let made = safe.back_up(&vault, "destroyed", &[]);
    assert!(made.success, "{}", made.stderr);
    let database = strongroom_e2e::Database::create().await;
    let restored = safe.restore(&vault, &database, "destroyed", &[]);
    assert!(restored.success, "{}", restored.stderr);
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
    let pruned = vault.run(&["audit", "prune", "--before", &cut, "--out", &export]);
    assert!(pruned.success, "{}", pruned.stderr);
    assert!(safe.back_up(&vault, "all", &[]).success);

    // What was pruned since the backup does not come back.
    let before = census(&vault.database).await;
    assert!(before["audit_checkpoints"] > 0, "{before:?}");
    let whole = safe.restore(&vault, &vault.database, "whole", &[]);
    assert!(
        whole.success && whole.stdout.contains("nothing to restore"),
        "{whole:?}"
    );
    assert_eq!(census(&vault.database).await, before);

    // A pruned trail is restored with its checkpoints, and onto one that was not pruned.
    let fresh = strongroom_e2e::Database::create().await;
    let unpruned = strongroom_e2e::Database::create().await;
    assert!(safe.restore(&vault, &unpruned, "whole", &[]).success);
    for database in [fresh, unpruned] {
        let restored = safe.restore(&vault, &database, "all", &[]);
        assert!(restored.success, "{restored:?}");
        let again = safe.restore(&vault, &database, "all", &[]);
        assert!(again.stdout.contains("nothing to restore"), "{again:?}");
        vault.database = database;
        verifies(&vault);
    }
    vault.replace_server(&[]).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], "old");
}
