//! The port for rotations of organizations' keys.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::history::StoredVersion;
use crate::ids::CredentialId;
use crate::keyring::stored::{Rewrapped, StoredOrgKey};
use crate::ports::committed::Committed;
use crate::ports::error::StoreResult;
use crate::relay::stored::StoredPolicy;
use crate::replication::OperationId;
use crate::rotation::{Rotation, RotationStart};

/// What a data key of a credential seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKeyOf {
    /// The current value.
    Current,
    /// The value with this version.
    Value(i64),
    /// The relay policy.
    Policy,
}

/// A credential with all that has data keys.
#[derive(Debug, Clone, Copy)]
pub struct Wrapped<'a> {
    /// Its row.
    pub row: &'a SealedCredential,
    /// Its other values.
    pub versions: &'a [StoredVersion],
    /// Its relay policy.
    pub policy: Option<&'a StoredPolicy>,
}

/// Re-wraps the data keys of a credential that are behind. May be called more than once.
pub type RewrapFn =
    Arc<dyn Fn(Wrapped<'_>) -> Result<Vec<(DataKeyOf, Rewrapped)>, VaultError> + Send + Sync>;

/// Rotations of organizations' keys and of the data keys that they wrap.
#[async_trait]
pub trait RotationStore: Send + Sync {
    /// Replaces the wrapped forms of the organization's keys, each if it is still wrapped with the
    /// given root key.
    async fn rewrap_org_keys(
        &self,
        scope: OrgScope,
        keys: Vec<(RootKeyId, StoredOrgKey)>,
        event: Event,
    ) -> StoreResult<()>;
    /// Makes `key` the active generation in place of `previous`, and records the rotation `start`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ports::error::StoreError::Conflict) if `previous` is no longer active.
    async fn start_rotation(
        &self,
        scope: OrgScope,
        (previous, key, start): (i32, StoredOrgKey, RotationStart),
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Waits until all transactions that may have written under a previous generation have ended.
    async fn await_writers(&self) -> StoreResult<()>;
    /// Lists the organization's rotations, newest first.
    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<Rotation>>;
    /// Lists the rotations of all organizations, newest first.
    async fn all_rotations(&self) -> StoreResult<Vec<Rotation>>;
    /// The number of credentials that are not under `generation`.
    async fn count_behind(&self, scope: OrgScope, generation: i32) -> StoreResult<i64>;
    /// Lists up to `limit` credentials after `after` that are not under `generation`.
    async fn behind(
        &self,
        scope: OrgScope,
        generation: i32,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<CredentialId>>;
    /// Re-wraps the data keys of those of `ids` that no other transaction has locked. Returns those
    /// that do not open.
    async fn rewrap_credentials(
        &self,
        scope: OrgScope,
        ids: &[CredentialId],
        rewrap: RewrapFn,
    ) -> StoreResult<Vec<CredentialId>>;
    /// Takes over a rotation without progress since `updated_at`. Returns whether it succeeded.
    async fn claim_rotation(
        &self,
        scope: OrgScope,
        generation: i32,
        updated_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;
    /// Records that `rows` more credentials are done, and the time of this progress.
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
    /// Destroys an inactive generation if no credential needs it. Otherwise, returns the number of
    /// credentials that need it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ports::error::StoreError::NotFound) if there is no such inactive
    /// generation.
    async fn retire_org_key(
        &self,
        scope: OrgScope,
        generation: i32,
        event: Event,
    ) -> StoreResult<i64>;
}
