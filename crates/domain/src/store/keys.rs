use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::{PassphraseParams, RootKeyId};

use super::StoreResult;
use crate::audit::Event;
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::rotation::{
    RootKeyState, RootRotation, Rotation, RotationStart, RunningServer, ServerReport,
};
use crate::{CredentialId, VaultError};

/// A root key that the database knows: never the key, only how to tell it.
#[derive(Debug, Clone)]
pub struct StoredRootKey {
    /// Its id.
    pub id: RootKeyId,
    /// The value by which a loaded key of this id is checked.
    pub check_value: Vec<u8>,
    /// How to derive it, when it is a passphrase.
    pub passphrase: Option<PassphraseParams>,
    /// Where it stands in its life.
    pub state: RootKeyState,
    /// When it was first used.
    pub created_at: DateTime<Utc>,
}

/// A service-wide key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct StoredServiceKey {
    /// What it is for.
    pub purpose: String,
    /// The root key that wraps it.
    pub root_key: RootKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// One generation of an organization's key, wrapped by a root key.
#[derive(Debug, Clone)]
pub struct StoredOrgKey {
    /// From 1 upwards.
    pub generation: i32,
    /// The root key that wraps it.
    pub root_key: RootKeyId,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// Whether new data keys are wrapped by it. One generation is active at a time.
    pub active: bool,
}

/// A data key under another generation of its organization's key.
#[derive(Debug)]
pub struct Rewrapped {
    /// The generation.
    pub key_generation: i32,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
}

/// Wraps a row's data key anew. May run more than once.
pub type RewrapFn = Arc<dyn Fn(&SealedCredential) -> Result<Rewrapped, VaultError> + Send + Sync>;

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
    /// [`Conflict`](super::StoreError::Conflict) when they are not in these states any more.
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

/// Keys that change: new generations, and what is wrapped by them.
#[async_trait]
pub trait RotationStore: Send + Sync {
    /// Replaces wraps of the organization's keys, each if it is still wrapped by the given root key.
    async fn rewrap_org_keys(
        &self,
        scope: OrgScope,
        keys: Vec<(RootKeyId, StoredOrgKey)>,
        event: Event,
    ) -> StoreResult<()>;
    /// Makes `key` the active generation in place of `previous`, and notes the rotation that this begins.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreError::Conflict) when `previous` is not the active one any more.
    async fn start_rotation(
        &self,
        scope: OrgScope,
        previous: i32,
        key: StoredOrgKey,
        start: RotationStart,
        event: Event,
    ) -> StoreResult<()>;
    /// Returns when every transaction that may have written under a generation that was active before has
    /// ended.
    async fn await_writers(&self) -> StoreResult<()>;
    /// The organization's rotations, newest first.
    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<Rotation>>;
    /// Every organization's rotations, newest first.
    async fn all_rotations(&self) -> StoreResult<Vec<Rotation>>;
    /// How many credentials are not under `generation`.
    async fn count_behind(&self, scope: OrgScope, generation: i32) -> StoreResult<i64>;
    /// Up to `limit` credentials after `after` that are not under `generation`.
    async fn behind(
        &self,
        scope: OrgScope,
        generation: i32,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<CredentialId>>;
    /// Wraps the data keys of those of `ids` that no other transaction holds anew.
    async fn rewrap_credentials(
        &self,
        scope: OrgScope,
        ids: &[CredentialId],
        rewrap: RewrapFn,
    ) -> StoreResult<()>;
    /// Takes over a rotation that nobody has worked on since `seen`; whether that was so.
    async fn claim_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        seen: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;
    /// Notes that `rows` more credentials are done, and that somebody works on it.
    async fn advance_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        rows: i64,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;
    /// Ends a rotation.
    async fn finish_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;
    /// Destroys an inactive generation that no credential needs; else returns how many need it.
    ///
    /// # Errors
    /// [`NotFound`](super::StoreError::NotFound) when there is no such inactive generation.
    async fn retire_org_key(
        &self,
        scope: OrgScope,
        generation: i32,
        event: Event,
    ) -> StoreResult<i64>;
}
