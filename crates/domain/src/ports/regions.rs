//! The port for replication to regions.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::caller::OrgScope;
use crate::ports::error::StoreResult;
use crate::replication::{Level, OperationId, PendingWrite, RegionStatus, Stale};

/// The regions to which writes are replicated.
#[async_trait]
pub trait Regions: Send + Sync {
    /// The names of the regions that must confirm a write of this level; empty if the primary
    /// suffices.
    fn required_regions(&self, level: Level) -> Vec<String>;
    /// Waits until `regions` show the operation, at most for `timeout`. Returns the names of those
    /// that do not.
    async fn wait(
        &self,
        scope: OrgScope,
        write: PendingWrite,
        regions: &[String],
        timeout: Duration,
    ) -> Vec<String>;
    /// Queries every region whether it shows the operation. A region that cannot be queried counts
    /// as not showing it.
    async fn shown_by_region(
        &self,
        scope: OrgScope,
        operation: OperationId,
    ) -> BTreeMap<String, bool>;
    /// The replication status of each region.
    fn status(&self) -> Vec<RegionStatus>;
    /// The lag of the region that serves reads, if it exceeds the configured bound.
    fn stale(&self) -> Option<Stale>;
}

/// The stored operations.
#[async_trait]
pub trait OperationStore: Send + Sync {
    /// Whether the primary has this operation of the organization.
    async fn has_operation(&self, scope: OrgScope, operation: OperationId) -> StoreResult<bool>;
    /// Deletes operations of these organizations before `before`, and idempotency records that
    /// expired before `now`.
    async fn forget_operations(
        &self,
        scopes: &[OrgScope],
        before: OperationId,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;
}
