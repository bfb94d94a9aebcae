//! The lag of a region behind the primary.

use std::time::Duration;

use tokio::time::Instant;

use crate::regions::position::Sample;

/// The state of a region at its last poll.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) up: bool,
    pub(super) sample: Option<Sample>,
    pub(super) behind: Behind,
}

/// Whether the region was behind the primary.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Behind {
    /// The region was behind at every poll, so the beginning is unknown.
    #[default]
    Unknown,
    Not,
    Since(Instant),
}

/// Bytes of log between the primary and a region.
pub(super) fn bytes(primary: Option<Sample>, region: &Progress) -> Option<u64> {
    let region = region.sample?;
    Some(primary?.position.0.saturating_sub(region.position.0))
}

/// The age of the data that a region shows: the smaller of two upper bounds. One is the time since
/// the commit of the newest replayed transaction, which is too long if nothing was written for a
/// while. The other is the time since the region was first seen behind.
pub(super) fn time(primary: Option<Sample>, region: &Progress) -> Option<Duration> {
    let (primary, sample) = (primary?, region.sample?);
    if !sample.standby || sample.position >= primary.position {
        return Some(Duration::ZERO);
    }
    let replayed = sample
        .replayed_at
        .map(|at| (primary.now - at).to_std().unwrap_or_default());
    let behind = match region.behind {
        Behind::Not => Some(Duration::ZERO),
        Behind::Since(at) => Some(at.elapsed()),
        Behind::Unknown => None,
    };
    match (replayed, behind) {
        (Some(replayed), Some(behind)) => Some(replayed.min(behind)),
        (one, other) => one.or(other),
    }
}
