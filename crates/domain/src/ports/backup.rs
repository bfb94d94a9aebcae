//! The ports for backups: the source database, the backup file and the target database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strongroom_crypto::RootKeyId;
use uuid::Uuid;

use crate::api_key::StoredApiKey;
use crate::audit::event::Event;
use crate::audit::heads::LaneHead;
use crate::audit::stored::EventPosition;
use crate::backup::comparison::ExistingCredential;
use crate::backup::credential_record::CredentialRow;
use crate::backup::finding::BackupFinding;
use crate::backup::key_record::{AncestorRow, ApiKeyRow};
use crate::backup::oauth_record::OauthClientRow;
use crate::backup::record::{
    CheckpointRow, CredentialLastUsedRow, EventRow, Header, KeyLastUsedRow, OrgKeyRow,
    OrganizationRow, Record, RotationRow,
};
use crate::backup::root_record::{AuditLeafRow, AuditRootRow};
use crate::caller::OrgScope;
use crate::error::VaultError;
use crate::ids::{CredentialId, LaneId};
use crate::keyring::stored::{StoredOrgKey, StoredRootKey, StoredServiceKey};
use crate::organization::Organization;
use crate::ports::audit::HeadEvidence;
use crate::ports::error::StoreResult;
use crate::ports::scrub::{RowWithTrail, Trailed};

/// The rows of the service itself.
#[derive(Debug)]
pub struct BackupKeys {
    /// Root keys, oldest first.
    pub root_keys: Vec<StoredRootKey>,
    /// Service keys.
    pub service_keys: Vec<StoredServiceKey>,
    /// Rotations of the root key.
    pub root_rotations: Vec<RotationRow>,
}

/// A credential's stored row, and the scrub's view of it.
#[derive(Debug)]
pub struct CheckedRow {
    /// The stored row.
    pub row: CredentialRow,
    /// The row and its audit events, as the scrub reads them.
    pub with_trail: RowWithTrail,
}

/// A database of which backups are made.
#[async_trait]
pub trait BackupSource: Send + Sync {
    /// The schema version of this program.
    fn schema(&self) -> i32;
    /// Opens a consistent snapshot.
    async fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>>;
}

