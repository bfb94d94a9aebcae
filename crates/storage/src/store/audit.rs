//! Reads audit events and records events without a write. The domain verifies what is read.

use async_trait::async_trait;
use chrono::DateTime;
use futures_util::future::try_join_all;
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::audit::signed::Checkpoint;
use strongroom_domain::audit::stored::{AuditFilter, EventPosition, StoredEvent, StoredTime};
use strongroom_domain::caller::OrgScope;
use strongroom_domain::health::condition::Condition;
use strongroom_domain::ports::audit::{AuditStore, EventEvidence, HeadEvidence, StateEvents};
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::Tracking;
use strongroom_domain::{CredentialId, KeyId, LaneId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::batch::queue::answer;
use crate::pg_time::PgTime;
use crate::rows::{get, lane_head};
use crate::sql;
use crate::store::PgStore;
use crate::writes::write::{QueueTrace, Write, WriteOp, WriteReply};

#[async_trait]
impl AuditStore for PgStore {
    async fn audit_chain(
        &self,
        scope: OrgScope,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        let after = after.unwrap_or(EventPosition::FIRST);
        let params: &[&(dyn ToSql + Sync)] = &[
            &scope.org().0,
            &after.lane.0,
            &after.seq,
            &PgTime(after.at),
            &limit,
        ];
        events(&self.query(scope, sql::AUDIT_CHAIN, params).await?)
    }

    async fn audit_newest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        self.newest_events(scope, filter, after, limit).await
    }

    async fn audit_time_before(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        before: Option<EventPosition>,
        count: i64,
    ) -> StoreResult<Option<StoredTime>> {
        self.time_before(scope, filter, before, count).await
    }

    async fn audit_oldest(
        &self,
        scope: OrgScope,
        filter: &AuditFilter,
        after: Option<EventPosition>,
        limit: i64,
    ) -> StoreResult<Vec<StoredEvent>> {
        self.oldest_events(scope, filter, after, limit).await
    }

    async fn audit_heads(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<LaneHead>> {
        let after = after.map_or(Uuid::nil(), |lane| lane.0);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &after, &limit];
        let rows = self.query(scope, sql::AUDIT_HEADS, params).await?;
        rows.iter().map(lane_head).collect()
    }

    async fn head_evidence(
        &self,
        scope: OrgScope,
        heads: &[LaneHead],
    ) -> StoreResult<Vec<HeadEvidence>> {
        let lanes: Vec<Uuid> = heads.iter().map(|head| head.lane.0).collect();
        let numbers: Vec<i64> = heads.iter().map(|head| head.seq).collect();
        let macs: Vec<&[u8]> = heads.iter().map(|head| &head.mac[..]).collect();
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &lanes, &numbers, &macs];
        evidence(heads, &self.query(scope, sql::HEAD_EVIDENCE, params).await?)
    }

    async fn state_events(
        &self,
        scope: OrgScope,
        which: StateEvents,
        limit: i64,
    ) -> StoreResult<Vec<EventEvidence>> {
        let sql = match which {
            StateEvents::Generations => sql::STATE_OF_GENERATIONS,
            StateEvents::Deletions => sql::STATE_OF_DELETIONS,
            StateEvents::Settings => sql::STATE_OF_SETTINGS,
            StateEvents::RootKeys => sql::STATE_OF_ROOT_KEYS,
        };
        let rows = self.query(scope, sql, &[&scope.org().0, &limit]).await?;
        rows.iter().map(evidence_of).collect()
    }

    async fn checkpoint(&self, scope: OrgScope, lane: LaneId) -> StoreResult<Option<Checkpoint>> {
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &lane.0];
        let rows = self.query(scope, sql::CHECKPOINT, params).await?;
        rows.first().map(checkpoint).transpose()
    }

    async fn checkpoints(
        &self,
        scope: OrgScope,
        after: Option<LaneId>,
        limit: i64,
    ) -> StoreResult<Vec<Checkpoint>> {
        let after = after.map_or(Uuid::nil(), |lane| lane.0);
        let params: &[&(dyn ToSql + Sync)] = &[&scope.org().0, &after, &limit];
        let rows = self.query(scope, sql::CHECKPOINTS, params).await?;
        rows.iter().map(checkpoint).collect()
    }

    fn record_later(&self, scope: OrgScope, event: Event) {
        let begun = self.writes.begin_later(|reply| Write {
            tracking: Tracking::default(),
            scope,
            op: WriteOp::Record,
            event,
            further: Vec::new(),
            reply: WriteReply::Committed(reply),
            trace: QueueTrace::current(),
        });
        let counters = self.database.counters();
        tokio::spawn(async move {
            match answer(begun).await {
                Ok(_) => counters.conditions.absent(Condition::AuditUnrecorded),
                Err(error) => {
                    counters.audit.unrecorded.add(1);
                    counters
                        .conditions
                        .record(Condition::AuditUnrecorded, error);
                }
            }
        });
    }

    async fn record_all(&self, scope: OrgScope, events: Vec<Event>) -> StoreResult<()> {
        let events = events.into_iter();
        try_join_all(events.map(|event| self.write(scope, WriteOp::Record, event))).await?;
        Ok(())
    }
}

