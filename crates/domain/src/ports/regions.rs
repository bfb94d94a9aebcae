//! The port to the regions that writes are replicated to.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::caller::OrgScope;
use crate::ports::error::StoreResult;
use crate::replication::{Awaited, Level, OperationId, RegionStatus, Stale};

/// The regions that writes travel to.
#[async_trait]
pub trait Regions: Send + Sync {
    /// The names of the regions that must have a write of this level; none where the primary alone counts.
    fn awaited(&self, level: Level) -> Vec<String>;
    /// Waits until `regions` show the operation, at most for `patience`; the names of those that do not.
    async fn wait(
        &self,
        scope: OrgScope,
        awaited: Awaited,
        regions: &[String],
        patience: Duration,
    ) -> Vec<String>;
    /// Asks every region whether it shows the operation. One that cannot be asked does not.
    async fn shown(&self, scope: OrgScope, operation: OperationId) -> BTreeMap<String, bool>;
    /// How far each region is behind.
    fn status(&self) -> Vec<RegionStatus>;
    /// How far the region that reads come from is behind, when that is more than its bound.
    fn stale(&self) -> Option<Stale>;
}

/// Whether and where operations are kept.
#[async_trait]
pub trait OperationStore: Send + Sync {
    /// Whether the primary has this organization's operation.
    async fn has_operation(&self, scope: OrgScope, operation: OperationId) -> StoreResult<bool>;
    /// Forgets operations of these organizations before `before`, and what was kept of requests until `now`.
    async fn forget_operations(
        &self,
        scopes: &[OrgScope],
        before: OperationId,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;
}
