//! The port of root keys and service keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;

use crate::keyring::stored::{StoredRootKey, StoredServiceKey};
use crate::ports::error::StoreResult;
use crate::rotation::{RootKeyState, RootRotation, RotationStart, RunningServer, ServerReport};

/// Root keys and service keys: what must be known before anything can be opened.
#[async_trait]
pub trait RootKeyStore: Send + Sync {
    /// All root keys, oldest first.
    async fn root_keys(&self) -> StoreResult<Vec<StoredRootKey>>;
    /// Stores the very first root key; leaves everything as it is when there is one already.
    async fn register_first_root_key(&self, key: &StoredRootKey) -> StoreResult<()>;
    /// All service keys.
    async fn service_keys(&self) -> StoreResult<Vec<StoredServiceKey>>;
    /// Stores a root key that servers shall learn before it becomes active.
    async fn prepare_root_key(&self, key: &StoredRootKey) -> StoreResult<()>;
    /// Makes a prepared root key the active one, and notes that `total` keys are to be re-wrapped. The one
    /// that was active is superseded.
    ///
    /// # Errors
    /// [`Conflict`](crate::ports::error::StoreError::Conflict) when they are not in these states any more.
    async fn activate_root_key(
        &self,
        id: RootKeyId,
        superseded: RootKeyId,
        start: RotationStart,
        total: i64,
    ) -> StoreResult<()>;
    /// Moves a root key from one state to another; whether it was in the first.
    async fn move_root_key(
        &self,
        id: RootKeyId,
        from: RootKeyState,
        to: RootKeyState,
    ) -> StoreResult<bool>;
    /// Replaces a service key's wrap if it is still wrapped by `from`.
    async fn rewrap_service_key(&self, key: &StoredServiceKey, from: RootKeyId) -> StoreResult<()>;
    /// Rotations of the root key, newest first.
    async fn root_rotations(&self) -> StoreResult<Vec<RootRotation>>;
    /// Takes over a rotation that nobody has worked on since `seen`; whether that was so.
    async fn claim_root_rotation(
        &self,
        id: RootKeyId,
        seen: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;
    /// Notes that `rows` more keys are re-wrapped, and that somebody works on it.
    async fn advance_root_rotation(
        &self,
        id: RootKeyId,
        rows: i64,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;
    /// Ends a rotation of the root key.
    async fn finish_root_rotation(&self, id: RootKeyId, now: DateTime<Utc>) -> StoreResult<()>;
    /// Says that a server runs, and what it holds.
    async fn report_server(&self, server: &ServerReport, now: DateTime<Utc>) -> StoreResult<()>;
    /// Servers that reported since a time.
    async fn servers(&self, since: DateTime<Utc>) -> StoreResult<Vec<RunningServer>>;
    /// Forgets a server that stops, and those not seen since a time.
    async fn forget_server(&self, id: uuid::Uuid, unseen_since: DateTime<Utc>) -> StoreResult<()>;
    /// Stores a service key; leaves the existing one when the purpose has one already.
    async fn add_service_key(&self, key: &StoredServiceKey) -> StoreResult<()>;
}
