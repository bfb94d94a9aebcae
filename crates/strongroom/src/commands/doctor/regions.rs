use std::time::Duration;

use strongroom_domain::replication::RegionStatus;
use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::server::{Server, Slot};
use strongroom_storage::{
    Database, DatabaseSettings, RegionSettings, RegionsSettings, WatchedRegions,
};

use super::connection::{connect, unreachable};
use super::finding::{Finding, attempt, or_ok, unchecked};
use super::{access, certificates, clock};
use crate::commands::region::await_answers;

const CHECK: &str = "region";
const LAG: &str = "region_lag";
const SLOTS: &str = "replication_slots";

/// Each region's database, and its replication lag.
pub(super) async fn findings(
    regions: &RegionsSettings,
    settings: &DatabaseSettings,
    primary: Option<(&Database, &Server)>,
) -> Vec<Finding> {
    if regions.all.is_empty() {
        return vec![Finding::ok(CHECK, "none is configured")];
    }
    let mut findings = Vec::new();
    for region in &regions.all {
        let server = primary.map(|(_, server)| server);
        findings.extend(of_region(region, settings, server).await);
    }
    match primary {
        Some((database, _)) => findings.extend(lags(regions, settings, database).await),
        None => findings.push(unchecked(LAG, "the primary is unreachable")),
    }
    findings
}

async fn of_region(
    region: &RegionSettings,
    primary_settings: &DatabaseSettings,
    primary: Option<&Server>,
) -> Vec<Finding> {
    let name = &region.name;
    let settings = DatabaseSettings {
        url: region.url.clone(),
        pool_size: 1,
        ..primary_settings.clone()
    };
    let mut findings = certificates::of_database(name, &settings).await;
    match connect(&settings).await {
        Ok((_database, inspection, server)) => {
            let kind = kinds(&server, primary);
            findings.extend(kind.into_iter().map(|finding| finding.about(name)));
            findings.extend(clock::findings(&inspection, name).await);
            let setting = format!("the URL of region {name}");
            findings.extend(access::of_role(&inspection, &setting).await.0);
        }
        Err(error) => findings.push(unreachable(CHECK, &settings, &error).about(name)),
    }
    findings
}

// Whether a region's database is a standby of the primary or the primary itself.
fn kinds(server: &Server, primary: Option<&Server>) -> Vec<Finding> {
    let rebuild = "rebuild it from the primary (in the deployment: deploy/rebuild REGION)";
    if let Some(primary) = primary.filter(|primary| primary.cluster != server.cluster) {
        let found = format!(
            "it is not a copy of the primary: its system identifier is {}, the primary's is {}",
            server.cluster, primary.cluster
        );
        let advice = format!("correct the region's URL, or {rebuild}");
        return vec![Finding::failure(CHECK, found, advice)];
    }
    if !server.standby {
        return vec![match primary {
            Some(primary) if !server.is(primary) && !primary.standby => Finding::failure(
                CHECK,
                "it takes writes, and so does the primary: it was promoted",
                format!(
                    "find out which of the two has the newest writes, and keep that one as the \
                     primary; as for the other one, {rebuild}"
                ),
            ),
            _ => Finding::ok(CHECK, "it is the primary"),
        }];
    }
    let mut findings = Vec::new();
    if server.replay_paused {
        findings.push(Finding::warning(
            CHECK,
            "its replay is paused: it receives writes, but does not apply them",
            "run there as a superuser: select pg_wal_replay_resume();",
        ));
    }
    if !server.receiving {
        findings.push(Finding::warning(
            CHECK,
            "it is not connected to its upstream",
            format!("see its log; if the WAL that it needs was removed, {rebuild}"),
        ));
    }
    or_ok(findings, CHECK, "a standby that follows the primary")
}

async fn lags(
    regions: &RegionsSettings,
    settings: &DatabaseSettings,
    primary: &Database,
) -> Vec<Finding> {
    match WatchedRegions::start(regions.clone(), primary, settings) {
        Ok(watched) => {
            let statuses = await_answers(&watched, settings).await;
            let up = statuses.iter().filter(|region| region.up);
            up.map(|region| lag(region, regions.max_lag)).collect()
        }
        Err(error) => vec![unchecked(LAG, &error.to_string())],
    }
}

