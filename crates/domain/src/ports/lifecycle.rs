//! The port for what becomes of credentials: their other values, their deletion, their expiry.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::caller::OrgScope;
use crate::credential::{CredentialFilter, SealedCredential};
use crate::history::Current;
use crate::ids::CredentialId;
use crate::ports::audit::{EventEvidence, LastRead, ValueWrite};
use crate::ports::error::StoreResult;

/// The days for which [`LifecycleCounts::expiring`] counts.
pub const EXPIRY_WINDOWS: [i64; 4] = [0, 7, 30, 90];

/// A deleted credential in the order in which windows end.
pub type PurgePlace = (DateTime<Utc>, CredentialId);

/// Numbers of credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LifecycleCounts {
    /// Those that expire within each of [`EXPIRY_WINDOWS`], with those that have expired.
    pub expiring: [i64; 4],
    /// Those that are deleted and can be restored.
    pub deleted: i64,
    /// Those of them whose window has ended.
    pub purge_due: i64,
}

/// Reads about other values and deletions of credentials.
#[async_trait]
pub trait LifecycleStore: Send + Sync {
    /// The newest events of the deletion of a credential, newest first, each with what proves it.
    async fn deletions(&self, scope: OrgScope, id: CredentialId)
    -> StoreResult<Vec<EventEvidence>>;
    /// At most `limit` deleted credentials of the organization whose window ended before `now`,
    /// after a place in the order of these ends.
    async fn purge_due(
        &self,
        scope: OrgScope,
        now: DateTime<Utc>,
        after: Option<PurgePlace>,
        limit: i64,
    ) -> StoreResult<Vec<PurgePlace>>;
    /// At most `limit` deleted credentials after an id, of which no deletion is recorded at or
    /// after `cut`.
    async fn unattested_deletions(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<SealedCredential>>;
    /// A credential with its other values, also a deleted one, as the primary has it or, with
    /// `replica`, as the database has it that credentials are read from.
    async fn current(
        &self,
        scope: OrgScope,
        id: CredentialId,
        replica: bool,
    ) -> StoreResult<Option<Current>>;
    /// The writes of a credential, and who revealed its current value last, from the audit trail.
    async fn adoption(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<(Vec<ValueWrite>, Vec<LastRead>)>;
    /// The first `limit` credentials that match `filter`, from the primary or, with `replica`, from
    /// the database that credentials are read from.
    async fn labeled(
        &self,
        scope: OrgScope,
        filter: &CredentialFilter,
        limit: i64,
        replica: bool,
    ) -> StoreResult<Vec<CredentialId>>;
    /// At most `limit` credentials after an id that have more than `kept` former values.
    async fn versions_beyond(
        &self,
        scope: OrgScope,
        kept: i64,
        after: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<CredentialId>>;
}

/// Counts credentials.
#[async_trait]
pub trait CredentialCounter: Send + Sync {
    /// The numbers of the credentials of all these organizations.
    async fn lifecycle_counts(
        &self,
        scopes: &[OrgScope],
        now: DateTime<Utc>,
    ) -> StoreResult<LifecycleCounts>;
}
