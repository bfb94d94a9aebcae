//! What backing up and restoring need of a database, and of a file.

use async_trait::async_trait;
use strongroom_crypto::RootKeyId;
use uuid::Uuid;

use crate::api_key::StoredApiKey;
use crate::audit::event::Event;
use crate::audit::heads::LaneHead;
use crate::audit::stored::EventPlace;
use crate::backup::finding::BackupFinding;
use crate::backup::record::{
    ApiKeyRow, CheckpointRow, CredentialLastUsedRow, CredentialRow, EventRow, Header,
    KeyLastUsedRow, OrgKeyRow, OrganizationRow, Record, RotationRow,
};
use crate::backup::rules::Present;
use crate::caller::OrgScope;
use crate::error::VaultError;
use crate::ids::{CredentialId, LaneId};
use crate::keyring::stored::{StoredOrgKey, StoredRootKey, StoredServiceKey};
use crate::organization::Organization;
use crate::ports::audit::HeadEvidence;
use crate::ports::error::StoreResult;
use crate::ports::scrub::{RowWithTrail, Trailed};

/// The service's own rows.
#[derive(Debug)]
pub struct BackupKeys {
    /// Root keys, oldest first.
    pub root_keys: Vec<StoredRootKey>,
    /// Service keys.
    pub service_keys: Vec<StoredServiceKey>,
    /// Rotations of the root key.
    pub root_rotations: Vec<RotationRow>,
}

/// A credential's row as it is, beside what the scrub says of it.
#[derive(Debug)]
pub struct CheckedRow {
    /// The row as it is stored.
    pub row: CredentialRow,
    /// What the scrub reads of it.
    pub with_trail: RowWithTrail,
}

/// Gives snapshots of a database.
#[async_trait]
pub trait BackupSource: Send + Sync {
    /// The schema's version that this program knows.
    fn schema(&self) -> i32;
    /// Opens a snapshot: everything read from it is of one moment.
    async fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>>;
}

/// One moment of a database. Pages are in the order of their keys, each `after` the last row of the page before.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// The service's own rows.
    async fn keys(&self) -> StoreResult<BackupKeys>;
    /// Every organization, oldest first.
    async fn organizations(&self) -> StoreResult<Vec<OrganizationRow>>;
    /// Goes to the rows of one organization, to which all calls below belong.
    async fn enter(&self, scope: OrgScope) -> StoreResult<()>;
    /// How many credentials and audit events there are.
    async fn count(&self, scope: OrgScope) -> StoreResult<u64>;
    /// All generations of the organization's key.
    async fn org_keys(&self, scope: OrgScope) -> StoreResult<Vec<OrgKeyRow>>;
    /// All API keys.
    async fn api_keys(&self, scope: OrgScope) -> StoreResult<Vec<ApiKeyRow>>;
    /// All rotations.
    async fn rotations(&self, scope: OrgScope) -> StoreResult<Vec<RotationRow>>;
    /// Credentials from an id on.
    async fn credentials(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<CheckedRow>>;
    /// Credentials that the trail says were written, from an id on.
    async fn trailed(
        &self,
        scope: OrgScope,
        from: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<Trailed>>;
    /// Last uses of credentials.
    async fn credential_uses(
        &self,
        scope: OrgScope,
        after: Uuid,
        limit: i64,
    ) -> StoreResult<Vec<CredentialLastUsedRow>>;
    /// Last uses of API keys.
    async fn keys_last_used(
        &self,
        scope: OrgScope,
        after: Uuid,
        limit: i64,
    ) -> StoreResult<Vec<KeyLastUsedRow>>;
    /// Checkpoints by lane.
    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<CheckpointRow>>;
    /// Events by lane, number and time.
    async fn events(
        &self,
        scope: OrgScope,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<EventRow>>;
    /// What there is to show for heads that were named.
    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>>;
    /// Ends it.
    async fn finish(self: Box<Self>) -> StoreResult<()>;
}

/// Where a backup goes.
pub trait BackupSink: Send {
    /// Takes the next line, with its end.
    ///
    /// # Errors
    /// [`VaultError::Internal`] when it cannot be written.
    fn put(&mut self, line: &[u8]) -> Result<(), VaultError>;
    /// Something does not verify.
    fn found(&mut self, finding: &BackupFinding);
    /// So many credentials and events are to come.
    fn expect(&mut self, rows: u64);
    /// So many more of them were taken.
    fn passed(&mut self, rows: u64);
}

/// What must still hold when everything is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyChecks {
    /// This root key is the active one.
    pub root_key: Option<RootKeyId>,
    /// This generation of the organization's key is the active one.
    pub generation: Option<i32>,
}

/// The database that is restored into.
#[async_trait]
pub trait RestoreTarget: Send + Sync {
    /// Names of the tables that this role may not write to as a restore has to.
    async fn lacking_rights(&self) -> StoreResult<Vec<String>>;
    /// Stores the service's own rows in a database that has none, all or none of them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::ports::error::StoreError::Conflict) when it has some.
    async fn install(&self, header: &Header) -> StoreResult<()>;
    /// Begins with one organization: all that is written until [`OrgTarget::commit`] is there at once or not at all.
    async fn open(&self, scope: OrgScope) -> StoreResult<Box<dyn OrgTarget>>;
}

/// One organization in the database that is restored into.
#[async_trait]
pub trait OrgTarget: Send + Sync {
    /// The organization, also a deleted one.
    async fn organization(&self) -> StoreResult<Option<Organization>>;
    /// All generations of its key.
    async fn org_keys(&self) -> StoreResult<Vec<StoredOrgKey>>;
    /// All its API keys.
    async fn api_keys(&self) -> StoreResult<Vec<StoredApiKey>>;
    /// Those of `ids` that are or were there.
    async fn credentials(&self, ids: &[CredentialId]) -> StoreResult<Vec<Present>>;
    /// Those events of these lanes and numbers that are there, with their digests.
    async fn events(&self, places: &[(LaneId, i64)]) -> StoreResult<Vec<(LaneId, i64, Vec<u8>)>>;
    /// Up to which number the events of these lanes were pruned, if they were.
    async fn pruned(&self, lanes: &[LaneId]) -> StoreResult<Vec<(LaneId, i64)>>;
    /// Stores rows, all of one kind.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](crate::ports::error::StoreError::Conflict) when one of them is there.
    async fn insert(&self, rows: &[Record]) -> StoreResult<()>;
    /// Puts a row in the place of the credential of its id.
    async fn replace(&self, row: &CredentialRow) -> StoreResult<()>;
    /// Records `event`, checks the keys, tells the servers, and makes all of it durable.
    async fn commit(self: Box<Self>, event: Event, checks: KeyChecks) -> StoreResult<()>;
    /// Leaves nothing behind.
    async fn abandon(self: Box<Self>) -> StoreResult<()>;
}
