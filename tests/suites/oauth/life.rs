//! The end of tokens: on every server, to the second, and without a trace in the database.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use strongroom_e2e::{Database, Server, TestVault, eventually};
use tempfile::TempDir;
use tokio_postgres::Client as Postgres;

use super::support::{Client, new_client, result, status};
use crate::audit_prune::{intact, now, split};
use crate::faults::clock::wrong_clock;
use crate::safe::Safe;

const LISTENERS: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
     where datname = current_database() and query = 'listen strongroom_keys'";

async fn two_servers() -> (TestVault, Server, Client) {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    (vault, second, client)
}

#[tokio::test]
async fn what_ends_on_one_server_ends_on_another_within_a_second() {
    let (vault, second, client) = two_servers().await;
    let there = vault.admin.at(&second.url());
    let token = client.token().await;
    assert_eq!(status(&there, &token).await, 200);
    client.revoke(&token).await;
    let limit = Duration::from_secs(1);
    eventually("revoked", limit, async || {
        status(&there, &token).await == 401
    })
    .await;
    let token = client.token().await;
    let elsewhere = Client {
        api: there.clone(),
        ..client.clone()
    };
    assert_eq!(
        (elsewhere.status().await, status(&there, &token).await),
        (200, 200)
    );
    let delete = vault.admin.request(Method::DELETE, &client.path());
    assert_eq!(delete.send().await.unwrap().status(), 204);
    eventually("deleted", limit, async || {
        elsewhere.status().await == 401 && status(&there, &token).await == 401
    })
    .await;
}

#[tokio::test]
async fn a_server_without_notices_refuses_a_revoked_token_within_four_seconds() {
    let (vault, second, client) = two_servers().await;
    let there = vault.admin.at(&second.url());
    let database = vault.database.connect().await;
    let cut = async || {
        let cut = database.query_one(LISTENERS, &[]).await.unwrap();
        cut.get::<_, i64>(0)
    };
    let token = client.token().await;
    assert_eq!(status(&there, &token).await, 200);
    eventually("a server listens", Duration::from_secs(5), async || {
        cut().await > 0
    })
    .await;
    client.revoke(&token).await;
    eventually("revoked", Duration::from_secs(4), async || {
        cut().await;
        status(&there, &token).await == 401
    })
    .await;
}

/// The database's time, `seconds` later, as libfaketime reads it.
async fn moment(database: &Postgres, seconds: i32) -> String {
    let sql = "select to_char(date_trunc('minute', now()) at time zone 'utc' \
               + make_interval(secs => $1), 'YYYY-MM-DD HH24:MI:SS')";
    let seconds = f64::from(seconds);
    database.query_one(sql, &[&seconds]).await.unwrap().get(0)
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "reports a skipped test")]
async fn a_token_expires_to_the_second() {
    let folder = TempDir::with_prefix("strongroom-clock-").unwrap();
    let file = folder.path().join("clock");
    let set = |time: &str| std::fs::write(&file, time).unwrap();
    set("+0");
    let Some(mut variables) = wrong_clock(file.to_str().unwrap()) else {
        println!("skipped: libfaketime is missing (Debian's package faketime)");
        return;
    };
    variables.push(("TZ".into(), "UTC".into()));
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let vault = TestVault::start_on(Database::create().await, &variables).await;
    let database = vault.database.connect().await;
    let mut body = new_client(&["credentials:list"]);
    body["access_token_duration"] = 600.into();
    let client = Client::create_from(&vault.admin, &body).await;
    // The clock stands still between two of these.
    let times = [0, 599, 600];
    let mut moments = Vec::new();
    for seconds in times {
        moments.push(moment(&database, seconds).await);
    }
    set(&moments[0]);
    let token = client.token().await;
    for (at, (expected, active)) in [(200, true), (200, true), (401, false)].iter().enumerate() {
        set(&moments[at]);
        assert_eq!(
            status(&vault.admin, &token).await,
            *expected,
            "{}",
            times[at]
        );
        assert_eq!(
            client.introspect(&token, "").await["active"],
            *active,
            "{}",
            times[at]
        );
    }
    vault.server.wait_for_log("expired");
}

