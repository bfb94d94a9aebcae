use std::time::Duration;

use strongroom_domain::replication::RegionStatus;
use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::server::{Server, Slot};
use strongroom_storage::{
    Database, DatabaseSettings, RegionSettings, RegionsSettings, WatchedRegions,
};

use super::finding::{Finding, or_ok};
use super::{access, certificates, clock, database};
use crate::commands::regions::answered;

const CHECK: &str = "region";
const LAG: &str = "region_lag";
const SLOTS: &str = "replication_slots";

/// Each region's database, and how far it is behind the primary.
pub(super) async fn findings(
    regions: &RegionsSettings,
    connect: &DatabaseSettings,
    primary: Option<(&Database, &Server)>,
) -> Vec<Finding> {
    if regions.all.is_empty() {
        return vec![Finding::ok(CHECK, "none is configured")];
    }
    let mut findings = Vec::new();
    for region in &regions.all {
        let server = primary.map(|(_, server)| server);
        findings.extend(of_region(region, connect, server).await);
    }
    match primary {
        Some((database, _)) => findings.extend(lags(regions, connect, database).await),
        None => findings.push(super::unchecked(LAG, "the primary is away")),
    }
    findings
}

async fn of_region(
    region: &RegionSettings,
    connect: &DatabaseSettings,
    primary: Option<&Server>,
) -> Vec<Finding> {
    let name = &region.name;
    let settings = DatabaseSettings {
        url: region.url.clone(),
        pool_size: 1,
        ..connect.clone()
    };
    let mut findings = certificates::of_database(name, &settings).await;
    match database::connect(&settings).await {
        Ok((_database, inspection, server)) => {
            let kind = kinds(&server, primary);
            findings.extend(kind.into_iter().map(|finding| finding.about(name)));
            findings.extend(clock::findings(&inspection, name).await);
            let setting = format!("the URL of region {name}");
            findings.extend(access::of_role(&inspection, &setting).await.0);
        }
        Err(error) => findings.push(database::away(CHECK, &settings, &error).about(name)),
    }
    findings
}

// What kind of database a region has, beside the primary.
fn kinds(server: &Server, primary: Option<&Server>) -> Vec<Finding> {
    let rebuild = "make it anew from the primary: in the deployment, deploy/rebuild REGION";
    if let Some(primary) = primary.filter(|primary| primary.cluster != server.cluster) {
        let found = format!(
            "it is no copy of the primary: its system identifier is {}, the primary's {}",
            server.cluster, primary.cluster
        );
        let advice = format!("name the right database in the region's URL, or {rebuild}");
        return vec![Finding::failure(CHECK, found, advice)];
    }
    if !server.standby {
        return vec![match primary {
            Some(primary) if !server.is(primary) && !primary.standby => Finding::failure(
                CHECK,
                "it takes writes, and so does the primary: it was promoted and follows nobody",
                format!(
                    "find out which of the two has the newest writes, keep that one as the primary, and {rebuild}"
                ),
            ),
            _ => Finding::ok(CHECK, "it is the primary"),
        }];
    }
    let mut findings = Vec::new();
    if server.replay_paused {
        findings.push(Finding::warning(
            CHECK,
            "its replay is paused: it receives writes and does not show them",
            "run there as a superuser: select pg_wal_replay_resume();",
        ));
    }
    if !server.receiving {
        findings.push(Finding::warning(
            CHECK,
            "it is not connected to what it follows",
            format!("see its log; when the log it needs is gone, {rebuild}"),
        ));
    }
    or_ok(findings, CHECK, "a standby that follows the primary")
}

async fn lags(
    regions: &RegionsSettings,
    connect: &DatabaseSettings,
    primary: &Database,
) -> Vec<Finding> {
    match WatchedRegions::start(regions.clone(), primary, connect) {
        Ok(watched) => {
            let statuses = answered(&watched, connect).await;
            let up = statuses.iter().filter(|region| region.up);
            up.map(|region| lag(region, regions.max_lag)).collect()
        }
        Err(error) => vec![super::unchecked(LAG, &error.to_string())],
    }
}

fn lag(region: &RegionStatus, most: Duration) -> Finding {
    let bytes = region.lag_bytes;
    let finding = match (bytes, region.lag) {
        (Some(0), _) => Finding::ok(LAG, "it has everything"),
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
                "see the standby's load and disk, the network to it, and long queries on it; `strongroom regions` \
                 shows whether it catches up",
            )
        }
        (None, _) => super::unchecked(LAG, "nobody knows how far it is behind"),
    };
    finding.about(&region.name)
}

/// The slots that keep log for standbys on the primary.
pub(super) async fn slots(inspection: &Inspection, regions: &RegionsSettings) -> Vec<Finding> {
    super::attempt(SLOTS, inspection.slots().await, |slots| {
        let ok = match (slots.len(), regions.all.len()) {
            (0, 0) => "there are none, and no regions",
            (0, _) => {
                "there are none: a standby that stays away for long needs wal_keep_size or an archive"
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
            format!("slot {name} has lost log that its standby needs: it cannot follow any more");
        let advice = format!(
            "make the standby anew (deploy/rebuild REGION), or if it is gone for good: {drop}"
        );
        return Some(Finding::failure(SLOTS, found, advice).about(name));
    }
    // One that nobody has used yet keeps nothing: nodes of the deployment have them ready for a failover.
    if slot.active || slot.wal_status.is_empty() {
        return None;
    }
    let found =
        format!("nobody uses slot {name}, which keeps {kept} MiB of log on the primary's disk");
    let advice = format!("bring its standby back; if it is gone for good: {drop}");
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
    fn slots_that_nobody_uses_and_that_lost_log_are_named() {
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
