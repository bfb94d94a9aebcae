//! The port for root keys and service keys.

use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;

use crate::keyring::stored::{StoredRootKey, StoredServiceKey};
use crate::ports::error::StoreResult;
use crate::record_format::RecordFormat;
use crate::rotation::{RootKeyState, RootRotation, RotationStart, RunningServer, ServerReport};

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
    /// Stores a root key in the state `prepared`, so that servers load it before it becomes active.
    async fn prepare_root_key(&self, key: &StoredRootKey) -> StoreResult<()>;
    /// Activates a prepared root key, supersedes the active one, and records a rotation of `total`
    /// keys.
    ///
    /// # Errors
    /// [`Conflict`](crate::ports::error::StoreError::Conflict) if either key is no longer in the
    /// expected state.
    async fn activate_root_key(
        &self,
        id: RootKeyId,
        superseded: RootKeyId,
        start: RotationStart,
        total: i64,
    ) -> StoreResult<()>;
    /// Changes the state of a root key. Returns whether it was in the state `from`.
    async fn move_root_key(
        &self,
        id: RootKeyId,
        from: RootKeyState,
        to: RootKeyState,
    ) -> StoreResult<bool>;
    /// Replaces the wrapped form of a service key if it is still wrapped with `from`.
    async fn rewrap_service_key(&self, key: &StoredServiceKey, from: RootKeyId) -> StoreResult<()>;
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
    /// Ends a rotation of the root key.
    async fn finish_root_rotation(&self, id: RootKeyId, now: DateTime<Utc>) -> StoreResult<()>;
    /// Records that a server runs, and the root keys that it has loaded.
    async fn report_server(&self, server: &ServerReport, now: DateTime<Utc>) -> StoreResult<()>;
    /// Lists servers whose last report is in the time range `seen`.
    async fn servers(&self, seen: Range<DateTime<Utc>>) -> StoreResult<Vec<RunningServer>>;
    /// Deletes the report of a server that stops, and all reports outside the time range `kept`.
    async fn forget_server(&self, id: uuid::Uuid, kept: Range<DateTime<Utc>>) -> StoreResult<()>;
    /// The record format that servers write.
    async fn record_format(&self) -> StoreResult<RecordFormat>;
    /// Advances the record format to `to`, unless it is higher.
    async fn advance_record_format(&self, to: RecordFormat) -> StoreResult<()>;
    /// Stores a service key. Keeps the existing one if the purpose has a key.
    async fn add_service_key(&self, key: &StoredServiceKey) -> StoreResult<()>;
}
