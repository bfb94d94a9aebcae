//! The regions, and which of them a server reads.

use strongroom_storage::{DatabaseSettings, RegionsSettings};

use crate::settings::access::database;
use crate::settings::args::RegionListArgs;
use crate::settings::error::{ConfigError, ConfigErrors};
use crate::settings::sources::Sources;
use crate::settings::table::{MAX_REPLICA_LAG, REGION, REGIONS, STALE_READS};

/// For a command that looks at the regions.
pub(crate) fn read_regions(
    args: &RegionListArgs,
) -> Result<(DatabaseSettings, RegionsSettings), ConfigErrors> {
    let sources = Sources::read(args.given())?;
    Ok((database(&sources)?, regions(&sources)?))
}

pub(super) fn regions(sources: &Sources) -> Result<RegionsSettings, ConfigError> {
    let mut settings = regions_without_local(sources)?;
    settings.local = sources.get(&REGION)?;
    let Some(found) = sources.found(&REGION) else {
        return Ok(settings);
    };
    let names: Vec<&str> = settings.all.iter().map(|region| &*region.name).collect();
    if names.contains(&&*found.text) {
        return Ok(settings);
    }
    let problem = match names.is_empty() {
        true => "no regions are configured; name them in regions".into(),
        false => format!("must be one of the regions: {}", names.join(", ")),
    };
    Err(found.invalid(REGION.row(), problem))
}

/// The regions, without the choice of one.
pub(super) fn regions_without_local(sources: &Sources) -> Result<RegionsSettings, ConfigError> {
    Ok(RegionsSettings {
        all: sources.get(&REGIONS)?,
        local: None,
        max_lag: sources.get(&MAX_REPLICA_LAG)?,
        refuse_stale: sources.get(&STALE_READS)?,
    })
}
