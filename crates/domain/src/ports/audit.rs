//! The port through which the audit trail is read and pruned.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::event::Event;
use crate::audit::heads::LaneHead;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::{AuditFilter, EventPlace, StoredEvent};
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::ids::{CredentialId, LaneId, OrgId};
use crate::ports::error::StoreResult;

/// What the database has to show for a head that is named somewhere.
#[derive(Debug)]
pub struct HeadEvidence {
    /// The head.
    pub head: LaneHead,
    /// Whether the lane has an event with this number and digest.
    pub present: bool,
    /// Whether the lane has an event with this number.
    pub numbered: bool,
    /// The lane's last number.
    pub last: Option<i64>,
    /// The lane's checkpoint, not yet checked.
    pub checkpoint: Option<Checkpoint>,
}

/// What may be pruned.
#[derive(Debug, Clone)]
pub struct PrunePlan {
    /// The end of the last partition that goes: every event in those is older.
    pub cut: DateTime<Utc>,
    /// The partitions, by name, oldest first.
    pub partitions: Vec<String>,
}

/// A credential whose newest write event goes with a prune.
#[derive(Debug)]
pub struct Unattested {
    /// The credential as it is now.
    pub row: SealedCredential,
    /// The version and digest that the event tells; `None` when there is no such event.
    pub recorded: Option<(i64, Vec<u8>)>,
}

/// One organization in a prune.
#[derive(Debug)]
pub struct PruneMember {
    /// The organization.
    pub scope: OrgScope,
    /// The event that records the prune in its trail.
    pub event: Event,
}

/// Signs a lane's last pruned event.
pub type CheckpointFn = Arc<dyn Fn(OrgId, LaneHead) -> Checkpoint + Send + Sync>;

/// What a prune did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Events that are gone from the database.
    pub events: u64,
    /// Events older than the cut that stay, since newer ones stand before them in their lane.
    pub kept: u64,
    /// Lanes that got a checkpoint.
    pub checkpoints: u64,
}

/// Reading, checking and pruning the audit trail.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Events in the order of lane, number and time, after `after`.
    async fn audit_chain(
        &self,
        scope: OrgScope,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// Events that match, newest first, after `after`.
    async fn audit_newest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// Events that match by time, oldest first, after `after`.
    async fn audit_oldest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// The last event of each lane after `after`, in the order of the lanes' ids.
    async fn audit_heads(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>>;
    /// What there is to show for each of `heads`, in their order.
    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>>;
    /// The checkpoint of one lane.
    async fn checkpoint(&self, scope: OrgScope, lane: LaneId) -> StoreResult<Option<Checkpoint>>;
    /// The checkpoints of the lanes after `after`, in the order of the lanes' ids.
    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<Checkpoint>>;

    /// Records an event without keeping the caller waiting: lost when the queue is full, the database is away
    /// or the process ends at once, of which the first two are logged.
    fn record_later(&self, scope: OrgScope, event: Event);
    /// Records several events of one organization.
    async fn record_all(&self, scope: OrgScope, events: Vec<Event>) -> StoreResult<()>;

    /// What can be pruned of events before `before`; `None` when there is nothing.
    ///
    /// # Errors
    /// [`StoreError::Internal`](crate::ports::error::StoreError::Internal) when we do not own the tables.
    async fn prune_plan(&self, before: DateTime<Utc>) -> StoreResult<Option<PrunePlan>>;
    /// Credentials after `after` for whose present version there is no write event at or after `cut`.
    async fn unattested(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<Unattested>>;
    /// Leaves a checkpoint in every lane that loses events, records the prune, and drops the plan's
    /// partitions: all in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Contended`](crate::ports::error::StoreError::Contended), and nothing was done, when the members'
    /// events before the cut are not `exported` in number, or the partitions hold other organizations' events.
    async fn prune_audit(
        &self,
        plan: &PrunePlan,
        members: Vec<PruneMember>,
        exported: u64,
        sign: CheckpointFn,
    ) -> StoreResult<Pruned>;
}