#[tokio::test]
async fn the_row_of_an_expired_token_is_removed_after_a_day() {
    let mut vault = TestVault::start().await;
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let (old, kept) = (client.token().await, client.token().await);
    assert_ne!(old, kept);
    let database = vault.database.connect().await;
    let age = "update access_tokens set expires_at = now() - interval '25 hours' where token_id = \
               (select token_id from access_tokens order by issued_at limit 1)";
    assert_eq!(database.execute(age, &[]).await.unwrap(), 1);
    // A server looks when it starts, and then every hour.
    vault.replace_server(&[]).await;
    let count = "select count(*) from access_tokens";
    eventually("the row is removed", Duration::from_secs(10), async || {
        database
            .query_one(count, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
    })
    .await;
    assert_eq!(status(&vault.admin, &kept).await, 200);
}

#[tokio::test]
async fn a_prune_keeps_clients_and_ends_the_tokens_whose_issue_it_removes() {
    let vault = TestVault::start_unsharded().await;
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let ended = Client::create(&vault.admin, &["credentials:list"]).await;
    let old = client.token().await;
    let database = vault.database.connect().await;
    let copy = "create table kept as select * from oauth_clients";
    database.batch_execute(copy).await.unwrap();
    let delete = vault.admin.request(Method::DELETE, &ended.path());
    assert_eq!(delete.send().await.unwrap().status(), 204);
    let cut = now(&database).await;
    split(&database, &cut).await;
    let folder = TempDir::with_prefix("strongroom-pruned-").unwrap();
    let file = folder.path().join("events");
    let file = file.to_str().unwrap();
    let pruned = vault.run(&["audit", "prune", "--before", &cut, "--output", file]);
    pruned.assert_success();
    assert!(intact(&vault));
    let new = client.token().await;
    assert_eq!(
        (client.status().await, status(&vault.admin, &new).await),
        (200, 200)
    );
    eventually("the token has ended", Duration::from_secs(70), async || {
        status(&vault.admin, &old).await == 401
    })
    .await;
    // The end of a client is recorded again, too.
    let back = "delete from oauth_clients; insert into oauth_clients select * from kept";
    database.batch_execute(back).await.unwrap();
    eventually("noticed", Duration::from_secs(5), async || {
        client.status().await == 200
    })
    .await;
    assert_eq!(ended.status().await, 401);
}

#[tokio::test]
async fn clients_come_back_from_a_backup_and_tokens_do_not() {
    let mut vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let ended = Client::create(&vault.admin, &["credentials:list"]).await;
    let delete = vault.admin.request(Method::DELETE, &ended.path());
    assert_eq!(delete.send().await.unwrap().status(), 204);
    let token = client.token().await;
    safe.back_up(&vault, "all", &[]).assert_success();
    let database = Database::create().await;
    safe.restore(&vault, &database, "all", &[]).assert_success();
    vault.database = database;
    vault.run(&["verify"]).assert_success();
    vault.replace_server(&[]).await;
    let there = |client: &Client| Client {
        api: vault.admin.clone(),
        ..client.clone()
    };
    let (client, ended) = (there(&client), there(&ended));
    assert_eq!((client.status().await, ended.status().await), (200, 401));
    assert_eq!(status(&vault.admin, &token).await, 401);
    assert_eq!(status(&vault.admin, &client.token().await).await, 200);
    let listed: Value = result(vault.admin.get("/oauth2/clients").await, 200).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_organizations_clients_are_refused() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let client = Client::create(&other, &["credentials:list"]).await;
    let token = client.token().await;
    let delete = ["org", "delete", "--org", &other.org];
    vault.run(&delete).assert_success();
    let limit = Duration::from_secs(2);
    eventually("refused", limit, async || {
        client.status().await == 401 && status(&other, &token).await == 401
    })
    .await;
    vault
        .run(&["org", "restore", "--org", &other.org])
        .assert_success();
    eventually("accepted again", limit, async || {
        client.status().await == 200 && status(&other, &token).await == 200
    })
    .await;
    let destroy = ["org", "delete", "--org", &other.org, "--now", "--yes"];
    vault.run(&destroy).assert_success();
    eventually("refused", limit, async || client.status().await == 401).await;
    let database = vault.database.connect().await;
    let left = format!(
        "select count(*) from access_tokens where org_id = '{}'",
        other.org
    );
    let left: i64 = database.query_one(&left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}
