//! `strongroom health`, the command of containers' health checks.

use std::time::Duration;

use strongroom_e2e::{OwnCluster, TestVault, eventually, run};

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
