//! Commits with an unknown outcome: the answer says so, and the trail has no gap or duplicate.

use std::time::Duration;

use serde_json::json;
use strongroom_e2e::{OwnCluster, TestVault, api_key, eventually, failure};
use tokio_postgres::Client;

const SOON: Duration = Duration::from_secs(10);
/// Makes commits slow, so that they can be interrupted.
const SLOW_COMMIT: &str = "create function slow() returns trigger language plpgsql as \
     $$ begin perform pg_sleep(30); return null; end $$; \
     create constraint trigger slow after insert on credentials deferrable initially deferred \
     for each row execute function slow()";
const CUT: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
     where datname = current_database() and wait_event = 'PgSleep'";

/// Interrupts a server's commit.
async fn cut_a_commit(vault: &TestVault, client: &Client) {
    client.batch_execute(SLOW_COMMIT).await.unwrap();
    let api = vault.admin.clone();
    let post = tokio::spawn(async move { api.post(&api_key("cut")).await });
    eventually("a commit is cut", SOON, async || {
        client.query_one(CUT, &[]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
    let failed = failure(post.await.unwrap(), 503).await;
    assert_eq!(failed.errors[0].1, "outcome_unknown");
    let fast = "drop trigger slow on credentials; drop function slow";
    client.batch_execute(fast).await.unwrap();
}

async fn trail_is_whole(client: &Client) {
    let broken = "select lane::text, min(seq), max(seq), count(*) \
         from audit_events group by org_id, lane \
         having min(seq) <> 1 or max(seq) <> count(*) or count(distinct seq) <> count(*)";
    let broken = client.query(broken, &[]).await.unwrap();
    assert!(broken.is_empty(), "a gap or a duplicate: {broken:?}");
}

#[tokio::test]
async fn the_trail_goes_on_where_it_was() {
    let vault = TestVault::start_unsharded().await;
    let client = vault.database.connect().await;
    vault.admin.create("before").await;
    cut_a_commit(&vault, &client).await;
    vault.admin.create("after").await;
    trail_is_whole(&client).await;
    let listed = vault.admin.list().await;
    assert_eq!(listed.len(), 2, "the interrupted commit took effect");
}

#[tokio::test]
async fn the_trail_goes_on_also_when_many_lanes_have_begun_since() {
    let vault = TestVault::start_unsharded().await;
    let client = vault.database.connect().await;
    vault.admin.create("before").await;
    // Each of these begins a lane of its own.
    for _ in 0..70 {
        assert_eq!(vault.admin.delete("deleteAll=true").await.status(), 204);
    }
    cut_a_commit(&vault, &client).await;
    let id = vault.admin.create("after").await;
    let label = json!({"extcred_label": "x"});
    assert_eq!(vault.admin.patch(&id, &label).await.status(), 204);
    trail_is_whole(&client).await;
}

#[tokio::test]
async fn a_commit_that_comes_late_does_not_share_its_numbers() {
    // Commits wait for a missing synchronous standby: they time out, and take effect later.
    let cluster = OwnCluster::start().await;
    let short = [("STRONGROOM_STATEMENT_TIMEOUT", "1s")];
    let vault = TestVault::start_on(cluster.database(), &short).await;
    let client = vault.database.connect().await;
    vault.admin.create("before").await;
    let alter = async |statement: &str| {
        client.batch_execute(statement).await.unwrap();
        client
            .batch_execute("select pg_reload_conf()")
            .await
            .unwrap();
    };
    alter("alter system set synchronous_standby_names = 'nobody'").await;
    let waiting = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
    eventually("a commit waits", SOON, async || {
        vault.admin.post(&api_key("late")).await.status() == 503
            && client
                .query_one(waiting, &[])
                .await
                .unwrap()
                .get::<_, i64>(0)
                > 0
    })
    .await;
    failure(vault.admin.post(&api_key("later")).await, 503).await;
    alter("alter system reset synchronous_standby_names").await;
    eventually("writes succeed again", SOON, async || {
        vault.admin.post(&api_key("after")).await.status() == 201
    })
    .await;
    trail_is_whole(&client).await;
    vault.run(&["audit", "verify"]).assert_success();
}
