//! The ports that read, record and prune audit events.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::StoredApiKey;
use crate::audit::event::Event;
use crate::audit::heads::LaneHead;
use crate::audit::signed::Checkpoint;
use crate::audit::stored::{AuditFilter, EventPosition, StoredEvent, StoredTime};
use crate::caller::OrgScope;
use crate::credential::SealedCredential;
use crate::ids::{CredentialId, LaneId, OrgId};
use crate::ports::error::StoreResult;

/// The state of a lane in the database, compared with a head recorded elsewhere.
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
    /// The lane's checkpoint, unverified.
    pub checkpoint: Option<Checkpoint>,
}

/// An event, and what proves it.
#[derive(Debug)]
pub struct EventEvidence {
    /// The event.
    pub event: StoredEvent,
    /// The digest of the event before it in its lane, which may be a checkpoint's; `None` if there
    /// is none.
    pub previous: Option<Vec<u8>>,
}

/// The last reveal of a credential's current value by one caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRead {
    /// The caller, as in the event.
    pub actor: String,
    /// The time.
    pub at: DateTime<Utc>,
    /// The version of the row.
    pub version: i64,
}

/// A write of a credential's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueWrite {
    /// The version of the row.
    pub version: i64,
    /// The version of its value.
    pub value_version: i64,
}

/// Events that say what is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateEvents {
    /// The creation, rotations, retirements and attestations of an organization's key, and the
    /// deletions and restorations of the organization.
    Generations,
    /// The deletions and restorations of an organization.
    Deletions,
    /// The changes of an organization's settings, and its attestations.
    Settings,
    /// The activations, retirements and attestations of root keys, in the installation's trail.
    RootKeys,
}

/// The partitions that a prune drops.
#[derive(Debug, Clone)]
pub struct PrunePlan {
    /// The end of the last of these partitions: every event in them is older.
    pub cut: DateTime<Utc>,
    /// The names of the partitions, oldest first.
    pub partitions: Vec<String>,
}

/// A credential whose newest write event a prune removes.
#[derive(Debug)]
pub struct Unattested {
    /// The credential's current row.
    pub row: SealedCredential,
    /// The event's version and digest; `None` if there is no write event.
    pub recorded: Option<(i64, Vec<u8>)>,
}

/// One organization in a prune.
#[derive(Debug)]
pub struct PruneMember {
    /// The organization.
    pub scope: OrgScope,
    /// The event that records the prune in the organization's trail.
    pub event: Event,
}

/// Signs a checkpoint for the last pruned event of a lane.
pub type CheckpointFn = Arc<dyn Fn(OrgId, LaneHead) -> Checkpoint + Send + Sync>;

/// The result of a prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Events removed from the database.
    pub events: u64,
    /// Events older than the cut that stay, since newer events precede them in their lane.
    pub kept: u64,
    /// Lanes that received a checkpoint.
    pub checkpoints: u64,
}

/// Reads audit events and the records that verify them, and records events without a write.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Events after `after`, by lane, number and time.
    async fn audit_chain(
        &self,
        scope: OrgScope,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// Events after `after` that match `filter`, newest first.
    async fn audit_newest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// The time of an event that comes about `count` events before `before`, within the times and
    /// of the credential of `filter`; `None` if there are fewer. Writes of a credential are not
    /// counted. Without a credential, the newest events tell how many to expect: they are a
    /// sixteenth of `count` at least, and 16 times as many at most.
    async fn audit_time_before(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        before: Option<EventPosition>,
        count: i64,
    ) -> StoreResult<Option<StoredTime>>;
    /// Events after `after` within the times of `filter`, oldest first.
    async fn audit_oldest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>>;
    /// The last event of each lane after `after`, by lane id.
    async fn audit_heads(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>>;
    /// The evidence for each of `heads`, in their order.
    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>>;
    /// The newest `limit` of these events, newest first.
    async fn state_events(
        &self,
        scope: OrgScope,
        which: StateEvents,
        limit: i64,
    ) -> StoreResult<Vec<EventEvidence>>;
    /// The checkpoint of one lane.
    async fn checkpoint(&self, scope: OrgScope, lane: LaneId) -> StoreResult<Option<Checkpoint>>;
    /// The checkpoints of the lanes after `after`, by lane id.
    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<Checkpoint>>;

    /// Records an event without making the caller wait. The event is lost if the queue is full, the
    /// database is unavailable or the process ends before the commit. The first two are logged.
    fn record_later(&self, scope: OrgScope, event: Event);
    /// Records several events of one organization.
    async fn record_all(&self, scope: OrgScope, events: Vec<Event>) -> StoreResult<()>;
}

/// Prunes audit events by whole partitions.
#[async_trait]
pub trait AuditPruneStore: Send + Sync {
    /// The partitions whose events are all before `before`; `None` if there are none.
    ///
    /// # Errors
    /// [`StoreError::Internal`](crate::ports::error::StoreError::Internal) if the database role
    /// does not own the tables.
    async fn prune_plan(&self, before: DateTime<Utc>) -> StoreResult<Option<PrunePlan>>;
    /// Credentials after `after` whose current version has no write event at or after `cut`.
    async fn unattested(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<Unattested>>;
    /// The API keys without an event of their issue or attestation at or after `cut`.
    async fn unattested_api_keys(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
    ) -> StoreResult<Vec<StoredApiKey>>;
    /// Writes a checkpoint in every lane that loses events, records the prune, and drops the plan's
    /// partitions, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Contended`](crate::ports::error::StoreError::Contended) if the members have a
    /// number of events before the cut other than `exported`, or if the partitions hold events of
    /// other organizations; nothing is changed.
    async fn prune_audit(
        &self,
        plan: &PrunePlan,
        members: Vec<PruneMember>,
        exported: u64,
        sign: CheckpointFn,
    ) -> StoreResult<Pruned>;
}
