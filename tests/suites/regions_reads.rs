//! Reads in a region whose standby lags, and reads that require the primary.

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::json;
use strongroom_e2e::{Api, TestRegion, TestRegions, eventually, failure};

const LIMIT: Duration = Duration::from_secs(30);
const LAG: &str = "slashid-replica-lag";

fn lag(answer: &Response) -> Option<u64> {
    let value = answer.headers().get(LAG)?;
    Some(value.to_str().unwrap().parse().unwrap())
}

/// Creates a credential, and waits until the region's standby has it.
async fn shown_in(test: &TestRegions, region: &TestRegion) -> String {
    let id = test.vault.admin.create("a").await;
    eventually("the standby has the credential", LIMIT, async || {
        region.admin.reveal(&id).await.status() == 200
    })
    .await;
    id
}

#[tokio::test]
async fn answers_from_a_region_that_lags_say_so() {
    let test = TestRegions::start_with(2, &[("STRONGROOM_MAX_REPLICA_LAG", "3s")]).await;
    let (eu, us) = (&test.regions[0], &test.regions[1]);
    let id = shown_in(&test, eu).await;
    assert_eq!(lag(&eu.admin.reveal(&id).await), None);
    eu.standby.pause_replay().await;
    let path = strongroom_e2e::CREDENTIALS;
    eventually("answers contain the region's lag", LIMIT, async || {
        let revealed = lag(&eu.admin.reveal(&id).await);
        let listed = lag(&eu.member.get(path).await);
        matches!((revealed, listed), (Some(4..), Some(4..)))
    })
    .await;
    for api in [&us.admin, &test.vault.admin] {
        assert_eq!(lag(&api.get(path).await), None);
    }
    eu.standby.resume_replay().await;
    eventually("the region has caught up", LIMIT, async || {
        lag(&eu.admin.reveal(&id).await).is_none()
    })
    .await;
}

#[tokio::test]
async fn reads_from_a_region_that_lags_can_be_refused() {
    let variables = [
        ("STRONGROOM_MAX_REPLICA_LAG", "2s"),
        ("STRONGROOM_STALE_READS", "refuse"),
    ];
    let test = TestRegions::start_with(1, &variables).await;
    let eu = &test.regions[0];
    let id = shown_in(&test, eu).await;
    eu.standby.pause_replay().await;
    eventually("reads are refused", LIMIT, async || {
        eu.admin.reveal(&id).await.status() == 503
    })
    .await;
    for answer in [
        eu.admin.reveal(&id).await,
        eu.member.get(strongroom_e2e::CREDENTIALS).await,
    ] {
        assert!(lag(&answer) >= Some(2));
        assert!(answer.headers().contains_key("retry-after"));
        let refused = failure(answer, 503).await;
        assert_eq!(refused.errors[0].1, "stale_region");
    }
    eu.standby.resume_replay().await;
    eventually("the region has caught up", LIMIT, async || {
        eu.admin.reveal(&id).await.status() == 200
    })
    .await;
}

// It was revealed there, so that the primary is asked whether it still has that row.
#[tokio::test]
async fn a_change_that_the_standby_lacks_counts_for_a_credential_that_was_revealed() {
    let test = TestRegions::start(1).await;
    let eu = &test.regions[0];
    let [changed, deleted] = [shown_in(&test, eu).await, shown_in(&test, eu).await];
    for id in [&changed, &deleted] {
        assert_eq!(eu.admin.secret(id).await["api_key"], "a");
    }
    eu.standby.pause_replay().await;
    let change = json!({"json_blob": {"api_key": "b"}});
    let admin = &test.vault.admin;
    assert_eq!(admin.patch(&changed, &change).await.status(), 204);
    assert_eq!(eu.admin.secret(&changed).await["api_key"], "b");
    let answer = admin.delete(&format!("credentialId={deleted}")).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(eu.admin.reveal(&deleted).await.status(), 404);
    eu.standby.resume_replay().await;
}

