//! Relays beside other requests, and in regions.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use strongroom_e2e::{Api, CREDENTIALS, TestRegions, eventually};

use super::scene::{Outside, SECRET, Scene, always, code, echo};
use super::support::{get, policy_path, put};
use super::targets::writing;

const HUNG: usize = 200;
const REVEALS: usize = 100;

/// The second slowest of many reveals.
async fn slow_reveal(api: &Api, id: &str) -> Duration {
    let mut times = Vec::new();
    for _ in 0..REVEALS {
        let started = Instant::now();
        assert_eq!(api.reveal(id).await.status(), 200);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[REVEALS - 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_upstreams_do_not_slow_reveals() {
    let scene = Scene::start(writing(b"", false)).await;
    let before = slow_reveal(&scene.vault.admin, &scene.id).await;
    let hung: Vec<_> = (0..HUNG)
        .map(|_| tokio::spawn(scene.request(Method::GET, "/").send()))
        .collect();
    eventually("all of them hang", Duration::from_secs(30), async || {
        scene.upstream.seen.heads().len() == HUNG
    })
    .await;
    let beside = slow_reveal(&scene.vault.admin, &scene.id).await;
    // Generous, since other tests run at the same time.
    assert!(
        beside < before * 5 + Duration::from_millis(200),
        "{before:?} {beside:?}"
    );
    let metric = "strongroom_relays_in_flight";
    assert_eq!(scene.vault.admin.metric(metric).await, Some(HUNG as f64));
    for one in hung {
        one.abort();
    }
}

// The standby still shows the earlier policy, and the primary has another one.
#[tokio::test]
async fn a_policy_that_changed_on_the_primary_counts_in_a_region() {
    let outside = Outside::start(echo(), always("127.0.0.1")).await;
    let test = TestRegions::start_with(1, &outside.variables()).await;
    let (api, eu) = (&test.vault.admin, &test.regions[0]);
    let id = api.create(SECRET).await;
    put(api, &id, &outside.policy()).await;
    let relay = async || {
        let path = format!("{CREDENTIALS}/{id}/relay/-/");
        let answer = eu.admin.get(&path).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    eventually("the region relays", Duration::from_secs(30), async || {
        relay().await.0 == 200
    })
    .await;
    let sent = outside.upstream.seen.heads().len();
    eu.standby.pause_replay().await;
    // What is still allowed is sent, under the new policy.
    let mut policy = outside.policy();
    policy["inject"] = json!([{"header": "X-New", "from": "api_key"}]);
    put(api, &id, &policy).await;
    assert_eq!(get(&eu.admin, &id).await.1["version"], 1);
    assert_eq!(relay().await.0, 200);
    assert!(outside.upstream.seen.heads()[sent].contains("x-new: "));
    let mut policy = outside.policy();
    policy["rules"] = json!([{"methods": ["POST"]}]);
    put(api, &id, &policy).await;
    let (status, text) = relay().await;
    assert_eq!((status, &*code(&text)), (403, "relay_not_allowed"));
    let delete = api.request(Method::DELETE, &policy_path(&id)).send();
    assert_eq!(delete.await.unwrap().status(), 204);
    let (status, text) = relay().await;
    assert_eq!((status, &*code(&text)), (403, "relay_not_configured"));
    assert_eq!(
        api.delete(&format!("credentialId={id}")).await.status(),
        204
    );
    assert_eq!(relay().await.0, 404);
    assert_eq!(outside.upstream.seen.heads().len(), sent + 1);
    eu.standby.resume_replay().await;
}