pub(crate) fn events(rows: &[Row]) -> StoreResult<Vec<StoredEvent>> {
    rows.iter().map(event).collect()
}

pub(crate) fn event(row: &Row) -> StoreResult<StoredEvent> {
    Ok(StoredEvent {
        lane: LaneId(get(row, "lane")?),
        seq: get(row, "seq")?,
        at: get::<PgTime>(row, "at")?.0,
        action: get(row, "action")?,
        outcome: get(row, "outcome")?,
        actor: get(row, "actor")?,
        credential_id: get::<Option<Uuid>>(row, "cred_id")?.map(CredentialId),
        key_id: get::<Option<Uuid>>(row, "key_id")?.map(KeyId),
        version: get(row, "version")?,
        request_id: get(row, "request_id")?,
        source: get(row, "source")?,
        digest: get(row, "digest")?,
        heads: get(row, "heads")?,
        proof_key: get(row, "proof_key")?,
        details: get(row, "details")?,
        mac: get(row, "mac")?,
        after_mark: get(row, "after_mark")?,
    })
}

/// The rows of [`sql::HEAD_EVIDENCE`], one for each of `heads`.
pub(crate) fn evidence(heads: &[LaneHead], rows: &[Row]) -> StoreResult<Vec<HeadEvidence>> {
    let evidence = heads.iter().zip(rows).map(|(head, row)| {
        let lane: Option<Uuid> = get(row, "lane")?;
        Ok(HeadEvidence {
            head: *head,
            present: get(row, "present")?,
            numbered: get(row, "numbered")?,
            last: get(row, "last")?,
            checkpoint: lane.map(|_| checkpoint(row)).transpose()?,
        })
    });
    evidence.collect()
}

// A malformed column becomes a value that no signature covers, so verification reports it.
fn checkpoint(row: &Row) -> StoreResult<Checkpoint> {
    let mac: &[u8] = get(row, "mac")?;
    let pruned_before = get::<PgTime>(row, "pruned_before")?.0.time();
    Ok(Checkpoint {
        lane: LaneId(get(row, "lane")?),
        seq: get(row, "seq")?,
        mac: mac.try_into().unwrap_or([0; 32]),
        pruned_before: pruned_before.unwrap_or(DateTime::UNIX_EPOCH),
        signature: get(row, "signature")?,
    })
}

/// An event with what proves it.
pub(crate) fn evidence_of(row: &Row) -> StoreResult<EventEvidence> {
    Ok(EventEvidence {
        event: event(row)?,
        previous: get(row, "previous")?,
    })
}
