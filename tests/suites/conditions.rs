//! Conditions of a server's environment: the begin and the end of each one are in `/metrics`, and
//! in one line of the log that names the cause.

mod database;

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use strongroom_e2e::{
    Api, CREDENTIALS, Database, OwnCluster, Scrape, TestRegions, TestVault, api_key, eventually,
};

const LIMIT: Duration = Duration::from_secs(30);

fn labels(of: &str, condition: &str) -> [String; 2] {
    [format!("of=\"{of}\""), format!("condition=\"{condition}\"")]
}

async fn is_there(api: &Api, of: &str, condition: &str) -> bool {
    let labels = labels(of, condition);
    let metrics = Scrape::of(&api.url).await;
    metrics.number(
        "strongroom_condition_active",
        &labels.each_ref().map(String::as_str),
    ) == 1.0
}

/// Repeats `provoke` until the condition is active. Further failures must not be logged again.
async fn shows(
    vault: &TestVault,
    (of, condition): (&str, &str),
    cause: &str,
    provoke: impl AsyncFn(),
) {
    eventually(condition, LIMIT, async || {
        provoke().await;
        is_there(&vault.admin, of, condition).await
    })
    .await;
    for _ in 0..5 {
        provoke().await;
    }
    let line = logged_once(vault, of, condition, "ERROR").await;
    assert!(line.contains(cause), "no {cause} in {line}");
}

/// Repeats `succeed` until the condition is no longer active. Its end must be logged once.
async fn ends(vault: &TestVault, (of, condition): (&str, &str), succeed: impl AsyncFn()) {
    eventually("the condition is over", LIMIT, async || {
        succeed().await;
        !is_there(&vault.admin, of, condition).await
    })
    .await;
    let line = logged_once(vault, of, condition, "INFO").await;
    assert!(line.contains("\"over: "), "{line}");
}

/// Waits for the condition's line of the log; panics if there are several.
async fn logged_once(vault: &TestVault, of: &str, condition: &str, level: &str) -> String {
    let until = std::time::Instant::now() + LIMIT;
    loop {
        let mut lines = lines(vault, of, condition, level);
        match lines.len() {
            1 => return lines.remove(0),
            0 if std::time::Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            _ => panic!("{level} of {condition}: {lines:?}"),
        }
    }
}

fn lines(vault: &TestVault, of: &str, condition: &str, level: &str) -> Vec<String> {
    let wanted = [
        format!("\"of\":\"{of}\""),
        format!("\"condition\":\"{condition}\""),
        format!("\"level\":\"{level}\""),
    ];
    let log = vault.server.log();
    let fits = |line: &&str| wanted.iter().all(|part| line.contains(part));
    log.lines().filter(fits).map(str::to_owned).collect()
}

/// Sends ten writes at the same time, with any outcome.
async fn writes(api: &Api) {
    let body = api_key("secret");
    join_all((0..10).map(|_| api.post(&body))).await;
}

