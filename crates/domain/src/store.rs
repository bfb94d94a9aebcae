//! The ports: what the vault needs of a database. Only sealed bytes go through them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::{Digest, PassphraseParams, RootKeyId};
use uuid::Uuid;

use crate::api_key::StoredApiKey;
use crate::audit::{AuditStore, Event, Outcome};
use crate::caller::OrgScope;
use crate::counters::StoreStatus;
use crate::credential::{CredentialFilter, CredentialPage, Page, SealedCredential};
use crate::idempotency::{Claim, Earlier};
use crate::last_use::{LastUseStore, StoredCredential};
use crate::organization::Organization;
use crate::replication::{OperationId, OperationStore, WalPosition};
use crate::rotation::{
    RootKeyState, RootRotation, Rotation, RotationStart, RunningServer, ServerReport,
};
use crate::scrub::ScrubStore;
use crate::{CredentialId, KeyId, VaultError};

/// Why the database did not do what it was asked. Texts are for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot answer now; nothing was written.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The part of the database that this needs cannot be reached or does not answer in time; nothing was written.
    /// What needs other parts may go on.
    #[error("the organisation's part of the database is unavailable: {0}")]
    PartUnavailable(String),
    /// Something else holds what this needs; nothing was written. The same write may succeed soon.
    #[error("contended: {0}")]
    Contended(String),
    /// The organisation is deleted, or has no key any more; nothing was written.
    #[error("the organisation is deleted")]
    OrganizationGone,
    /// A stored row is not of the form that it was written in.
    #[error("a stored row is malformed: {0}")]
    Malformed(&'static str),
    /// The queue in front of the database is full; nothing was written.
    #[error("the queue is full")]
    Overloaded,
    /// The connection broke during COMMIT.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The row to change is not there; nothing was written.
    #[error("no such row")]
    NotFound,
    /// The write was sealed under a key generation that is not the active one; nothing was written.
    #[error("the organisation's key generation is not active")]
    RetiredKey,
    /// The idempotency key was used for another request; nothing was written.
    #[error("the idempotency key was used for another request")]
    ReusedIdempotencyKey,
    /// A unique key is taken; nothing was written.
    #[error("a unique key is taken")]
    Conflict,
    /// The change itself refused, having seen the row; nothing was written.
    #[error(transparent)]
    Refused(Box<VaultError>),
    /// Anything else: a defect, or a database that is not what was migrated.
    #[error("{0}")]
    Internal(String),
}

/// The result of a port's operation.
pub type StoreResult<T> = Result<T, StoreError>;

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

/// One generation of an organisation's key, wrapped by a root key.
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

/// A data key under another generation of its organisation's key.
#[derive(Debug)]
pub struct Rewrapped {
    /// The generation.
    pub key_generation: i32,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
}

/// Wraps a row's data key anew. May run more than once.
pub type RewrapFn = Arc<dyn Fn(&SealedCredential) -> Result<Rewrapped, VaultError> + Send + Sync>;

/// What a change makes of a row.
#[derive(Debug)]
pub struct ChangedCredential {
    /// The row to store.
    pub row: SealedCredential,
    /// The digest that its audit event carries.
    pub digest: Digest,
}

/// Makes the new row out of the current one, inside the transaction that holds it. May run more than once.
/// Fails with [`StoreError::Refused`] or [`StoreError::RetiredKey`], and then nothing is written.
pub type ChangeFn = Arc<dyn Fn(SealedCredential) -> StoreResult<ChangedCredential> + Send + Sync>;

/// What a look at a credential found, for its audit event.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// How the look ended.
    pub outcome: Outcome,
    /// The row's version, where there was one to read.
    pub version: Option<i64>,
}

/// Looks at a credential's row, or at its absence; [`StoreError::Malformed`] is shown to it as well. May run more than
/// once. Fails with [`StoreError::RetiredKey`] when the row needs a key that is not at hand, and then nothing is
/// recorded.
pub type LookFn =
    Arc<dyn Fn(StoreResult<Option<Arc<StoredCredential>>>) -> StoreResult<Seen> + Send + Sync>;

/// What a write leaves beside its rows, in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct Tracking {
    /// A row that shows where the write has arrived.
    pub operation: Option<OperationId>,
    /// A claim by which a repetition of the request is known; always with an operation.
    pub claim: Option<Claim>,
}

/// What is known of a write once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Where it ends in the primary's log, when somebody waits for it there.
    pub position: Option<WalPosition>,
    /// What an earlier request with the same claim did; this one then did nothing.
    pub earlier: Option<Earlier>,
}

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
    /// [`StoreError::Conflict`] when they are not in these states any more.
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
    /// Replaces wraps of the organisation's keys, each if it is still wrapped by the given root key.
    async fn rewrap_org_keys(
        &self,
        scope: OrgScope,
        keys: Vec<(RootKeyId, StoredOrgKey)>,
        event: Event,
    ) -> StoreResult<()>;
    /// Makes `key` the active generation in place of `previous`, and notes the rotation that this begins.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when `previous` is not the active one any more.
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
    /// The organisation's rotations, newest first.
    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<Rotation>>;
    /// Every organisation's rotations, newest first.
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
    /// [`StoreError::NotFound`] when there is no such inactive generation.
    async fn retire_org_key(
        &self,
        scope: OrgScope,
        generation: i32,
        event: Event,
    ) -> StoreResult<i64>;
}

