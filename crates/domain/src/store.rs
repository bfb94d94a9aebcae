//! The ports: what the vault needs of a database. Only sealed bytes go through them.

mod changes;
mod keys;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::api_key::StoredApiKey;
use crate::audit::{AuditStore, Event};
use crate::caller::OrgScope;
use crate::counters::StoreStatus;
use crate::credential::{CredentialFilter, CredentialPage, Page, SealedCredential};
use crate::last_use::{LastUseStore, StoredCredential};
use crate::organization::Organization;
use crate::replication::{OperationId, OperationStore};
use crate::scrub::ScrubStore;
use crate::{CredentialId, KeyId, VaultError};

pub use changes::*;
pub use keys::*;

/// Why the database did not do what it was asked. Texts are for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot answer now; nothing was written.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The part of the database that this needs cannot be reached or does not answer in time; nothing was written.
    /// What needs other parts may go on.
    #[error("the organization's part of the database is unavailable: {0}")]
    PartUnavailable(String),
    /// Something else holds what this needs; nothing was written. The same write may succeed soon.
    #[error("contended: {0}")]
    Contended(String),
    /// The organization is deleted, or has no key any more; nothing was written.
    #[error("the organization is deleted")]
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
    #[error("the organization's key generation is not active")]
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

/// Organizations, their keys, their credentials. Every write commits together with its audit event.
#[async_trait]
pub trait Store: AuditStore + RotationStore + ScrubStore + LastUseStore + OperationStore {
    /// Creates an organization with its first key.
    async fn create_organization(
        &self,
        scope: OrgScope,
        organization: Organization,
        key: StoredOrgKey,
        event: Event,
    ) -> StoreResult<()>;
    /// All organizations, oldest first: the one door across tenants.
    async fn organizations(&self) -> StoreResult<Vec<Organization>>;
    /// Those that are deleted or destroyed, oldest first.
    async fn deleted_organizations(&self) -> StoreResult<Vec<Organization>>;
    /// The organization, also a deleted one.
    async fn organization(&self, scope: OrgScope) -> StoreResult<Option<Organization>>;
    /// Deletes the organization, until `destroy_after` in a way that can be taken back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not there or deleted already.
    async fn delete_organization(
        &self,
        scope: OrgScope,
        destroy_after: DateTime<Utc>,
        event: Event,
    ) -> StoreResult<()>;
    /// Restores a deleted organization.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not deleted, or destroyed.
    async fn restore_organization(&self, scope: OrgScope, event: Event) -> StoreResult<()>;
    /// Destroys a deleted organization's keys, and with them everything they sealed, and revokes its API keys:
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
    /// Removes what rows a destroyed organization still has; can be repeated.
    async fn remove_rows(&self, scope: OrgScope) -> StoreResult<()>;
    /// All generations of the organization's key.
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
    /// All API keys of the organization, oldest first.
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
    /// Deletes all credentials of the organization: `event` is recorded, then one of `each` per credential.
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

    /// A value that is another one after every change of an API key, an organization or its key, but for new ones. None
    /// where the database has no such value.
    async fn key_epoch(&self) -> StoreResult<Option<Uuid>>;

    /// Whether the primary answers, and the replica where credentials are read from one.
    async fn ping(&self) -> StoreResult<()>;

    /// Records an event that belongs to no write.
    async fn record(&self, scope: OrgScope, event: Event) -> StoreResult<()>;
}