async fn write(api: &Api) {
    api.post(&api_key("secret")).await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_of_once() {
    let mut cluster = OwnCluster::start().await;
    let vault = TestVault::start_on(cluster.database(), &[]).await;
    let (api, gone) = (&vault.admin, ("primary", "unreachable"));
    cluster.stop();
    shows(&vault, gone, "Connection refused", async || {
        writes(api).await
    })
    .await;
    let metrics = Scrape::of(&api.url).await;
    let unavailable = ["database=\"primary\"", "kind=\"unavailable\""];
    let failed = "strongroom_transactions_failed_total";
    assert!(metrics.number(failed, &unavailable) > 0.0);
    let failures = "strongroom_database_connect_failures_total";
    assert!(metrics.number(failures, &["database=\"primary\""]) > 0.0);
    // The lines of single requests contain the status and the code, but not the cause.
    let log = vault.server.log();
    assert!(
        log.contains("\"status\":503,\"error\":\"unavailable\""),
        "{log}"
    );
    assert!(log.matches("Connection refused").count() < 6, "{log}");
    cluster.resume();
    ends(&vault, gone, async || write(api).await).await;
    assert_eq!(api.post(&api_key("after")).await.status(), 201);
}

#[tokio::test]
async fn a_root_key_file_that_is_gone_is_told_of_once() {
    let vault = TestVault::start().await;
    let (file, missing) = (vault.root_key_file(), ("server", "root_keys"));
    let aside = format!("{file}.aside");
    std::fs::rename(&file, &aside).unwrap();
    let wait = async || tokio::task::yield_now().await;
    shows(&vault, missing, "No such file", wait).await;
    // The loaded root key remains usable.
    vault.admin.create("secret").await;
    std::fs::rename(&aside, &file).unwrap();
    ends(&vault, missing, wait).await;
}

#[tokio::test]
async fn a_seal_that_does_not_open_is_told_of_once() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let (broken, sound) = (api.create("canary").await, api.create("sound").await);
    let database = vault.database.connect().await;
    let flip = format!(
        "update credentials \
         set sealed_blob = set_bit(sealed_blob, 110, 1 - get_bit(sealed_blob, 110)) \
         where cred_id = '{broken}'"
    );
    database.execute(&flip, &[]).await.unwrap();
    for _ in 0..5 {
        assert_eq!(api.reveal(&broken).await.status(), 500);
        assert_eq!(api.reveal(&sound).await.status(), 200);
    }
    let metrics = Scrape::of(&api.url).await;
    assert_eq!(metrics.number("strongroom_seal_failures_total", &[]), 5.0);
    assert_eq!(
        metrics.number("strongroom_opens_total", &["result=\"failed\""]),
        5.0
    );
    assert_eq!(
        metrics.number("strongroom_opens_total", &["result=\"ok\""]),
        5.0
    );
    let log = vault.server.log();
    let text = "a stored value failed its integrity check";
    let lines: Vec<_> = log.lines().filter(|line| line.contains(text)).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        lines[0].contains(&broken) && lines[0].contains(&api.org),
        "{lines:?}"
    );
    assert!(log.contains("\"error\":\"integrity_failure\""), "{log}");
}

#[tokio::test]
async fn a_region_that_lags_is_told_of_once() {
    let variables = [("STRONGROOM_MAX_REPLICA_LAG", "500ms")];
    let test = TestRegions::start_with(1, &variables).await;
    let server = &test.regions[0];
    server.standby.pause_replay().await;
    let api = &test.vault.admin;
    let lag = ["region=\"eu\""];
    eventually("the lag is in the metrics", LIMIT, async || {
        write(api).await;
        let metrics = Scrape::of(&server.admin.url).await;
        metrics.value("strongroom_region_lag_seconds", &lag) > Some(1.0)
    })
    .await;
    server
        .server
        .wait_for_log("\"message\":\"a region lags behind the primary\"");
    server.standby.resume_replay().await;
    server
        .server
        .wait_for_log("\"message\":\"over: a region lags behind the primary\"");
    let log = server.server.log();
    let line = "\"message\":\"a region lags behind the primary\"";
    assert_eq!(log.matches(line).count(), 1, "{log}");
}

#[tokio::test]
async fn before_the_first_connection_the_cause_is_told() {
    let database = Database::create().await;
    let mut cluster = OwnCluster::start().await;
    let url = cluster.database().app_url();
    cluster.stop();
    let vault = TestVault::start_on(database, &[]).await;
    let server = vault.start_server(&[("STRONGROOM_DATABASE_URL", &url)]);
    let api = vault.admin.at(&server.url());
    eventually("the condition is active", LIMIT, async || {
        is_there(&api, "primary", "unreachable").await
    })
    .await;
    assert_eq!(
        Scrape::of(&api.url).await.number("strongroom_ready", &[]),
        0.0
    );
    let refused = api.request(Method::GET, CREDENTIALS).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    let log = server.log();
    assert_eq!(
        log.matches("\"condition\":\"unreachable\"").count(),
        1,
        "{log}"
    );
    cluster.resume();
    eventually("the condition is over", LIMIT, async || {
        !is_there(&api, "primary", "unreachable").await
    })
    .await;
}
