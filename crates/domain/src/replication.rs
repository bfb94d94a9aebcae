//! Replication levels, operation ids, and the replication state of writes and regions.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_crypto::{Context, CryptoError, Purpose, RandomSource, SecretKey, mac};
use uuid::Uuid;

use crate::ids::OrgId;
use crate::kinds::wire_enum;

/// The time during which an operation can be queried, and a request repeated with its
/// `Idempotency-Key`.
pub const OPERATION_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// The regions that must confirm a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// The region that received the request.
    #[default]
    LocalRegion,
    /// All configured regions.
    AllRegions,
}

/// A position in the primary's write-ahead log, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct WalPosition(pub u64);

/// The id of a replicated write: UUID version 8 (RFC 9562 § 5.8). The first 48 bits are the Unix
/// time in milliseconds, as in version 7. The last 32 bits are a keyed digest, which distinguishes
/// a lost operation from one that never existed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct OperationId(pub Uuid);

/// The number of bytes of an id that the digest covers.
const DIGESTED: usize = 12;

impl OperationId {
    /// A new id of an operation of `org`.
    ///
    /// # Errors
    /// [`CryptoError::Random`] if the random source fails.
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

    /// Parses the hyphenated form, in upper or lower case. Returns `None` for any other form.
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

    /// The smallest id of the time `at`. All ids issued before `at` are smaller.
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

/// A committed write whose replication is awaited.
#[derive(Debug, Clone, Copy)]
pub struct PendingWrite {
    /// The operation. A region that shows its row has applied the write.
    pub operation: OperationId,
    /// The end of the write in the primary's log; 0 if unknown. No region applies the write before
    /// it reaches this position.
    pub position: WalPosition,
}

wire_enum! {
    /// The replication state of an operation.
    OperationState {
        /// Some regions have not applied it yet.
        Pending = 1 => "pending",
        /// All regions have applied it.
        Applied = 2 => "applied",
        /// The primary does not have it: it was promoted before it received the write.
        Lost = 3 => "lost",
    }
}

/// The replication state of an operation, in total and per region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationStatus {
    /// The state over all regions.
    pub state: OperationState,
    /// The state per region.
    pub regions: BTreeMap<String, OperationState>,
}

/// The replication status of a region.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionStatus {
    /// The name of the region.
    pub name: String,
    /// Whether its database answered the last query.
    pub up: bool,
    /// Whether its database is the primary.
    pub primary: bool,
    /// The size of the log that it has not replayed yet, in bytes; `None` before both databases
    /// have answered.
    pub lag_bytes: Option<u64>,
    /// The age of the newest write that it shows; 0 if it has applied all writes; `None` if
    /// unknown.
    pub lag: Option<Duration>,
    /// The number of requests that wait for the region.
    pub waiting: u64,
}

/// The region that serves reads lags further behind the primary than configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    /// The lag; `None` if unknown.
    pub lag: Option<Duration>,
    /// Whether reads are refused in this state.
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