/// Organisations, their keys, their credentials. Every write commits together with its audit event.
#[async_trait]
pub trait Store: AuditStore + RotationStore + ScrubStore + LastUseStore + OperationStore {
    /// Creates an organisation with its first key.
    async fn create_organization(
        &self,
        scope: OrgScope,
        organization: Organization,
        key: StoredOrgKey,
        event: Event,
    ) -> StoreResult<()>;
    /// All organisations, oldest first: the one door across tenants.
    async fn organizations(&self) -> StoreResult<Vec<Organization>>;
    /// Those that are deleted or destroyed, oldest first.
    async fn deleted_organizations(&self) -> StoreResult<Vec<Organization>>;
    /// The organisation, also a deleted one.
    async fn organization(&self, scope: OrgScope) -> StoreResult<Option<Organization>>;
    /// Deletes the organisation, until `destroy_after` in a way that can be taken back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not there or deleted already.
    async fn delete_organization(
        &self,
        scope: OrgScope,
        destroy_after: DateTime<Utc>,
        event: Event,
    ) -> StoreResult<()>;
    /// Restores a deleted organisation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not deleted, or destroyed.
    async fn restore_organization(&self, scope: OrgScope, event: Event) -> StoreResult<()>;
    /// Destroys a deleted organisation's keys, and with them everything they sealed, and revokes its API keys:
    /// `at_once`, or only if its grace period has ended.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not deleted, or destroyed already.
    async fn destroy_organization(
        &self,
        scope: OrgScope,
        at_once: bool,
        event: Event,
    ) -> StoreResult<()>;
    /// Removes what rows a destroyed organisation still has; can be repeated.
    async fn remove_rows(&self, scope: OrgScope) -> StoreResult<()>;
    /// All generations of the organisation's key.
    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredOrgKey>>;
    /// The generations that the replica shows which credentials are read from; `None` when that is the primary.
    async fn org_keys_of_replica(&self, scope: OrgScope) -> StoreResult<Option<Vec<StoredOrgKey>>>;

    /// Stores a new API key.
    async fn add_api_key(
        &self,
        scope: OrgScope,
        key: StoredApiKey,
        event: Event,
    ) -> StoreResult<()>;
    /// One API key.
    async fn api_key(&self, scope: OrgScope, id: KeyId) -> StoreResult<Option<StoredApiKey>>;
    /// All API keys of the organisation, oldest first.
    async fn api_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredApiKey>>;
    /// Revokes an API key and tells every server; a key revoked before keeps its first time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such key.
    async fn revoke_api_key(&self, scope: OrgScope, id: KeyId, event: Event) -> StoreResult<()>;

    /// Stores a new credential, unless an earlier request has claimed the same.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its user of the Pieces surface has one already,
    /// [`StoreError::ReusedIdempotencyKey`], [`StoreError::RetiredKey`].
    async fn insert_credential(
        &self,
        scope: OrgScope,
        row: SealedCredential,
        tracking: Tracking,
        event: Event,
    ) -> StoreResult<Committed>;
    /// One credential, with its last use.
    async fn credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<Arc<StoredCredential>>>;
    /// Shows one credential, with its last use, to `look`, and records the look. The event is durable when this returns.
    async fn look_at_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        look: LookFn,
        event: Event,
    ) -> StoreResult<()>;
    /// The credential of a user of the Pieces surface, as the primary has it.
    async fn credential_of_user(
        &self,
        scope: OrgScope,
        user: &str,
    ) -> StoreResult<Option<SealedCredential>>;
    /// Replaces a credential by what `change` makes of it; the row is locked meanwhile. The event gets the
    /// new row's version and digest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, [`StoreError::Refused`] when `change` refuses.
    async fn change_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        change: ChangeFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Deletes a credential. The event gets the deleted version, or says that there was none.
    async fn delete_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Deletes all credentials of the organisation: `event` is recorded, then one of `each` per credential.
    async fn delete_all_credentials(
        &self,
        scope: OrgScope,
        operation: Option<OperationId>,
        event: Event,
        each: Event,
    ) -> StoreResult<Committed>;
    /// One page of credentials, without secrets.
    async fn list_credentials(
        &self,
        scope: OrgScope,
        page: Page,
        filter: CredentialFilter,
    ) -> StoreResult<CredentialPage>;

    /// How its queues and connections stand now.
    fn status(&self) -> StoreStatus;

    /// A value that is another one after every change of an API key, an organisation or its key, but for new ones. None
    /// where the database has no such value.
    async fn key_epoch(&self) -> StoreResult<Option<Uuid>>;

    /// Whether the primary answers, and the replica where credentials are read from one.
    async fn ping(&self) -> StoreResult<()>;

    /// Records an event that belongs to no write.
    async fn record(&self, scope: OrgScope, event: Event) -> StoreResult<()>;
}
