//! The port for signed roots of audit trails and their leaves.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::heads::LaneHead;
use crate::audit::root::{AuditLeaf, AuditRoot};
use crate::caller::OrgScope;
use crate::ids::LaneId;
use crate::ports::error::StoreResult;

/// Signed roots of the audit trails of all organizations, and one leaf per organization and root.
#[async_trait]
pub trait AuditRootStore: Send + Sync {
    /// The newest roots until `until`, newest first, unverified.
    async fn newest_audit_roots(&self, until: DateTime<Utc>) -> StoreResult<Vec<AuditRoot>>;
    /// The heads of the lanes after `after` whose last event is not older than `since`, by lane id.
    async fn changed_heads(
        &self,
        scope: OrgScope,
        since: DateTime<Utc>,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>>;
    /// Stores leaves of the root at the time `at`.
    async fn add_audit_leaves(
        &self,
        at: DateTime<Utc>,
        leaves: &[(OrgScope, AuditLeaf)],
    ) -> StoreResult<()>;
    /// Stores a root, after all of its leaves.
    async fn add_audit_root(&self, root: &AuditRoot) -> StoreResult<()>;
    /// The leaf of an organization under the root at the time `at`.
    async fn audit_leaf(
        &self,
        scope: OrgScope,
        at: DateTime<Utc>,
    ) -> StoreResult<Option<AuditLeaf>>;
    /// Deletes an organization's leaves of roots before `before`.
    async fn forget_audit_leaves(&self, scope: OrgScope, before: DateTime<Utc>) -> StoreResult<()>;
    /// Deletes roots before `before`.
    async fn forget_audit_roots(&self, before: DateTime<Utc>) -> StoreResult<()>;
}
