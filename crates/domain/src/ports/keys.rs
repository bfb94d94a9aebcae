//! The port for root keys and service keys.

use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;

use crate::keyring::stored::{StoredRootKey, StoredServiceKey};
use crate::ports::error::StoreResult;
use crate::record_format::RecordFormat;
use crate::rotation::{RootRotation, RunningServer, ServerReport};

/// Root keys and service keys, which are required to open all other data.
#[async_trait]
pub trait RootKeyStore: Send + Sync {
    /// Whether there is an organization, also a deleted one.
    async fn has_organizations(&self) -> StoreResult<bool>;
    /// Lists all root keys, oldest first.
    async fn root_keys(&self) -> StoreResult<Vec<StoredRootKey>>;
    /// Stores the first root key. Changes nothing if a root key exists.
    async fn register_first_root_key(&self, key: &StoredRootKey) -> StoreResult<()>;
    /// Lists all service keys.
    async fn service_keys(&self) -> StoreResult<Vec<StoredServiceKey>>;
    /// Lists rotations of the root key, newest first.
    async fn root_rotations(&self) -> StoreResult<Vec<RootRotation>>;
    /// Takes over a rotation without progress since `updated_at`. Returns whether it succeeded.
    async fn claim_root_rotation(
        &self,
        id: RootKeyId,
        updated_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;
    /// Records that `rows` more keys were re-wrapped, and the time of this progress.
    async fn advance_root_rotation(
        &self,
        id: RootKeyId,
        rows: i64,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;
    /// Records that a server runs, and the root keys that it has loaded.
    async fn report_server(&self, server: &ServerReport, now: DateTime<Utc>) -> StoreResult<()>;
    /// Lists servers whose last report is in the time range `seen`.
    async fn servers(&self, seen: Range<DateTime<Utc>>) -> StoreResult<Vec<RunningServer>>;
    /// Deletes the report of a server that stops, and all reports outside the time range `kept`.
    async fn forget_server(&self, id: uuid::Uuid, kept: Range<DateTime<Utc>>) -> StoreResult<()>;
    /// The record format that servers write.
    async fn record_format(&self) -> StoreResult<RecordFormat>;
    /// Stores a service key. Keeps the existing one if the purpose has a key.
    async fn add_service_key(&self, key: &StoredServiceKey) -> StoreResult<()>;
}
