//! `strongroom health`, the command of containers' health checks; and `/readyz`.

use std::time::Duration;

use strongroom_e2e::{CREDENTIALS, OwnCluster, TestVault, eventually, run};

#[tokio::test]
async fn it_tells_ready_from_alive_from_gone() {
    let mut cluster = OwnCluster::start().await;
    let mut vault = TestVault::start_on(cluster.database(), &[]).await;
    let url = vault.server.url();
    let ready = run(&["health", "--url", &url], &[]);
    assert_eq!((ready.success, ready.stdout.trim()), (true, "ready"));
    let json = run(&["health", "--url", &url, "--json"], &[]).json();
    assert_eq!(json["status"], 200);
    cluster.stop();
    let limit = Duration::from_secs(15);
    eventually("the server is not ready", limit, async || {
        !run(&["health", "--url", &url], &[]).success
    })
    .await;
    let away = run(&["health", "--url", &url], &[]);
    assert!(away.stderr.contains("503"), "{}", away.stderr);
    let alive = run(&["health", "--url", &format!("{url}/healthz")], &[]);
    assert_eq!((alive.success, alive.stdout.trim()), (true, "alive"));
    vault.server.kill();
    let gone = run(&["health", "--url", &url], &[]);
    assert!(!gone.success && gone.stderr.contains(&url), "{gone:?}");
}

/// Readiness depends on the connections that requests use, not only on others.
#[tokio::test]
async fn a_server_without_connections_for_requests_is_not_ready() {
    let cluster = OwnCluster::start().await;
    let database = cluster.database();
    let admin = database.connect().await;
    let vault = TestVault::start_on(database, &[]).await;
    let sql = async |statement: &str| admin.batch_execute(statement).await.unwrap();
    sql("alter role strongroom_app connection limit 6").await;
    let limited = vault.start_server(&[]);
    let api = vault.admin.at(&limited.url());
    let statuses = async || {
        let listed = api.get(CREDENTIALS).await.status().as_u16();
        (listed, api.get("/readyz").await.status().as_u16())
    };
    // The server that was started first has almost all of the connections.
    let limit = Duration::from_secs(30);
    let mut unready = 0;
    eventually("neither works", limit, async || {
        unready = if statuses().await == (503, 503) {
            unready + 1
        } else {
            0
        };
        unready >= 5
    })
    .await;
    sql("alter role strongroom_app connection limit -1").await;
    eventually("both work", limit, async || statuses().await == (200, 200)).await;
}
