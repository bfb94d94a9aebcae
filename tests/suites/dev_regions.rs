//! `strongroom dev --regions`: a primary and hot standbys with one server each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use strongroom_e2e::{Api, Server, eventually, run};
use tempfile::TempDir;

use crate::dev::life::{postmaster_in, runs};
use crate::dev::{LIMIT, api, dev, instance, text};

fn start(folder: &TempDir, regions: usize) -> (Server, Value) {
    let server = dev(
        folder.path(),
        &["--json", "--regions", &regions.to_string()],
    );
    let instance = instance(&server);
    assert_eq!(instance["regions"].as_array().unwrap().len(), regions);
    (server, instance)
}

fn region(instance: &Value, number: usize) -> &Value {
    &instance["regions"][number - 1]
}

fn admin_in(instance: &Value, number: usize) -> Api {
    let url = text(region(instance, number), "url");
    api(instance, "admin_api_key").at(url)
}

fn standby(folder: &Path, name: &str) -> PathBuf {
    folder.join("dev/regions").join(name)
}

fn all_postmasters(folder: &TempDir, regions: usize) -> Vec<u32> {
    let standbys = (1..=regions).map(|number| format!("regions/region-{number}"));
    std::iter::once("postgres".to_owned())
        .chain(standbys)
        .map(|data| postmaster_in(&folder.path().join("dev").join(data)))
        .collect()
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

async fn query(url: &str, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn stop(mut server: Server) -> Server {
    let since = Instant::now();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait(LIMIT), Some(0), "{}", server.log());
    let took = since.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}: {}", server.log());
    server
}

const SLOTS: &str = "select slot_name::text from pg_replication_slots order by 1";

#[tokio::test]
async fn every_region_has_a_standby_and_a_server_that_is_ready() {
    let folder = TempDir::new().unwrap();
    let (_server, instance) = start(&folder, 2);
    for number in [1, 2] {
        let region = region(&instance, number);
        let members: Vec<_> = region.as_object().unwrap().keys().collect();
        assert_eq!(members, ["database_url", "name", "url"]);
        assert_eq!(region["name"], format!("region-{number}"));
        let ready = admin_in(&instance, number).get("/readyz").await;
        assert_eq!(ready.status(), 200);
        let url = text(region, "database_url");
        let state = "select concat_ws(' ', pg_is_in_recovery(), usename, usesuper) from pg_user \
             where usename = current_user";
        assert_eq!(query(url, state).await, ["t postgres t"]);
    }
    let primary = text(&instance, "database_url");
    assert_eq!(query(primary, SLOTS).await, ["region_1", "region_2"]);
    let receiving = "select application_name from pg_stat_replication order by 1";
    assert_eq!(query(primary, receiving).await, ["region-1", "region-2"]);

    for number in [1, 2] {
        let admin = admin_in(&instance, number);
        let id = admin.create("here").await;
        assert_eq!(admin.secret(&id).await["api_key"], "here");
        for other in [
            api(&instance, "admin_api_key"),
            admin_in(&instance, 3 - number),
        ] {
            eventually("all regions have the credential", LIMIT, async || {
                other.reveal(&id).await.status() == 200
            })
            .await;
        }
    }
}

#[tokio::test]
async fn later_starts_may_have_more_regions_or_fewer() {
    let folder = TempDir::new().unwrap();
    let (server, first) = start(&folder, 1);
    let id = admin_in(&first, 1).create("kept").await;
    stop(server).await;

    let (server, same) = start(&folder, 1);
    assert_eq!(region(&same, 1), region(&first, 1), "its addresses");
    assert!(
        !server.log().contains("creating a standby"),
        "{}",
        server.log()
    );
    stop(server).await;

    let (server, more) = start(&folder, 2);
    for number in [1, 2] {
        let secret = admin_in(&more, number).secret(&id).await;
        assert_eq!(secret["api_key"], "kept");
    }
    stop(server).await;

    let (server, fewer) = start(&folder, 1);
    assert!(
        server.log().contains("removing the standby"),
        "{}",
        server.log()
    );
    assert_eq!(
        query(text(&fewer, "database_url"), SLOTS).await,
        ["region_1"]
    );
    let left = std::fs::read_dir(folder.path().join("dev/regions")).unwrap();
    for left in left.map(|entry| entry.unwrap().file_name()) {
        assert!(!left.to_string_lossy().contains("region-2"), "{left:?}");
    }
    assert_eq!(admin_in(&fewer, 1).secret(&id).await["api_key"], "kept");
    stop(server).await;

    let (server, none) = start(&folder, 0);
    let slots = query(text(&none, "database_url"), SLOTS).await;
    assert!(slots.is_empty(), "{slots:?}");
    assert!(!standby(folder.path(), "region-1").exists());
    assert_eq!(api(&none, "admin_api_key").list().await.len(), 1);
    stop(server).await;
}

