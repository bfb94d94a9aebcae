//! Limits on failed authentications per address.

use std::time::Duration;

use reqwest::Method;
use strongroom_e2e::{Api, CREDENTIALS, OwnCluster, TestVault, eventually};

use super::{PIECES, from, header, limited, refused};

/// Five failures per address, which are not forgotten during a test.
const STRICT: [(&str, &str); 3] = [
    ("STRONGROOM_FAILED_AUTH_RATE", "1/h"),
    ("STRONGROOM_FAILED_AUTH_BURST", "5"),
    ("STRONGROOM_TRUSTED_PROXIES", "127.0.0.1"),
];

/// A caller with a well-formed key that another vault issued.
async fn made_up(vault: &TestVault) -> Api {
    let elsewhere = TestVault::start().await;
    let mut caller = vault.admin.clone();
    (caller.org, caller.key) = (elsewhere.admin.org.clone(), elsewhere.admin.key.clone());
    caller
}

#[tokio::test]
async fn an_address_that_tries_keys_is_held_off_and_its_neighbors_are_not() {
    let vault = TestVault::start_with(&STRICT).await;
    let stranger = made_up(&vault).await;
    for _ in 0..5 {
        assert_eq!(from(&stranger, "198.51.100.1").await.status(), 401);
    }
    let answer = from(&stranger, "198.51.100.1").await;
    assert_eq!(
        header(&answer, "ratelimit-policy"),
        "\"authentication\";q=5;w=18000"
    );
    assert_eq!(
        header(&answer, "ratelimit"),
        "\"authentication\";r=0;t=18000"
    );
    refused(answer, "too_many_failures").await;
    assert_eq!(limited(&vault.admin, "authentication").await, 1.0);
    vault.server.wait_for_log("198.51.100.1");
    vault.server.wait_for_log("too many failed authentications");
    // Malformed keys from this address are blocked as well, on both surfaces.
    let mut wrong = vault.admin.clone();
    for key in ["", "nonsense", &vault.admin.key[1..]] {
        wrong.key = key.to_owned();
        refused(from(&wrong, "198.51.100.1").await, "too_many_failures").await;
    }
    let request = vault
        .admin
        .bare(Method::POST, PIECES)
        .header("X-Forwarded-For", "198.51.100.1");
    let answer = request
        .header("X-Application-ID", &stranger.key)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 429);
    // Valid keys are accepted, also if this server sees them for the first time.
    assert_eq!(from(&vault.admin, "198.51.100.1").await.status(), 200);
    let (fresh, _) = vault.new_organization("fresh");
    assert_eq!(from(&fresh, "198.51.100.1").await.status(), 200);
    // A valid key that is refused for another reason gets the same answer.
    let mut astray = vault.admin.clone();
    astray.org = fresh.org.clone();
    refused(from(&astray, "198.51.100.1").await, "too_many_failures").await;
    // Other addresses are not blocked.
    assert_eq!(from(&stranger, "198.51.100.2").await.status(), 401);
}

/// As documented: three failures, and the fourth request is refused.
#[tokio::test]
async fn the_rate_is_the_number_of_failures() {
    let vault = TestVault::start_with(&[("STRONGROOM_FAILED_AUTH_RATE", "3/h")]).await;
    let stranger = made_up(&vault).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(stranger.get(CREDENTIALS).await.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn ipv6_addresses_count_by_their_network() {
    let vault = TestVault::start_with(&STRICT).await;
    let stranger = made_up(&vault).await;
    for host in 1..=5 {
        let address = format!("2001:db8:1:2::{host}");
        assert_eq!(from(&stranger, &address).await.status(), 401);
    }
    assert_eq!(from(&stranger, "2001:db8:1:2:ffff::7").await.status(), 429);
    assert_eq!(from(&stranger, "2001:db8:1:3::7").await.status(), 401);
}

#[tokio::test]
async fn who_is_held_off_costs_the_database_nothing() {
    let mut cluster = OwnCluster::start().await;
    let vault = TestVault::start_on(cluster.database(), &STRICT).await;
    let stranger = made_up(&vault).await;
    for _ in 0..5 {
        assert_eq!(stranger.get(CREDENTIALS).await.status(), 401);
    }
    cluster.stop();
    // Requests that need the database get 503; blocked ones do not need it.
    refused(stranger.get(CREDENTIALS).await, "too_many_failures").await;
    let limit = Duration::from_secs(15);
    eventually("the database is down", limit, async || {
        vault.admin.get(CREDENTIALS).await.status() == 503
    })
    .await;
    refused(stranger.get(CREDENTIALS).await, "too_many_failures").await;
}

#[tokio::test]
async fn a_flood_of_wrong_keys_stops_no_good_one() {
    let vault = TestVault::start_with(&[("STRONGROOM_FAILED_AUTH_RATE", "60/m")]).await;
    let stranger = made_up(&vault).await;
    let id = vault.admin.create("kept").await;
    let flood: Vec<_> = (0..8)
        .map(|_| {
            let stranger = stranger.clone();
            tokio::spawn(async move {
                let mut blocked = 0;
                for _ in 0..150 {
                    match stranger.get(CREDENTIALS).await.status().as_u16() {
                        401 => {}
                        429 => blocked += 1,
                        other => panic!("{other}"),
                    }
                }
                blocked
            })
        })
        .collect();
    let (mut fresh, _) = vault.new_organization("fresh");
    fresh = fresh.at(&vault.admin.url);
    for _ in 0..50 {
        assert_eq!(vault.admin.secret(&id).await["api_key"], "kept");
        assert_eq!(fresh.get(CREDENTIALS).await.status(), 200);
    }
    let mut blocked = 0;
    for task in flood {
        blocked += task.await.unwrap();
    }
    assert!(blocked > 600, "{blocked} of 1200 were blocked");
}
