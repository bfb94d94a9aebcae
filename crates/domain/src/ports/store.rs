//! The ports: what the vault needs of a database. Only sealed bytes go through them.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_crypto::Digest;
use uuid::Uuid;

use crate::api_key::reach::CredentialReach;
use crate::audit::details::Details;
use crate::audit::event::{Event, Outcome};
use crate::caller::OrgScope;
use crate::credential::{
    CredentialFilter, CredentialPage, Page, Removal, Reveal, SealedCredential, StoredCredential,
};
use crate::error::VaultError;
use crate::health::status::StoreStatus;
use crate::history::{Current, VersionChanges};
use crate::idempotency::IdempotencyRecord;
use crate::ids::CredentialId;
use crate::ports::actor_names::ActorNameStore;
use crate::ports::audit::{AuditPruneStore, AuditStore};
use crate::ports::audit_roots::AuditRootStore;
pub use crate::ports::committed::Committed;
use crate::ports::console_sessions::ConsoleSessionStore;
use crate::ports::daily_totals::DailyTotalsStore;
use crate::ports::error::StoreResult;
use crate::ports::installation::InstallationStore;
use crate::ports::last_used::LastUsedStore;
use crate::ports::lifecycle::{CredentialCounter, LifecycleStore};
use crate::ports::oauth::OauthStore;
use crate::ports::organizations::OrganizationStore;
use crate::ports::overview::OverviewStore;
use crate::ports::regions::OperationStore;
use crate::ports::relay::RelayStore;
use crate::ports::rotation::RotationStore;
use crate::ports::scrub::ScrubStore;
use crate::replication::OperationId;

