//! Checks of regions that are paused, disconnected, promoted and down.

use std::time::Duration;

use serde_json::Value;
use strongroom_e2e::{TestRegions, eventually};

use super::{Diagnosis, diagnose};

fn examine(regions: &TestRegions, more: &[(&str, &str)]) -> Diagnosis {
    let (url, key) = (
        regions.vault.database.app_url(),
        regions.vault.root_key_file(),
    );
    let region = &regions.regions[0];
    let named = format!(
        "{}={}",
        region.name,
        region.standby.database_behind_proxy().app_url()
    );
    let mut variables = vec![
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
        ("STRONGROOM_REGIONS", named.as_str()),
    ];
    variables.extend_from_slice(more);
    diagnose(&variables)
}

#[tokio::test]
async fn a_region_is_followed_from_health_to_split_brain() {
    let mut regions = TestRegions::start(1).await;
    let found = examine(&regions, &[]);
    found.is_healthy();
    found.says("region", "ok", "eu a standby that follows the primary");
    found.says("region_lag", "ok", "eu ");
    found.says("clock", "ok", "eu ");
    found.says("replication_slots", "ok", "in use");
    found.says("servers", "ok", "2 running");

    regions.regions[0].standby.pause_replay().await;
    regions.vault.admin.create("unseen").await;
    let found = examine(&regions, &[("STRONGROOM_MAX_REPLICA_LAG", "1ms")]);
    found.is_healthy();
    let advice = found.says("region", "warning", "eu its replay is paused");
    assert!(advice.contains("select pg_wal_replay_resume();"));
    let advice = found.says("region_lag", "warning", "bytes behind");
    assert!(advice.contains("strongroom region list"));
    regions.regions[0].standby.resume_replay().await;

    regions.regions[0].standby.to_primary.refuse();
    let limit = Duration::from_secs(30);
    eventually("the standby is disconnected", limit, async || {
        let found = examine(&regions, &[]);
        let alone = |one: &&Value| one["found"] == "it is not connected to its upstream";
        found.of_level("warning").iter().any(alone)
    })
    .await;
    let found = examine(&regions, &[]);
    let advice = found.says("replication_slots", "warning", "is not in use");
    assert!(advice.contains("pg_drop_replication_slot"));

    regions.regions[0].standby.promote();
    let found = examine(&regions, &[]);
    let advice = found.says(
        "region",
        "failure",
        "eu it takes writes, and so does the primary",
    );
    assert!(advice.contains("deploy/rebuild"));

    regions.regions[0].standby.stop();
    let found = examine(&regions, &[]);
    found.says("region", "failure", "eu 127.0.0.1:");
    found.says("database", "ok", "strongroom_app");
}
