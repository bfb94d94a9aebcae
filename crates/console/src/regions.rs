//! Regions, as pages show them.

use strongroom_domain::replication::RegionStatus;

/// A region.
pub(crate) struct Region {
    pub(crate) name: String,
    /// Its role and whether its database answers.
    pub(crate) state: &'static str,
    pub(crate) is_bad: bool,
    /// The age of the newest write that it shows.
    pub(crate) lag: String,
    pub(crate) waiting: u64,
}

impl Region {
    /// The region with this status.
    pub(crate) fn of(status: &RegionStatus) -> Self {
        let state = match (status.up, status.primary) {
            (false, _) => "does not answer",
            (true, true) => "primary",
            (true, false) => "standby",
        };
        let lag = status.lag.map(|lag| format!("{:.1} s", lag.as_secs_f64()));
        Self {
            name: status.name.clone(),
            state,
            is_bad: !status.up,
            lag: lag.unwrap_or_else(|| "not known".to_owned()),
            waiting: status.waiting,
        }
    }
}
