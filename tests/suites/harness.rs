//! Tests of the harness for the suites of regions.

use std::time::Duration;

use reqwest::Method;
use strongroom_e2e::{CREDENTIALS, OwnCluster, Standby, TestRegions, api_key, eventually};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(30);

async fn write(primary: &Client, number: i32) {
    let insert = format!("insert into written values ({number})");
    primary.batch_execute(&insert).await.unwrap();
}

async fn has(standby: &Standby, number: i32) -> bool {
    let client = standby.database().connect().await;
    let count = "select count(*) from written where number = $1";
    client
        .query_one(count, &[&number])
        .await
        .unwrap()
        .get::<_, i64>(0)
        == 1
}

async fn comes(standby: &Standby, number: i32) {
    eventually("the standby has the row", LIMIT, async || {
        has(standby, number).await
    })
    .await;
}

async fn received(primary: &Client) -> bool {
    let all = "select pg_current_wal_flush_lsn() <= flush_lsn from pg_stat_replication";
    let row = primary.query_opt(all, &[]).await.unwrap();
    row.is_some_and(|row| row.get::<_, Option<bool>>(0) == Some(true))
}

#[tokio::test]
async fn a_standby_can_be_paused_cut_off_stopped_killed_and_promoted() {
    let cluster = OwnCluster::start().await;
    let primary = cluster.database().connect().await;
    let table = "create table written (number int)";
    primary.batch_execute(table).await.unwrap();
    let mut standby = cluster.standby("eu");
    write(&primary, 1).await;
    comes(&standby, 1).await;

    standby.pause_replay().await;
    write(&primary, 2).await;
    eventually("the standby has received it", LIMIT, async || {
        received(&primary).await
    })
    .await;
    assert!(!has(&standby, 2).await, "replay is not paused");
    standby.resume_replay().await;
    comes(&standby, 2).await;

    standby.to_primary.cut();
    write(&primary, 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!received(&primary).await && !has(&standby, 3).await);
    standby.to_primary.heal();
    comes(&standby, 3).await;

    standby.to_primary.refuse();
    let senders = "select from pg_stat_replication";
    eventually("the primary has no standby", LIMIT, async || {
        primary.query(senders, &[]).await.unwrap().is_empty()
    })
    .await;
    write(&primary, 4).await;
    assert!(!has(&standby, 4).await);
    standby.to_primary.heal();
    comes(&standby, 4).await;

    standby.stop();
    write(&primary, 5).await;
    standby.start();
    comes(&standby, 5).await;
    standby.kill();
    write(&primary, 6).await;
    standby.start();
    comes(&standby, 6).await;

    standby.promote();
    write(&standby.database().connect().await, 7).await;
    assert!(has(&standby, 7).await);
}

#[tokio::test]
async fn a_server_can_be_cut_off_from_a_standby() {
    let cluster = OwnCluster::start().await;
    let standby = cluster.standby("eu");
    let client = standby.database_behind_proxy().connect_as_app().await;
    client.batch_execute("select 1").await.unwrap();
    standby.to_standby.cut();
    let limit = Duration::from_millis(300);
    let mut asked = Box::pin(client.batch_execute("select 1"));
    let answer = tokio::time::timeout(limit, &mut asked).await;
    assert!(answer.is_err(), "an answer passed");
    standby.to_standby.heal();
    asked.await.unwrap();
    standby.to_standby.refuse();
    eventually("the connection is gone", LIMIT, async || client.is_closed()).await;
    let url = standby.database_behind_proxy().app_url();
    let refused = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
    assert!(refused.is_err());
    standby.to_standby.heal();
    let client = standby.database_behind_proxy().connect_as_app().await;
    client.batch_execute("select 1").await.unwrap();
}

#[tokio::test]
async fn regions_have_a_server_each_that_reads_from_its_own_standby() {
    let regions = TestRegions::start(2).await;
    let names: Vec<_> = regions.regions.iter().map(|region| &*region.name).collect();
    assert_eq!(names, ["eu", "us"]);
    let [eu, us] = &regions.regions[..] else {
        panic!("not two regions")
    };
    let id = regions.vault.admin.create("first").await;
    for region in [eu, us] {
        eventually("the region has the credential", LIMIT, async || {
            region.admin.reveal(&id).await.status() == 200
        })
        .await;
        assert_eq!(region.member.list().await.len(), 1);
    }
    us.standby.pause_replay().await;
    let id = eu.admin.create("second").await;
    assert_eq!(eu.admin.reveal(&id).await.status(), 200);
    let paused = us.admin.reveal(&id).await;
    assert_eq!(paused.status(), 404, "the server read elsewhere");
    us.standby.resume_replay().await;
    let everywhere = eu
        .admin
        .request(Method::POST, CREDENTIALS)
        .header("SlashID-Required-Consistency", "all_regions")
        .json(&api_key("third"));
    assert_eq!(everywhere.send().await.unwrap().status(), 201);
    assert_eq!(us.member.list().await.len(), 3);
}