#[tokio::test]
async fn a_reveal_in_a_region_is_recorded_on_the_primary() {
    let test = TestRegions::start(1).await;
    let eu = &test.regions[0];
    let id = shown_in(&test, eu).await;
    eu.standby.pause_replay().await;
    let primary = test.vault.database.connect().await;
    let reveals =
        "select from audit_events where action = 'credential.reveal' and cred_id = $1::text::uuid";
    let before = primary.query(reveals, &[&id]).await.unwrap().len();
    for n in 1..=5 {
        assert_eq!(eu.admin.reveal(&id).await.status(), 200);
        let now = primary.query(reveals, &[&id]).await.unwrap().len();
        assert_eq!(now, before + n);
    }
}

#[tokio::test]
async fn without_the_primary_a_region_reveals_nothing_and_comes_back() {
    let mut test = TestRegions::start(1).await;
    let id = shown_in(&test, &test.regions[0]).await;
    test.primary.stop();
    let eu = &test.regions[0];
    let begun = Instant::now();
    let answer = eu.admin.reveal(&id).await;
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        !failure(answer, 503)
            .await
            .body
            .to_string()
            .contains("\"a\"")
    );
    test.primary.resume();
    let eu = &test.regions[0];
    eventually("the region works again", LIMIT, async || {
        eu.admin.reveal(&id).await.status() == 200
    })
    .await;
    eventually("writes arrive again", LIMIT, async || {
        eu.admin.post(&strongroom_e2e::api_key("b")).await.status() == 201
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_in_a_region_that_lags() {
    let test = TestRegions::start(1).await;
    let eu = &test.regions[0];
    let made = test.vault.run(&[
        "key",
        "create",
        "--org",
        &eu.admin.org,
        "--role",
        "member",
        "--name",
        "n",
        "--json",
    ]);
    let made = made.json();
    let api = Api::new(
        &eu.admin.url,
        &eu.admin.org,
        made["api_key"].as_str().unwrap(),
    );
    eu.standby.pause_replay().await;
    // The standby does not have the second key yet.
    let late = test
        .vault
        .new_key(&eu.admin.org, "member")
        .at(&eu.admin.url);
    for api in [&api, &late] {
        assert_eq!(api.get(strongroom_e2e::CREDENTIALS).await.status(), 200);
    }
    let id = made["key_id"].as_str().unwrap();
    let revoke = ["key", "revoke", "--org", &eu.admin.org, "--key", id];
    assert!(test.vault.run(&revoke).success);
    let begun = Instant::now();
    eventually("the key is refused", LIMIT, async || {
        api.get(strongroom_e2e::CREDENTIALS).await.status() == 401
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_region_that_lags_opens_rows_under_a_key_that_is_retired() {
    let test = TestRegions::start(1).await;
    let eu = &test.regions[0];
    let id = shown_in(&test, eu).await;
    eu.standby.pause_replay().await;
    let org = &eu.admin.org;
    assert!(test.vault.run(&["rotate", "org", "--org", org]).success);
    let retired = test
        .vault
        .run(&["rotate", "retire", "--org", org, "--generation", "1"]);
    assert!(retired.success, "{}", retired.stderr);
    // A new server, which has never loaded the old generation.
    let server = test.start_server("eu", &[]);
    test.vault.ready(&server.url()).await;
    let fresh = eu.admin.at(&server.url());
    for api in [&eu.admin, &fresh] {
        assert_eq!(api.secret(&id).await, serde_json::json!({"api_key": "a"}));
    }
    eu.standby.resume_replay().await;
    let later = eu.admin.create("b").await;
    for api in [&eu.admin, &fresh] {
        assert_eq!(api.secret(&id).await, serde_json::json!({"api_key": "a"}));
        assert_eq!(
            api.secret(&later).await,
            serde_json::json!({"api_key": "b"})
        );
    }
}
