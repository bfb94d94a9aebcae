//! Start and stop of servers, service without the database, and slow callers.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use reqwest::Method;
use strongroom_e2e::{Api, CREDENTIALS, OwnCluster, Raw, TestVault, api_key, eventually, failure};

const SOON: Duration = Duration::from_secs(15);

async fn is_away(api: &Api) {
    for path in [CREDENTIALS, "/readyz"] {
        let answer = api.get(path).await;
        let retry: u32 = answer.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=60).contains(&retry));
        assert_eq!(failure(answer, 503).await.errors[0].1, "unavailable");
    }
    let answer = api
        .send(Method::POST, CREDENTIALS, api_key("x").to_string())
        .await;
    failure(answer, 503).await;
    assert_eq!(api.get("/healthz").await.status(), 200);
    failure(
        api.bare(Method::GET, CREDENTIALS).send().await.unwrap(),
        401,
    )
    .await;
}

async fn comes_back(api: &Api) {
    eventually("the server serves", SOON, async || {
        api.get(CREDENTIALS).await.status() == 200 && api.get("/readyz").await.status() == 200
    })
    .await;
}

#[tokio::test]
async fn it_waits_for_postgresql_and_outlives_it() {
    let mut cluster = OwnCluster::start().await;
    let vault = TestVault::start_on(cluster.database(), &[]).await;
    let id = vault.admin.create("kept").await;
    cluster.stop();
    is_away(&vault.admin).await;
    let late = vault.start_server(&[]);
    let late_api = vault.admin.at(&late.url());
    is_away(&late_api).await;
    cluster.resume();
    for api in [&vault.admin, &late_api] {
        comes_back(api).await;
        assert_eq!(api.secret(&id).await["api_key"], "kept");
    }
    cluster.kill();
    is_away(&vault.admin).await;
    cluster.resume();
    comes_back(&vault.admin).await;
    vault.admin.create("another").await;
    assert_eq!(late_api.list().await.len(), 2);
}

#[tokio::test]
async fn it_waits_for_the_migration() {
    let database = strongroom_e2e::Database::create_empty("serving_unmigrated").await;
    let migrated = TestVault::start().await;
    let url = database.app_url();
    let root_key = migrated.root_key_file();
    let variables = [
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", &root_key),
        ("STRONGROOM_LISTEN", "127.0.0.1:0"),
    ];
    let server = strongroom_e2e::Server::spawn(&["serve"], &variables);
    server.wait_for_log("strongroom migrate");
    let answer = reqwest::get(format!("{}/readyz", server.url()))
        .await
        .unwrap();
    failure(answer, 503).await;
    let superuser = database.superuser_url();
    let args = ["migrate", "--app-role", "strongroom_app", "--json"];
    let done = strongroom_e2e::run(&args, &[("DATABASE_URL", &superuser)]).json();
    assert_eq!(done["app_role"]["granted"], true);
    migrated.ready(&server.url()).await;
    let again = strongroom_e2e::run(&args, &[("DATABASE_URL", &superuser)]).json();
    assert_eq!(again["applied"], serde_json::json!([]));
}

fn head(api: &Api, length: usize) -> String {
    format!(
        "POST {CREDENTIALS} HTTP/1.1\r\nHost: x\r\nSlashID-OrgID: {}\r\nSlashID-API-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Expect: 100-continue\r\n\r\n",
        api.org, api.key
    )
}

#[tokio::test]
async fn it_finishes_what_is_under_way_when_told_to_stop() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut vault = TestVault::start().await;
        let body = api_key("written while stopping").to_string();
        let (first, second) = body.split_at(20);
        let mut raw = Raw::connect(&vault.admin.url).await;
        raw.write(head(&vault.admin, body.len()).as_bytes()).await;
        raw.wait_for("100 Continue\r\n\r\n").await;
        raw.write(first.as_bytes()).await;
        vault.server.signal(signal);
        vault.server.wait_for_log("stopping");
        eventually("new connections are refused", SOON, async || {
            let address = vault.admin.url.strip_prefix("http://").unwrap();
            tokio::net::TcpStream::connect(address).await.is_err()
        })
        .await;
        raw.write(second.as_bytes()).await;
        let answer = raw.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert_eq!(vault.server.wait(SOON), Some(0));
        vault.replace_server(&[]).await;
        let listed = vault.admin.list().await;
        let id = listed[0]["external_cred_id"].as_str().unwrap();
        assert_eq!(
            vault.admin.secret(id).await["api_key"],
            "written while stopping"
        );
    }
}

#[tokio::test]
async fn it_stops_at_once_when_nothing_is_under_way() {
    let mut vault = TestVault::start().await;
    let _idle = Raw::connect(&vault.admin.url).await;
    assert_eq!(vault.admin.get("/healthz").await.status(), 200);
    let since = Instant::now();
    vault.server.signal(Signal::SIGTERM);
    assert_eq!(vault.server.wait(SOON), Some(0));
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn a_request_that_does_not_end_is_given_up() {
    let mut vault = TestVault::start_with(&[("STRONGROOM_SHUTDOWN_TIMEOUT", "1s")]).await;
    let mut raw = Raw::connect(&vault.admin.url).await;
    raw.write(head(&vault.admin, 100).as_bytes()).await;
    raw.wait_for("100 Continue\r\n\r\n").await;
    vault.server.signal(Signal::SIGTERM);
    assert_eq!(vault.server.wait(Duration::from_secs(8)), Some(0));
}

#[tokio::test]
async fn slow_callers_are_not_waited_for() {
    let variables = [
        ("STRONGROOM_BODY_TIMEOUT", "300ms"),
        ("STRONGROOM_HEADER_TIMEOUT", "2s"),
    ];
    let vault = TestVault::start_with(&variables).await;
    let mut raw = Raw::connect(&vault.admin.url).await;
    raw.write(head(&vault.admin, 100).as_bytes()).await;
    raw.wait_for("100 Continue\r\n\r\n").await;
    raw.write(b"{\"extcred").await;
    let answer = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_lowercase().contains("cache-control: no-store"),
        "{head}"
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["code"], "body_timeout");
    let mut raw = Raw::connect(&vault.admin.url).await;
    raw.write(b"GET / HTTP/1.1\r\nHost: x\r\nSlow:").await;
    let answer = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
    assert_eq!(vault.admin.list().await.len(), 0);
}

#[tokio::test]
async fn a_body_that_ends_early_writes_nothing() {
    let vault = TestVault::start().await;
    for _ in 0..5 {
        let body = api_key("x").to_string();
        let mut raw = Raw::connect(&vault.admin.url).await;
        raw.write(head(&vault.admin, body.len() + 1).as_bytes())
            .await;
        raw.wait_for("100 Continue\r\n\r\n").await;
        raw.write(body.as_bytes()).await;
        drop(raw);
    }
    assert_eq!(vault.admin.list().await.len(), 0);
}
