//! The primary is lost under load, and its synchronous standby is promoted: no acknowledged write
//! is lost.

use std::time::{Duration, Instant};

use strongroom_e2e::{Load, OwnCluster, TestVault, eventually};

use super::{BACK, settings};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_on_the_promoted_standby() {
    let mut primary = OwnCluster::start().await;
    let standby = primary.standby("next");
    let client = primary.connect_to("postgres").await;
    for statement in [
        "alter system set synchronous_standby_names = 'next'",
        "select pg_reload_conf()",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    let synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'";
    eventually("the standby is synchronous", LIMIT, async || {
        client
            .query_one(synchronous, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
    })
    .await;
    let url = format!(
        "{}?target_session_attrs=read-write",
        primary.database().app_url_with(standby.port())
    );
    let variables = [("STRONGROOM_DATABASE_URL", url.as_str())];
    let mut vault = TestVault::start_on(primary.database(), &variables).await;
    let admins = [vault.admin.clone(), vault.new_organization("other").0];
    let load = Load::start(&admins, &[vault.server.url()], settings(23));
    load.has_done(100).await;
    primary.kill();
    standby.promote();
    let took = load.has_recovered(Instant::now(), BACK).await;
    load.has_done(100).await;
    let mut checked = load.stop().await;
    checked.answered_well(Duration::from_secs(11));
    vault.database = standby.database();
    let url = vault.server.url();
    checked.is_whole(&vault, &url).await;
    println!("back after {took:?}; {checked}");
}
