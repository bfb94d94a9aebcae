//! The port of organizations' keys that change.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::keyring::stored::{Rewrapped, StoredOrgKey};
use crate::ports::error::StoreResult;
use crate::rotation::{Rotation, RotationStart};

/// Wraps a row's data key anew. May run more than once.
pub type RewrapFn = Arc<dyn Fn(&SealedCredential) -> Result<Rewrapped, VaultError> + Send + Sync>;

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
    /// [`Conflict`](crate::ports::error::StoreError::Conflict) when `previous` is not the active one any more.
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
    /// [`NotFound`](crate::ports::error::StoreError::NotFound) when there is no such inactive generation.
    async fn retire_org_key(
        &self,
        scope: OrgScope,
        generation: i32,
        event: Event,
    ) -> StoreResult<i64>;
}
