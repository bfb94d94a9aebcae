//! A prune that must not be, or that does not come to its end.

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::{Server, TestVault, eventually};
use tempfile::TempDir;

use crate::audit_prune::{intact, now, split};

#[tokio::test]
async fn nothing_is_pruned_that_would_hide_tampering() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    let id = vault.admin.create("secret").await;
    let backup = "create table backup as table credentials";
    database.batch_execute(backup).await.unwrap();
    vault.admin.patch(&id, &json!({"extcred_label": "b"})).await;
    let cut = now(&database).await;
    split(&database, &cut).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out");
    let args = [
        "audit",
        "prune",
        "--before",
        &cut,
        "--out",
        file.to_str().unwrap(),
    ];
    let refused = |why: &str| {
        let refused = vault.run(&args);
        assert!(
            !refused.success && refused.stderr.contains(why),
            "{refused:?}"
        );
        assert!(!file.exists());
    };

    let count = "select count(*) from audit_events where at < $1::text::timestamptz";
    let before: i64 = database.query_one(count, &[&cut]).await.unwrap().get(0);
    database
        .batch_execute(
            "create table good as table credentials; delete from credentials; \
             insert into credentials table backup",
        )
        .await
        .unwrap();
    refused("newest write event");
    database
        .batch_execute("delete from credentials; insert into credentials table good")
        .await
        .unwrap();
    let edit = "update audit_events set actor = case actor when 'x' then 'operator' else 'x' end \
                where action = 'organization.create'";
    database.batch_execute(edit).await.unwrap();
    refused("does not verify");
    database.batch_execute(edit).await.unwrap();
    let after: i64 = database.query_one(count, &[&cut]).await.unwrap().get(0);
    assert_eq!(before, after);
    let pruned = vault.run(&args);
    assert!(pruned.success, "{pruned:?}");
    assert!(intact(&vault));
}

#[tokio::test]
async fn killed_halfway_it_has_pruned_nothing_and_can_be_run_again() {
    let vault = TestVault::start().await;
    let mut database = vault.database.connect().await;
    vault.admin.create("secret").await;
    let cut = now(&database).await;
    split(&database, &cut).await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first"), path("second"));
    let (url, key) = (vault.database.superuser_url(), vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
    ];
    // Somebody reads, so it waits with everything done but the drop.
    let reading = database.transaction().await.unwrap();
    reading
        .execute("lock table audit_events in access share mode", &[])
        .await
        .unwrap();
    let args = ["audit", "prune", "--before", &cut, "--out", &first];
    let mut pruning = Server::spawn(&args, &variables);
    eventually(
        "the export is complete",
        Duration::from_secs(20),
        async || std::fs::exists(&first).unwrap(),
    )
    .await;
    // Writers go on meanwhile.
    vault.admin.create("meanwhile").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    pruning.kill();
    reading.rollback().await.unwrap();

    assert!(intact(&vault));
    let old = "select count(*) from audit_events where at < $1::text::timestamptz";
    let count: i64 = database.query_one(old, &[&cut]).await.unwrap().get(0);
    assert_eq!(count, 4);
    let checkpoints = "select from audit_checkpoints";
    assert!(database.query(checkpoints, &[]).await.unwrap().is_empty());
    let again = vault.run(&["audit", "prune", "--before", &cut, "--out", &second]);
    assert!(again.success, "{again:?}");
    assert_eq!(
        std::fs::read(&first).unwrap(),
        std::fs::read(&second).unwrap()
    );
    assert!(intact(&vault));
}
