//! The port for numbers about an organization.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::caller::OrgScope;
use crate::credential::CredentialFilter;
use crate::overview::CredentialCounts;
use crate::ports::error::StoreResult;

/// Counts what an organization has.
#[async_trait]
pub trait OverviewStore: Send + Sync {
    /// Counts the organization's credentials that match `filter` and are not deleted, as they stand
    /// at `now`.
    async fn credential_counts(
        &self,
        scope: OrgScope,
        filter: &CredentialFilter,
        now: DateTime<Utc>,
    ) -> StoreResult<CredentialCounts>;
}