#[tokio::test]
async fn it_ends_soon_and_leaves_no_postgresql() {
    let folder = TempDir::new().unwrap();
    for end in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL] {
        let (mut server, _) = start(&folder, 2);
        let all = all_postmasters(&folder, 2);
        assert!(all.iter().all(|pid| runs(*pid)));
        // One standby is stopped, and does not react to signals.
        signal(all[2], Signal::SIGSTOP);
        let since = Instant::now();
        server.signal(end);
        let code = server.wait(LIMIT);
        assert_eq!(
            code,
            (end != Signal::SIGKILL).then_some(0),
            "{}",
            server.log()
        );
        eventually("PostgreSQL has ended", LIMIT, async || {
            !all.iter().any(|pid| runs(*pid))
        })
        .await;
        let took = since.elapsed();
        assert!(took < Duration::from_secs(5), "{end}: {took:?}");
    }
}

#[tokio::test]
async fn it_can_be_stopped_while_standbys_are_made() {
    let folder = TempDir::new().unwrap();
    let server = dev(folder.path(), &["--json", "--regions", "2"]);
    server.wait_for_log("creating a standby");
    stop(server).await;
    let (server, instance) = start(&folder, 2);
    let id = admin_in(&instance, 2).create("here").await;
    assert_eq!(admin_in(&instance, 2).reveal(&id).await.status(), 200);
    stop(server).await;
}

#[tokio::test]
async fn a_standby_that_dies_is_started_again_and_one_that_pauses_is_not() {
    let folder = TempDir::new().unwrap();
    let (server, instance) = start(&folder, 2);
    let [one, two] = [1, 2].map(|number| text(region(&instance, number), "database_url"));
    let pause = "select pg_wal_replay_pause()::text";
    query(two, pause).await;
    let all = all_postmasters(&folder, 2);
    signal(all[1], Signal::SIGKILL);
    server.wait_for_log("PostgreSQL of region-1 has died");
    let primary = text(&instance, "database_url");
    let following = "select application_name from pg_stat_replication where state = 'streaming' \
         order by 1";
    eventually("the standby follows again", LIMIT, async || {
        let follow = query(primary, following).await;
        !runs(all[1]) && follow == ["region-1", "region-2"]
    })
    .await;
    assert_eq!(query(one, "select 'here'").await, ["here"]);
    assert!(runs(all[2]));
    let paused = "select pg_is_wal_replay_paused()::text";
    assert_eq!(query(two, paused).await, ["true"], "{}", server.log());
}

#[tokio::test]
async fn a_standby_that_was_promoted_is_made_anew_by_the_next_start() {
    let folder = TempDir::new().unwrap();
    let (server, instance) = start(&folder, 1);
    let url = text(region(&instance, 1), "database_url");
    assert_eq!(query(url, "select pg_promote()::text").await, ["true"]);
    stop(server).await;
    let (server, instance) = start(&folder, 1);
    let log = server.log();
    assert!(log.contains("standby rebuilt: it was promoted"), "{log}");
    let url = text(region(&instance, 1), "database_url");
    assert_eq!(
        query(url, "select pg_is_in_recovery()::text").await,
        ["true"]
    );
}

#[tokio::test]
async fn the_greeting_has_the_regions_and_a_line_that_waits_for_them() {
    let folder = TempDir::new().unwrap();
    let server = dev(folder.path(), &["--regions", "1"]);
    let _ = server.first_line();
    eventually("the greeting is complete", LIMIT, async || {
        server.stdout().contains("Ctrl-C")
    })
    .await;
    let greeting = server.stdout();
    let named = greeting
        .lines()
        .find(|line| line.starts_with("  region-1 "));
    assert!(named.is_some_and(|line| line.contains("http://127.0.0.1:")));
    let lines: Vec<_> = greeting
        .lines()
        .filter(|line| line.starts_with("curl ") && line.contains("all_regions"))
        .collect();
    assert_eq!(lines.len(), 1, "{greeting}");
    let output = Command::new("sh").args(["-c", lines[0]]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["result"][0].is_string(), "{answer}");
}

#[test]
fn more_than_five_regions_are_refused() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("dev");
    let refused = run(
        &["dev", "--regions", "6", "--data", data.to_str().unwrap()],
        &[],
    );
    assert!(!refused.success && refused.stderr.contains("--regions"));
    assert!(!data.exists(), "refused, but a folder was created");
}
