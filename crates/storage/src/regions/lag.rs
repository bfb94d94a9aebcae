//! How far a region is behind the primary.

use std::time::Duration;

use tokio::time::Instant;

use crate::regions::position::Sample;

/// How far a region was when it was last asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) up: bool,
    pub(super) sample: Option<Sample>,
    pub(super) behind: Behind,
}

/// Whether the region was behind the primary.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Behind {
    /// Ever since we know it, so nobody can tell since when.
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

/// How old what a region shows is. Two clocks bound it, and the smaller one counts: the time since the newest
/// transaction that it has replayed was committed, which is too long when nothing was written for a while, and
/// the time for which it has been seen behind.
pub(super) fn time(primary: Option<Sample>, region: &Progress) -> Option<Duration> {
    let (primary, seen) = (primary?, region.sample?);
    if !seen.standby || seen.position >= primary.position {
        return Some(Duration::ZERO);
    }
    let replayed = seen
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
