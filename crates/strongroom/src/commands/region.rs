use std::time::Duration;

use serde_json::json;
use strongroom_domain::ports::regions::Regions;
use strongroom_domain::replication::RegionStatus;
use strongroom_storage::{Database, DatabaseSettings, WatchedRegions};
use tokio::time::{Instant, sleep};

use crate::cli::RegionsArgs;
use crate::error::CommandError;
use crate::output;
use crate::settings::regions::read_regions;

/// How often it is checked whether every region has answered.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// `strongroom region list`: how far each configured region is behind the primary.
pub(super) async fn run(args: &RegionsArgs) -> Result<(), CommandError> {
    let (connect, regions) = read_regions(&args.settings)?;
    if regions.all.is_empty() {
        return Err(CommandError::Failed(
            "no regions are configured; set --regions, STRONGROOM_REGIONS or [[regions]]".into(),
        ));
    }
    let primary = Database::new(&connect)?;
    let watched = WatchedRegions::start(regions, &primary, &connect)?;
    let statuses = await_answers(&watched, &connect).await;
    let values: Vec<_> = statuses.iter().map(value).collect();
    let rows: Vec<_> = statuses.iter().map(row).collect();
    let headings = ["REGION", "STATE", "LAG_BYTES", "LAG_SECONDS"];
    output::answer(args.json, &values, &output::table(headings, &rows));
    let away: Vec<_> = statuses.iter().filter(|region| !region.up).collect();
    if let Some(first) = statuses
        .iter()
        .find(|region| region.up && region.lag_bytes.is_none())
    {
        let name = &first.name;
        return Err(CommandError::Failed(format!(
            "the primary does not answer; it is unknown how far {name} is behind it"
        )));
    }
    if away.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = away.iter().map(|region| region.name.as_str()).collect();
    let names = names.join(", ");
    Err(CommandError::Failed(format!("no answer from: {names}")))
}

/// The regions' states once all have answered, or after the connection timeout.
pub(super) async fn await_answers(
    watched: &WatchedRegions,
    connect: &DatabaseSettings,
) -> Vec<RegionStatus> {
    let until = Instant::now() + connect.connect_timeout + Duration::from_secs(1);
    loop {
        let statuses = watched.status();
        let known = |region: &RegionStatus| region.lag_bytes.is_some();
        if statuses.iter().all(known) || Instant::now() > until {
            return statuses;
        }
        sleep(CHECK_INTERVAL).await;
    }
}

fn state(region: &RegionStatus) -> &'static str {
    match (region.up, region.primary) {
        (false, _) => "away",
        (true, true) => "primary",
        (true, false) => "standby",
    }
}

fn value(region: &RegionStatus) -> serde_json::Value {
    json!({
        "region": region.name,
        "state": state(region),
        "lag_bytes": region.lag_bytes,
        "lag_seconds": region.lag.map(|lag| lag.as_secs_f64()),
    })
}

fn row(region: &RegionStatus) -> [String; 4] {
    let unknown = || "unknown".to_owned();
    [
        region.name.clone(),
        state(region).to_owned(),
        region
            .lag_bytes
            .map_or_else(unknown, |bytes| bytes.to_string()),
        region
            .lag
            .map_or_else(unknown, |lag| format!("{:.1}", lag.as_secs_f64())),
    ]
}
