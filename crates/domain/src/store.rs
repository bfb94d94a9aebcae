//! The ports: what the vault needs of a database. Only sealed bytes go through them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::{Digest, PassphraseParams, RootKeyId};

use crate::api_key::StoredApiKey;
use crate::audit::{AuditStore, Event};
use crate::caller::OrgScope;
use crate::credential::{CredentialFilter, CredentialPage, Page, SealedCredential};
use crate::organization::Organization;
use crate::{CredentialId, KeyId, VaultError};

/// Why the database did not do what it was asked. Texts are for the log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot answer now; nothing was written.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Something else holds what this needs; nothing was written. The same write may succeed soon.
    #[error("contended: {0}")]
    Contended(String),
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

/// Root keys and service keys: what must be known before anything can be opened.
#[async_trait]
pub trait RootKeyStore: Send + Sync {
    /// All root keys, oldest first.
    async fn root_keys(&self) -> StoreResult<Vec<StoredRootKey>>;
    /// Stores the very first root key; leaves everything as it is when there is one already.
    async fn register_first_root_key(&self, key: &StoredRootKey) -> StoreResult<()>;
    /// All service keys.
    async fn service_keys(&self) -> StoreResult<Vec<StoredServiceKey>>;
    /// Stores a service key; leaves the existing one when the purpose has one already.
    async fn add_service_key(&self, key: &StoredServiceKey) -> StoreResult<()>;
}

/// Organisations, their keys, their credentials. Every write commits together with its audit event.
#[async_trait]
pub trait Store: AuditStore {
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
    /// Whether the organisation exists.
    async fn organization_exists(&self, scope: OrgScope) -> StoreResult<bool>;
    /// All generations of the organisation's key.
    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<StoredOrgKey>>;

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

    /// Stores a new credential.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its user of the Pieces surface has one already,
    /// [`StoreError::RetiredKey`].
    async fn insert_credential(
        &self,
        scope: OrgScope,
        row: SealedCredential,
        event: Event,
    ) -> StoreResult<()>;
    /// One credential.
    async fn credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<Arc<SealedCredential>>>;
    /// The credential of a user of the Pieces surface.
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
        event: Event,
    ) -> StoreResult<()>;
    /// Deletes a credential. The event gets the deleted version, or says that there was none.
    async fn delete_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        event: Event,
    ) -> StoreResult<()>;
    /// Deletes all credentials of the organisation: `event` is recorded, then one of `each` per credential.
    async fn delete_all_credentials(
        &self,
        scope: OrgScope,
        event: Event,
        each: Event,
    ) -> StoreResult<()>;
    /// One page of credentials, without secrets.
    async fn list_credentials(
        &self,
        scope: OrgScope,
        page: Page,
        filter: CredentialFilter,
    ) -> StoreResult<CredentialPage>;

    /// Whether the database answers.
    async fn ping(&self) -> StoreResult<()>;

    /// Records an event that belongs to no write.
    async fn record(&self, scope: OrgScope, event: Event) -> StoreResult<()>;
}
