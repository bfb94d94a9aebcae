//! The port for relay policies, and for the use of credentials without a reveal.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::caller::OrgScope;
use crate::ids::CredentialId;
use crate::ports::committed::Committed;
use crate::ports::error::StoreResult;
use crate::relay::stored::{CredentialWithPolicy, StoredPolicy, TrailedPolicy};
use crate::replication::OperationId;

/// What a credential is used with, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRows {
    /// The credential.
    pub id: CredentialId,
    /// The stamp of its row ([`StoredCredential::stamp`](crate::credential::StoredCredential)), or
    /// of its row and its policy ([`CredentialWithPolicy::stamp`]).
    pub stamp: Arc<str>,
}

/// Relay policies, and uses of credentials.
#[async_trait]
pub trait RelayStore: Send + Sync {
    /// A credential with its policy, from the database that credentials are read from.
    async fn credential_with_policy(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<CredentialWithPolicy>>;
    /// The same, as the primary has it.
    async fn current_policy(
        &self,
        scope: OrgScope,
        id: CredentialId,
    ) -> StoreResult<Option<CredentialWithPolicy>>;
    /// Stores the next version of a credential's policy.
    ///
    /// # Errors
    /// [`Conflict`](crate::ports::error::StoreError::Conflict) if there is a version as high,
    /// [`NotFound`](crate::ports::error::StoreError::NotFound) if there is no such credential,
    /// [`RetiredKey`](crate::ports::error::StoreError::RetiredKey).
    async fn write_policy(
        &self,
        scope: OrgScope,
        id: CredentialId,
        policy: StoredPolicy,
        operation: Option<OperationId>,
        event: Event,
    ) -> StoreResult<Committed>;
    /// Records the use of a credential, only while the primary has these rows.
    ///
    /// # Errors
    /// [`OutdatedRow`](crate::ports::error::StoreError::OutdatedRow) if one has changed.
    async fn record_use(&self, scope: OrgScope, used: ReadRows, event: Event) -> StoreResult<()>;
    /// Policies that no event recorded at or after `cut`, at most `limit` after an id.
    async fn unattested_policies(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: CredentialId,
        limit: i64,
    ) -> StoreResult<Vec<(CredentialId, TrailedPolicy)>>;
}
