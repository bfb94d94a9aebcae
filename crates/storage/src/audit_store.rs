use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::signed::Checkpoint;
use strongroom_domain::audit::stored::{AuditFilter, EventPlace, StoredEvent};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::health::condition::Trouble;
use strongroom_domain::ports::audit::{
    AuditStore, CheckpointFn, HeadEvidence, PruneMember, PrunePlan, Pruned, Unattested,
};
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::Tracking;
use strongroom_domain::{CredentialId, LaneId};

use crate::gather::answer;
use crate::pg_store::PgStore;
use crate::transaction::OrgTransaction;
use crate::writer::{Operation, Write};

#[async_trait]
impl AuditStore for PgStore {
    async fn audit_chain(
        &self,
        scope: OrgScope,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        self.read_chain(scope, after, limit).await
    }

    async fn audit_newest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        self.read_newest(scope, filter, after, limit).await
    }

    async fn audit_oldest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPlace>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        self.read_oldest(scope, filter, after, limit).await
    }

    async fn audit_heads(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>> {
        self.read_heads(scope, after, limit).await
    }

    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>> {
        self.read_evidence(scope, heads).await
    }

    async fn checkpoint(&self, scope: OrgScope, lane: LaneId) -> StoreResult<Option<Checkpoint>> {
        self.read_checkpoint(scope, lane).await
    }

    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<Checkpoint>> {
        self.read_checkpoints(scope, after, limit).await
    }

    fn record_later(&self, scope: OrgScope, event: Event) {
        let begun = self.writes.begin(|reply| Write {
            tracking: Tracking::default(),
            scope,
            operation: Operation::Record,
            event,
            reply,
        });
        let counters = self.database.counters();
        tokio::spawn(async move {
            match answer(begun).await {
                Ok(_) => counters.troubles.absent(Trouble::AuditUnrecorded),
                Err(error) => {
                    counters.audit.unrecorded.add(1);
                    counters.troubles.note(Trouble::AuditUnrecorded, error);
                }
            }
        });
    }

    async fn record_all(&self, scope: OrgScope, events: Vec<Event>) -> StoreResult<()> {
        let events = events.into_iter();
        try_join_all(events.map(|event| self.write(scope, Operation::Record, event))).await?;
        Ok(())
    }

    async fn prune_plan(&self, before: DateTime<Utc>) -> StoreResult<Option<PrunePlan>> {
        let transaction = OrgTransaction::begin(&self.database, &[]).await?;
        let plan = self.plan_prune(&transaction, before).await?;
        transaction.finish().await?;
        Ok(plan)
    }

    async fn unattested(
        &self,
        scope: OrgScope,
        cut: DateTime<Utc>,
        after: Option<CredentialId>,
        limit: i64,
    ) -> StoreResult<Vec<Unattested>> {
        self.read_unattested(scope, cut, after, limit).await
    }

    async fn prune_audit(
        &self,
        plan: &PrunePlan,
        members: Vec<PruneMember>,
        exported: u64,
        sign: CheckpointFn,
    ) -> StoreResult<Pruned> {
        let lane = self.own_lane()?;
        let transaction = OrgTransaction::begin(&self.database, &[]).await?;
        let members = (members, exported);
        let pruned = self
            .prune(&transaction, &lane, plan, members, &sign)
            .await?;
        transaction.commit().await?;
        Ok(pruned)
    }
}
