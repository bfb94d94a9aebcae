//! How far a write must have traveled before it is answered, and how to ask later how far it has come.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_crypto::{Context, CryptoError, Purpose, RandomSource, SecretKey, mac};
use uuid::Uuid;

use crate::ids::OrgId;
use crate::kinds::wire_enum;

/// How long an operation can be asked about, and a request repeated with its `Idempotency-Key`.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// Which regions must have a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// The region that the request came to.
    #[default]
    LocalRegion,
    /// Every configured region.
    AllRegions,
}

/// Which regions must have a write, and by when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consistency {
    /// Which regions.
    pub level: Level,
    /// How long after the request's begin.
    pub timeout: Duration,
}

impl Default for Consistency {
    fn default() -> Self {
        Self {
            level: Level::LocalRegion,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A position in the primary's write-ahead log, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct WalPosition(pub u64);

/// A write that can be asked about: UUID version 8 (RFC 9562 § 5.8). The first 48 bits are milliseconds of Unix
/// time, as in version 7; the last 32 are a keyed digest, so that an operation that was lost can be told from
/// one that never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct OperationId(pub Uuid);

/// Bytes of an id that its digest is made of.
const DIGESTED: usize = 12;

impl OperationId {
    /// A new id for an operation of `org`.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when there is no randomness to be had.
    pub fn new(
        key: &SecretKey,
        org: OrgId,
        now: DateTime<Utc>,
        random: &dyn RandomSource,
    ) -> Result<Self, CryptoError> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes[6..DIGESTED])?;
        bytes[..6].copy_from_slice(&millis(now));
        bytes = uuid::Builder::from_custom_bytes(bytes)
            .into_uuid()
            .into_bytes();
        let tag = tag(key, org, &bytes);
        bytes[DIGESTED..].copy_from_slice(&tag);
        Ok(Self(Uuid::from_bytes(bytes)))
    }

    /// Reads the hyphenated form, in either case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::ids::parse_hyphenated(text).map(Self)
    }

    /// Whether this service issued the id to `org`.
    #[must_use]
    pub fn was_issued_to(&self, org: OrgId, key: &SecretKey) -> bool {
        let bytes = self.0.into_bytes();
        bytes[DIGESTED..] == tag(key, org, &bytes)
    }

    /// The smallest id of its time: all ids issued before `at` are smaller.
    #[must_use]
    pub fn first_at(at: DateTime<Utc>) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis(at));
        Self(Uuid::from_bytes(bytes))
    }
}

fn millis(at: DateTime<Utc>) -> [u8; 6] {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    let mut low = [0; 6];
    low.copy_from_slice(&millis.to_be_bytes()[2..]);
    low
}

fn tag(key: &SecretKey, org: OrgId, bytes: &[u8; 16]) -> [u8; 4] {
    let context = Context::new(Purpose::OperationId).uuid(org.0);
    let digest = mac(key, &context, &bytes[..DIGESTED]);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// What a write waits for.
#[derive(Debug, Clone, Copy)]
pub struct Awaited {
    /// The operation whose row shows that a region has the write.
    pub operation: OperationId,
    /// Where the write ends in the primary's log; no region has it before that. The beginning when unknown.
    pub position: WalPosition,
}

wire_enum! {
    /// How far an operation has come.
    OperationState {
        /// Some regions do not have it yet.
        Pending = 1 => "pending",
        /// Every region has it.
        Applied = 2 => "applied",
        /// The primary does not have it: it was promoted before the write had reached it.
        Lost = 3 => "lost",
    }
}

/// How far an operation has come, in each region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationStatus {
    /// Over all regions.
    pub state: OperationState,
    /// In each.
    pub regions: BTreeMap<String, OperationState>,
}

/// How far a region is behind the primary.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionStatus {
    /// Its name.
    pub name: String,
    /// Whether its database answered last time.
    pub up: bool,
    /// Whether its database is the primary itself.
    pub primary: bool,
    /// Bytes of log that it has yet to replay; `None` before both databases have answered.
    pub lag_bytes: Option<u64>,
    /// Age of the newest write that it shows, 0 when it has everything; `None` when that is not known.
    pub lag: Option<Duration>,
    /// Requests that wait for it.
    pub waiting: u64,
}

/// The region that reads come from is further behind than its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// How far; `None` when that is not known.
    pub lag: Option<Duration>,
    /// Whether such reads are refused.
    pub refused: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::OsRandom;

    #[test]
    fn an_operations_id_names_its_organization_and_time() {
        let key = SecretKey::generate(&OsRandom).unwrap();
        let (ours, theirs) = (OrgId(Uuid::from_u128(1)), OrgId(Uuid::from_u128(2)));
        let now = DateTime::from_timestamp_millis(1_800_000_000_000).unwrap();
        let id = OperationId::new(&key, ours, now, &OsRandom).unwrap();
        let text = id.0.to_string();
        assert_eq!(id.0.get_version_num(), 8);
        assert_eq!(OperationId::parse(&text), Some(id));
        assert!(id.was_issued_to(ours, &key) && !id.was_issued_to(theirs, &key));
        assert!(!OperationId(Uuid::from_bytes([7; 16])).was_issued_to(ours, &key));
        let later = now + chrono::TimeDelta::milliseconds(1);
        assert!(OperationId::first_at(now) < id && id < OperationId::first_at(later));
    }
}