/// A consistent snapshot of a database. Pages are ordered by key; each starts `after` the last row
/// of the previous page.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// The rows of the service itself.
    async fn keys(&self) -> StoreResult<BackupKeys>;
    /// Lists all organizations, oldest first.
    async fn organizations(&self) -> StoreResult<Vec<OrganizationRow>>;
    /// Selects the organization to which all calls below apply.
    async fn enter(&self, scope: OrgScope) -> StoreResult<()>;
    /// The number of credentials and audit events.
    async fn count(&self, scope: OrgScope) -> StoreResult<u64>;
    /// All generations of the organization's key.
    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<OrgKeyRow>>;
    /// All ancestors.
    async fn ancestors(&self, scope: OrgScope) -> StoreResult<Vec<AncestorRow>>;
    /// All API keys.
    async fn api_keys(&self, scope: OrgScope) -> StoreResult<Vec<ApiKeyRow>>;
    /// All OAuth 2.0 clients. Access tokens are not backed up: clients obtain new ones.
    async fn oauth_clients(&self, scope: OrgScope) -> StoreResult<Vec<OauthClientRow>>;
    /// All rotations.
    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<RotationRow>>;
    /// Lists credentials, starting at the id `from` (inclusive).
    async fn credentials(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<CheckedRow>>;
    /// Lists credentials with write events, starting at the id `from` (inclusive).
    async fn trailed(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Trailed>>;
    /// Lists last-used times of credentials.
    async fn credentials_last_used(
        &self,
        scope: OrgScope,
        after: Uuid,
        limit: i64,
    ) -> StoreResult<Vec<CredentialLastUsedRow>>;
    /// Lists last-used times of API keys.
    async fn keys_last_used(
        &self,
        scope: OrgScope,
        after: Uuid,
        limit: i64,
    ) -> StoreResult<Vec<KeyLastUsedRow>>;
    /// Lists checkpoints, ordered by lane.
    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<CheckpointRow>>;
    /// Lists events, ordered by lane, number and time.
    async fn events(
        &self,
        scope: OrgScope,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<EventRow>>;
    /// Lists the signed roots of all audit trails.
    async fn audit_roots(&self) -> StoreResult<Vec<AuditRootRow>>;
    /// Lists leaves under signed roots, ordered by time.
    async fn audit_leaves(
        &self,
        scope: OrgScope,
        after: DateTime<Utc>,
        limit: i64,
    ) -> StoreResult<Vec<AuditLeafRow>>;
    /// Returns the evidence for each of `heads`.
    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>>;
    /// Closes the snapshot.
    async fn finish(self: Box<Self>) -> StoreResult<()>;
}

/// The destination of a backup.
pub trait BackupSink: Send {
    /// Writes the next line, which includes its line end.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the line cannot be written.
    fn put(&mut self, line: &[u8]) -> Result<(), VaultError>;
    /// Reports a finding.
    fn found(&mut self, finding: &BackupFinding);
    /// Reports the expected number of credentials and events.
    fn expect(&mut self, rows: u64);
    /// Reports that this many more of them were written.
    fn passed(&mut self, rows: u64);
}

/// Conditions that are checked at the end of a restore.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyChecks {
    /// This root key must be active.
    pub root_key: Option<RootKeyId>,
    /// This generation of the organization's key must be active.
    pub generation: Option<i32>,
}

/// The database into which a backup is restored.
#[async_trait]
pub trait RestoreTarget: Send + Sync {
    /// The names of the tables for which this role lacks the rights that a restore needs.
    async fn lacking_rights(&self) -> StoreResult<Vec<String>>;
    /// Atomically stores the rows of the service itself in a database that has none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::ports::error::StoreError::Conflict) if such rows exist.
    async fn install(&self, header: &Header) -> StoreResult<()>;
    /// Starts the restore of one organization. All its writes become visible together at
    /// [`OrgTarget::commit`].
    async fn open(&self, scope: OrgScope) -> StoreResult<Box<dyn OrgTarget>>;
}

/// One organization in the database into which a backup is restored.
#[async_trait]
pub trait OrgTarget: Send + Sync {
    /// The organization, including a deleted one.
    async fn organization(&self) -> StoreResult<Option<Organization>>;
    /// All generations of the organization's key.
    async fn org_keys(&self) -> StoreResult<Vec<StoredOrgKey>>;
    /// All API keys of the organization.
    async fn api_keys(&self) -> StoreResult<Vec<StoredApiKey>>;
    /// The credentials in `ids` that exist or existed.
    async fn credentials(&self, ids: &[CredentialId]) -> StoreResult<Vec<ExistingCredential>>;
    /// The existing events at these positions (lane and number), with their digests.
    async fn events(&self, positions: &[(LaneId, i64)])
    -> StoreResult<Vec<(LaneId, i64, Vec<u8>)>>;
    /// For each of these lanes with pruned events, the number of the last one.
    async fn pruned(&self, lanes: &[LaneId]) -> StoreResult<Vec<(LaneId, i64)>>;
    /// Inserts rows of one kind.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::ports::error::StoreError::Conflict) if one of them exists.
    async fn insert(&self, rows: &[Record]) -> StoreResult<()>;
    /// Replaces the credential with the same id.
    async fn replace(&self, row: &CredentialRow) -> StoreResult<()>;
    /// Records `events`, verifies `checks`, notifies the servers, and commits.
    async fn commit(self: Box<Self>, events: Vec<Event>, checks: KeyChecks) -> StoreResult<()>;
    /// Rolls back all writes.
    async fn abandon(self: Box<Self>) -> StoreResult<()>;
}
