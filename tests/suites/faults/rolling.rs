//! Servers are replaced under load behind a load balancer that sends no request twice.

use std::collections::VecDeque;
use std::time::Duration;

use nix::sys::signal::Signal;
use strongroom_e2e::{Balancer, Load, Server, TestVault, api_key, eventually, failure};

use super::settings;

const DRAIN: [(&str, &str); 1] = [("STRONGROOM_DRAIN_DELAY", "1s")];
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_fails_no_request() {
    let vault = TestVault::start().await;
    let servers = [vault.start_server(&DRAIN), vault.start_server(&DRAIN)];
    let urls = servers.each_ref().map(Server::url);
    let balancer = Balancer::start(&urls).await;
    balancer.sees(&urls[1], true).await;
    let admins = [vault.admin.clone(), vault.new_organization("other").0];
    let load = Load::start(&admins, &[balancer.url()], settings(17));
    let mut servers = VecDeque::from(servers);
    for _ in 0..4 {
        load.has_done(50).await;
        let oldest = servers.pop_front().unwrap();
        let new = vault.start_server(&DRAIN);
        servers.push_back(balancer.replace(oldest, new).await);
    }
    assert_eq!(balancer.failures(), Vec::<String>::new());
    let mut checked = load.stop().await;
    let failed = checked.failed_requests();
    assert!(failed.is_empty(), "{failed:?}");
    let url = vault.server.url();
    checked.is_whole(&vault, &url).await;
    println!("{} requests passed; {checked}", balancer.passed());
}

#[tokio::test]
async fn a_draining_server_says_so_and_serves_on() {
    let mut vault = TestVault::start_with(&[("STRONGROOM_DRAIN_DELAY", "2s")]).await;
    let before = vault.admin.post(&api_key("before")).await;
    assert_eq!(before.headers().get("connection"), None);
    vault.server.signal(Signal::SIGTERM);
    vault.server.wait_for_log("draining");
    eventually("the server is no longer ready", PATIENCE, async || {
        vault.admin.get("/readyz").await.status() == 503
    })
    .await;
    let ready = vault.admin.get("/readyz").await;
    assert!(ready.headers().contains_key("retry-after"));
    assert_eq!(failure(ready, 503).await.errors[0].1, "unavailable");
    assert_eq!(vault.admin.get("/healthz").await.status(), 200);
    let during = vault.admin.post(&api_key("during")).await;
    assert_eq!(during.headers()["connection"], "close");
    assert_eq!(during.status(), 201);
    assert_eq!(vault.server.wait(PATIENCE), Some(0));
}
