//! Prunes that must be refused, or that are interrupted.

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::{Server, TestVault, eventually};
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::audit_prune::{intact, now, split};

async fn count_before(database: &Client, cut: &str) -> i64 {
    let count = "select count(*) from audit_events where at < $1::text::timestamptz";
    database.query_one(count, &[&cut]).await.unwrap().get(0)
}

/// Replaces the rows of `credentials` by those of `table`.
async fn put_back(database: &Client, table: &str) {
    let sql = format!("delete from credentials; insert into credentials table {table}");
    database.batch_execute(&sql).await.unwrap();
}

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
    let out = file.to_str().unwrap();
    let prune = || vault.run(&["audit", "prune", "--before", &cut, "--output", out]);

    let before = count_before(&database, &cut).await;
    let good = "create table good as table credentials";
    database.batch_execute(good).await.unwrap();
    put_back(&database, "backup").await;
    prune().assert_refused("newest write event");
    assert!(!file.exists());
    put_back(&database, "good").await;
    // Executed twice, it restores the value.
    let edit = "update audit_events set actor = case actor when 'x' then 'operator' else 'x' end \
                where action = 'organization.create'";
    database.batch_execute(edit).await.unwrap();
    prune().assert_refused("does not verify");
    assert!(!file.exists());
    database.batch_execute(edit).await.unwrap();
    assert_eq!(count_before(&database, &cut).await, before);
    prune().assert_success();
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
    // An open read makes the prune wait before it drops the partition.
    let reading = database.transaction().await.unwrap();
    reading
        .execute("lock table audit_events in access share mode", &[])
        .await
        .unwrap();
    let args = ["audit", "prune", "--before", &cut, "--output", &first];
    let mut pruning = Server::spawn(&args, &variables);
    let limit = Duration::from_secs(20);
    eventually("the export is complete", limit, async || {
        std::fs::exists(&first).unwrap()
    })
    .await;
    // Writes still succeed.
    vault.admin.create("meanwhile").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    pruning.kill();
    reading.rollback().await.unwrap();

    assert!(intact(&vault));
    assert_eq!(count_before(&database, &cut).await, 6);
    let checkpoints = "select from audit_checkpoints";
    assert!(database.query(checkpoints, &[]).await.unwrap().is_empty());
    let again = vault.run(&["audit", "prune", "--before", &cut, "--output", &second]);
    again.assert_success();
    assert_eq!(
        std::fs::read(&first).unwrap(),
        std::fs::read(&second).unwrap()
    );
    assert!(intact(&vault));
}
