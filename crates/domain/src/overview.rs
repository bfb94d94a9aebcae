//! What a page about an organization shows at a glance.

use chrono::{DateTime, Utc};

use crate::kinds::{CredentialType, Provider};
use crate::replication::RegionStatus;
use crate::rotation::Rotation;
use crate::scrub::ScrubResult;

/// The days within which [`CredentialCounts::expiring`] counts.
pub const EXPIRING_WITHIN: [i64; 3] = [7, 30, 90];
/// The days after which a credential without a use counts as unused.
pub const UNUSED_AFTER: i64 = 90;

/// An organization at a glance.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The time for which it holds.
    pub at: DateTime<Utc>,
    /// The credentials that the caller reaches.
    pub credentials: CredentialCounts,
    /// The last checks; `None` for a caller without `audit:read`.
    pub integrity: Option<Integrity>,
    /// The running rotations, newest first; `None` for a caller without `organizations:manage`.
    pub rotations: Option<Vec<Rotation>>,
    /// The replication status of each region.
    pub regions: Vec<RegionStatus>,
}

/// Numbers of credentials that are not deleted. Expiry and last use are counted as they are stored,
/// which no check verifies, as in lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialCounts {
    /// Their number by provider and type, in the order of these names; without zeros.
    pub kinds: Vec<KindCount>,
    /// Those that have expired.
    pub expired: i64,
    /// Those that expire within each of [`EXPIRING_WITHIN`], without those that have expired.
    pub expiring: [i64; 3],
    /// Those that were neither revealed, relayed nor changed within [`UNUSED_AFTER`]. Those that
    /// were never used count from their creation.
    pub unused: i64,
}

impl CredentialCounts {
    /// The number of all.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.kinds.iter().map(|kind| kind.count).sum()
    }
}

/// The number of credentials of one provider and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindCount {
    /// The provider.
    pub provider: Provider,
    /// The type.
    pub kind: CredentialType,
    /// The number.
    pub count: i64,
}

/// The last checks of all organizations. No result is kept of one organization alone, nor of checks
/// by a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integrity {
    /// The check of rows, by the background scrub.
    pub credentials: LastCheck,
    /// The verification of audit trails, by the same.
    pub trails: LastCheck,
    /// The time of the newest signed root of all audit trails; `None` if there is none.
    pub newest_root_at: Option<DateTime<Utc>>,
}

/// The last check of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastCheck {
    /// No result is stored: none was completed, or the database lost it.
    NotKnown,
    /// The stored result was altered.
    Altered,
    /// It was completed.
    Ended {
        /// The time.
        at: DateTime<Utc>,
        /// Whether it found nothing, in any organization.
        clean: bool,
    },
}

/// The result of the last scrub as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastScrub {
    /// No result is stored.
    NotKnown,
    /// The stored result was altered.
    Altered,
    /// The result.
    Ended(ScrubResult),
}

impl LastScrub {
    /// Whether the scrub had findings in rows.
    #[must_use]
    pub fn of_credentials(self) -> LastCheck {
        self.check(|result| result.findings == 0)
    }

    /// Whether the scrub had findings in audit trails.
    #[must_use]
    pub fn of_trails(self) -> LastCheck {
        self.check(|result| result.trail_findings == 0)
    }

    fn check(self, clean: impl Fn(&ScrubResult) -> bool) -> LastCheck {
        match self {
            Self::NotKnown => LastCheck::NotKnown,
            Self::Altered => LastCheck::Altered,
            Self::Ended(result) => LastCheck::Ended {
                at: result.ended_at,
                clean: clean(&result),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_in_rows_and_in_trails_are_told_apart() {
        let at = DateTime::UNIX_EPOCH;
        let result = ScrubResult {
            ended_at: at,
            credentials: 10,
            findings: 2,
            events: 30,
            trail_findings: 0,
        };
        let scrub = LastScrub::Ended(result);
        assert_eq!(
            scrub.of_credentials(),
            LastCheck::Ended { at, clean: false }
        );
        assert_eq!(scrub.of_trails(), LastCheck::Ended { at, clean: true });
        assert_eq!(LastScrub::Altered.of_trails(), LastCheck::Altered);
        assert_eq!(LastScrub::NotKnown.of_credentials(), LastCheck::NotKnown);
    }
}
