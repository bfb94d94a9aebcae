//! The port for reading and pruning the audit trail.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::audit::heads::LaneHead;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::{AuditFilter, EventPosition, StoredEvent};
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::ids::{CredentialId, LaneId, OrgId};
use crate::ports::error::StoreResult;

/// The evidence in the database for a head that was named elsewhere.
#[derive(Debug)]
pub struct HeadEvidence {
    /// The head.
    pub head: LaneHead,
    /// Whether the lane has an event with the head's number and digest.
    pub present: bool,
    /// Whether the lane has an event with the head's number.
    pub numbered: bool,
    /// The last number in the lane.
    pub last: Option<i64>,
    /// The lane's checkpoint, not yet verified.
    pub checkpoint: Option<Checkpoint>,
}

/// The partitions that can be pruned.
#[derive(Debug, Clone)]
pub struct PrunePlan {
    /// The end of the last partition in the plan. All events in these partitions are older.
    pub cut: DateTime<Utc>,
    /// The names of the partitions, oldest first.
    pub partitions: Vec<String>,
}

/// A credential whose newest write event would be pruned.
#[derive(Debug)]
pub struct Unattested {
    /// The current row of the credential.
    pub row: SealedCredential,
    /// The version and digest in the event; `None` if there is no such event.
    pub recorded: Option<(i64, Vec<u8>)>,
}

/// An organization whose events are pruned.
#[derive(Debug)]
pub struct PruneMember {
    /// The organization.
    pub scope: OrgScope,
    /// The event that records the prune in its audit trail.
    pub event: Event,
}

/// Signs the last pruned event of a lane.
pub type CheckpointFn = Arc<dyn Fn(OrgId, LaneHead) -> Checkpoint + Send + Sync>;

/// The result of a prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// The number of events that were removed from the database.
    pub events: u64,
    /// The number of events older than the cut that were kept, because newer events precede them in
    /// their lane.
    pub kept: u64,
    /// The number of lanes that received a checkpoint.
    pub checkpoints: u64,
}

/// Reading, checking and pruning the audit trail.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Lists events after `after` in the order of lane, number and time.
    async fn audit_chain(
        &self,
        scope: OrgScope,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// Lists matching events after `after`, newest first.
    async fn audit_newest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// Lists events after `after` that match the filter's times, oldest first.
    async fn audit_oldest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// Lists the last events of the lanes after `after`, ordered by lane id.
    async fn audit_heads(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>>;
    /// Returns the evidence for each of `heads`, in the same order.
    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>>;
    /// Returns the checkpoint of one lane.
    async fn checkpoint(&self, scope: OrgScope, lane: LaneId) -> StoreResult<Option<Checkpoint>>;
    /// Lists the checkpoints of the lanes after `after`, ordered by lane id.
    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<Checkpoint>>;

    /// Records an event in the background. The event is lost if the queue is full, the database is
    /// unavailable, or the process ends immediately. The first two cases are logged.
    fn record_later(&self, scope: OrgScope, event: Event);
    /// Records several events of one organization.
    async fn record_all(&self, scope: OrgScope, events: Vec<Event>) -> StoreResult<()>;

    /// Plans a prune of events before `before`. Returns `None` if there is nothing to prune.
    ///
    /// # Errors
    /// [`StoreError::Internal`](crate::ports::error::StoreError::Internal) if the current role does
    /// not own the tables.
    async fn prune_plan(&self, before: DateTime<Utc>) -> StoreResult<Option<PrunePlan>>;
    /// Lists credentials after `after` whose current version has no write event at or after `cut`.
    async fn unattested(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<Unattested>>;
    /// In one transaction: writes a checkpoint in every lane that loses events, records the prune,
    /// and drops the plan's partitions.
    ///
    /// # Errors
    /// [`StoreError::Contended`](crate::ports::error::StoreError::Contended), without any change,
    /// if the number of the members' events before the cut is not `exported`, or if the partitions
    /// contain events of other organizations.
    async fn prune_audit(
        &self,
        plan: &PrunePlan,
        members: Vec<PruneMember>,
        exported: u64,
        sign: CheckpointFn,
    ) -> StoreResult<Pruned>;
}