/// Credentials. Every write commits together with its audit event.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// Stores a new credential, unless an earlier request has claimed the same.
    ///
    /// # Errors
    /// `StoreError::Conflict` when its user of the Pieces surface has one already,
    /// `StoreError::ReusedIdempotencyKey`, `StoreError::RetiredKey`.
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
    /// Looks a credential up, opens it with `open`, and returns what that yielded once the audit
    /// event of it is durable. With `known`, that is opened, if the primary still has it.
    ///
    /// # Errors
    /// [`OutdatedRow`](crate::ports::error::StoreError::OutdatedRow) if `known` has changed; the
    /// error of `open`.
    async fn reveal_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        known: Option<Arc<StoredCredential>>,
        open: OpenFn,
        event: Event,
    ) -> StoreResult<Opened>;
    /// The credential of a user of the Pieces surface, as the primary has it.
    async fn credential_of_user(
        &self,
        scope: OrgScope,
        user: &str,
    ) -> StoreResult<Option<SealedCredential>>;
    /// Replaces a credential by what `change` makes of it; the row is locked meanwhile. The event
    /// gets the new row's version and digest.
    ///
    /// # Errors
    /// `StoreError::NotFound` when there is none, `StoreError::Refused` when `change` refuses.
    async fn change_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        change: ChangeFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Replaces a deleted credential by what `change` makes of it, and makes it live.
    ///
    /// # Errors
    /// As for [`Self::change_credential`]; `StoreError::Conflict` when its user of the Pieces
    /// surface has another one.
    async fn restore_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        change: ChangeFn,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Deletes a credential, if `admit` admits it. The event gets the deleted version, or says that
    /// there was none.
    ///
    /// # Errors
    /// `StoreError::Refused` when `admit` refuses.
    async fn delete_credential(
        &self,
        scope: OrgScope,
        id: CredentialId,
        (removal, admit): (Removal, DeleteFn),
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Deletes all credentials of the organization that `reach` contains: `event` is recorded, then
    /// one of `each` per credential.
    async fn delete_all_credentials(
        &self,
        scope: OrgScope,
        (removal, reach): (Removal, Option<CredentialReach>),
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
}

/// All that the vault needs of its database.
#[async_trait]
pub trait Store:
    OrganizationStore
    + ActorNameStore
    + CredentialStore
    + InstallationStore
    + AuditStore
    + AuditPruneStore
    + AuditRootStore
    + RotationStore
    + ScrubStore
    + LastUsedStore
    + LifecycleStore
    + ConsoleSessionStore
    + CredentialCounter
    + DailyTotalsStore
    + OauthStore
    + OperationStore
    + OverviewStore
    + RelayStore
{
    /// How its queues and connections stand now.
    fn status(&self) -> StoreStatus;

    /// A value that is another one after every change of an API key, an organization or its key,
    /// but for new ones. None where the database has no such value.
    async fn key_epoch(&self) -> StoreResult<Option<Uuid>>;

    /// Whether the primary answers, and the replica where credentials are read from one.
    async fn ping(&self) -> StoreResult<()>;

    /// Records an event that is itself a change, which regions may be watched for.
    async fn record_tracked(
        &self,
        scope: OrgScope,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;

    /// Records an event that belongs to no write.
    async fn record(&self, scope: OrgScope, event: Event) -> StoreResult<()>;
}

/// What a change makes of a credential.
#[derive(Debug)]
pub struct ChangedCredential {
    /// The row to store.
    pub row: SealedCredential,
    /// The digest that its audit event carries.
    pub digest: Digest,
    /// The changes of its other values.
    pub versions: VersionChanges,
    /// Further members of the audit event.
    pub details: Option<Details>,
}

/// Makes the new row out of the current one, inside the transaction that holds it. May run more
/// than once. Fails with [`Refused`](crate::ports::error::StoreError::Refused) or
/// [`RetiredKey`](crate::ports::error::StoreError::RetiredKey), and then nothing is written.
pub type ChangeFn = Arc<dyn Fn(Current) -> StoreResult<ChangedCredential> + Send + Sync>;

/// Decides about the deletion of the current row, of a missing one, or of one that cannot be read
/// ([`Malformed`](crate::ports::error::StoreError::Malformed)). With
/// [`NotFound`](crate::ports::error::StoreError::NotFound), the row counts as missing, which is not
/// an error; with [`Refused`](crate::ports::error::StoreError::Refused), nothing is deleted.
pub type DeleteFn =
    Arc<dyn Fn(StoreResult<Option<SealedCredential>>) -> StoreResult<()> + Send + Sync>;

/// A credential that was opened for its caller, or why it was not. The store carries it from the
/// lookup to the commit of its event, and cannot read it.
#[derive(Debug)]
pub struct Opened {
    pub(crate) revealed: Result<Reveal, VaultError>,
    /// The row that was opened.
    pub(crate) row: Option<Arc<StoredCredential>>,
}

/// What an attempt to open a credential yields.
#[derive(Debug)]
pub struct RevealOutcome {
    /// The outcome, for the audit event.
    pub outcome: Outcome,
    /// The versions of the row and of its value, where there was a row to read.
    pub version: Option<(i64, i64)>,
    /// What the caller gets once that event is durable.
    pub opened: Opened,
}

impl RevealOutcome {
    /// `event`, completed with the outcome and the versions.
    #[must_use]
    pub fn completed(&self, event: Event) -> Event {
        let event = event.with_outcome(self.outcome);
        match self.version {
            Some((version, value_version)) => event.of_version(version, value_version),
            None => event,
        }
    }
}

/// Opens a credential's row, or notes its absence; is called with
/// [`Malformed`](crate::ports::error::StoreError::Malformed) as well. May run more than once. Fails
/// with [`RetiredKey`](crate::ports::error::StoreError::RetiredKey) when the row needs a key that
/// is not at hand, and then nothing is recorded.
pub type OpenFn = Arc<
    dyn Fn(StoreResult<Option<Arc<StoredCredential>>>) -> StoreResult<RevealOutcome> + Send + Sync,
>;

/// What a write leaves beside its rows, in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct Tracking {
    /// A row that shows where the write has arrived.
    pub operation: Option<OperationId>,
    /// The record by which a repeated request is recognized; always with an operation.
    pub idempotency: Option<IdempotencyRecord>,
}