fn lag(region: &RegionStatus, most: Duration) -> Finding {
    let bytes = region.lag_bytes;
    let finding = match (bytes, region.lag) {
        (Some(0), _) => Finding::ok(LAG, "it is up to date"),
        (Some(bytes), Some(lag)) if lag <= most => Finding::ok(
            LAG,
            format!("{bytes} bytes and {:.1} s behind", lag.as_secs_f64()),
        ),
        (Some(bytes), lag) => {
            let behind = lag.map_or("for an unknown time".to_owned(), |lag| {
                format!("{:.1} s", lag.as_secs_f64())
            });
            Finding::warning(
                LAG,
                format!("it is {bytes} bytes behind, {behind}; max_replica_lag is {most:?}"),
                "check the standby's load and disk, the network to it, and long queries on it; \
                 `strongroom region list` shows whether it catches up",
            )
        }
        (None, _) => unchecked(LAG, "its lag is unknown"),
    };
    finding.about(&region.name)
}

/// The replication slots on the primary.
pub(super) async fn slots(inspection: &Inspection, regions: &RegionsSettings) -> Vec<Finding> {
    attempt(SLOTS, inspection.slots().await, |slots| {
        let ok = match (slots.len(), regions.all.len()) {
            (0, 0) => "there are none, and no regions",
            (0, _) => {
                "there are none: a standby that is disconnected for long needs wal_keep_size or an \
                 archive"
            }
            _ => "every slot is in use",
        };
        or_ok(slots.iter().filter_map(of_slot).collect(), SLOTS, ok)
    })
}

fn of_slot(slot: &Slot) -> Option<Finding> {
    let (name, kept) = (&slot.name, slot.kept_bytes / (1024 * 1024));
    let drop = format!("select pg_drop_replication_slot('{name}');");
    if slot.wal_status == "lost" {
        let found =
            format!("slot {name} has lost WAL that its standby needs: it can no longer follow");
        let advice = format!(
            "rebuild the standby (deploy/rebuild REGION), or, if the slot is no longer used, drop \
             it: {drop}"
        );
        return Some(Finding::failure(SLOTS, found, advice).about(name));
    }
    // A slot that was never used retains nothing: the deployment's nodes have such slots for a
    // failover.
    if slot.active || slot.wal_status.is_empty() {
        return None;
    }
    let found =
        format!("slot {name} is not in use, and retains {kept} MiB of WAL on the primary's disk");
    let advice =
        format!("start its standby again, or, if the slot is no longer used, drop it: {drop}");
    Some(Finding::warning(SLOTS, found, advice).about(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    fn server(cluster: i64, started: i64, standby: bool) -> Server {
        Server {
            version: "15.1".into(),
            version_number: 150_001,
            role: "app".into(),
            encoding: "UTF8".into(),
            standby,
            replay_paused: false,
            receiving: standby,
            started_at: chrono::DateTime::from_timestamp(started, 0).unwrap(),
            cluster,
            scope: String::new(),
        }
    }

    #[test]
    fn a_region_is_a_standby_or_the_primary_itself() {
        let primary = server(1, 1, false);
        let level = |region: &Server| kinds(region, Some(&primary))[0].level;
        assert_eq!(level(&server(1, 2, true)), Level::Ok);
        assert_eq!(level(&primary), Level::Ok);
        assert_eq!(level(&server(1, 2, false)), Level::Failure);
        assert_eq!(level(&server(2, 1, true)), Level::Failure);
        let mut alone = server(1, 2, true);
        alone.receiving = false;
        assert_eq!(level(&alone), Level::Warning);
    }

    #[test]
    fn unused_slots_and_slots_that_lost_wal_are_found() {
        let slot = |active, status: &str| Slot {
            name: "eu".into(),
            active,
            wal_status: status.into(),
            kept_bytes: 0,
        };
        assert!(of_slot(&slot(true, "reserved")).is_none());
        assert!(of_slot(&slot(false, "")).is_none());
        let level = |slot: &Slot| of_slot(slot).map(|finding| finding.level);
        assert_eq!(level(&slot(false, "extended")), Some(Level::Warning));
        assert_eq!(level(&slot(false, "lost")), Some(Level::Failure));
    }
}
