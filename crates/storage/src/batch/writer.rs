//! The worker that commits writes.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_domain::OrgId;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::store::Committed;
use strongroom_domain::replication::WalPosition;

use crate::batch::fair_queue::BatchItem;
use crate::batch::prepared::Prepared;
use crate::batch::queue::Worker;
use crate::batch::shard_fallback::{ShardFallback, SingleOrgExecutor};
use crate::connect::database::Database;
use crate::transaction::with_deadline;
use crate::writes::audit_lane::Lane;
use crate::writes::audit_lane::rows::Chained;
use crate::writes::generations::{Checked, Used};
use crate::writes::member::Member;
use crate::writes::new_rows;
use crate::writes::policies::Uses;
use crate::writes::write::{QueueTrace, Write, WriteOp};

/// Commits all waiting writes, and their audit events, in one transaction.
pub(crate) struct Writer {
    pub(crate) database: Database,
    pub(crate) lane: Lane,
    pub(crate) checked: Checked,
    /// Takes over batches that touch an unreachable shard.
    pub(crate) fallback: Option<ShardFallback<Write>>,
}

/// Creates a lane with a new id.
pub(crate) type NewLane = Arc<dyn Fn() -> StoreResult<Lane> + Send + Sync>;

/// Executes the writes of one organization alone, each batch in a lane of its own.
pub(crate) struct SingleOrgWriter {
    pub(crate) database: Database,
    pub(crate) new_lane: NewLane,
}

impl BatchItem for Write {
    fn org(&self) -> OrgId {
        self.scope.org()
    }

    fn bytes(&self) -> usize {
        match &self.op {
            WriteOp::Insert(row) => row.sealed_blob.len(),
            _ => 0,
        }
    }

    fn trace(&mut self) -> &mut QueueTrace {
        &mut self.trace
    }

    fn refuse(self, error: StoreError) {
        self.reply.send(Err(error));
    }
}

#[async_trait]
impl SingleOrgExecutor for SingleOrgWriter {
    type Item = Write;

    async fn execute(&self, members: Vec<Write>) -> bool {
        let lane = match (self.new_lane)() {
            Ok(lane) => lane,
            Err(error) => {
                let results = members.iter().map(|_| Err(again(&error))).collect();
                answer(members, results);
                return true;
            }
        };
        let mut writer = Writer {
            database: self.database.clone(),
            lane,
            checked: Checked::default(),
            fallback: None,
        };
        writer.carry_out(members).await
    }
}

#[async_trait]
impl Worker for Writer {
    type Item = Write;

    async fn run(&mut self, waiting: Vec<Write>) {
        self.carry_out(waiting).await;
    }
}

/// Splits off the writes that may share a transaction: at most one per credential, so that writes
/// to it keep their order, and at most one per idempotency key.
fn first_of_each(waiting: Vec<Write>) -> (Vec<Write>, Vec<Write>) {
    let (mut credentials, mut claims) = (HashSet::new(), HashSet::new());
    waiting.into_iter().partition(|write| {
        let org = write.scope.org();
        match (&write.op, &write.tracking.idempotency) {
            (
                WriteOp::Change { id, .. }
                | WriteOp::Delete { id, .. }
                | WriteOp::Restore { id, .. }
                | WriteOp::PutPolicy { id, .. },
                _,
            ) => credentials.insert((org, *id)),
            (_, Some(claim)) => claims.insert((org, claim.key)),
            _ => true,
        }
    })
}

impl Writer {
    /// Carries out and answers all of `waiting`. Returns whether all shards were reachable.
    async fn carry_out(&mut self, mut waiting: Vec<Write>) -> bool {
        let mut there = true;
        while !waiting.is_empty() {
            waiting.retain(|write| !write.reply.is_closed());
            if let Some(fallback) = &self.fallback {
                waiting = fallback.sift(waiting);
            }
            let (batch, later) = first_of_each(waiting);
            waiting = later;
            if batch.is_empty() {
                return there;
            }
            there &= self.commit_batch(batch).await;
        }
        there
    }

    // One bad write must not fail the others: a batch that fails as a whole is retried one by one.
    async fn commit_batch(&mut self, batch: Vec<Write>) -> bool {
        match self.commit_uses(&batch).await {
            Ok(results) => answer(batch, results),
            Err(StoreError::PartUnavailable(why)) => {
                match &self.fallback {
                    Some(fallback) => fallback.take(batch, &why),
                    None => {
                        let error = StoreError::PartUnavailable(why);
                        let results = batch.iter().map(|_| Err(again(&error))).collect();
                        answer(batch, results);
                    }
                }
                return false;
            }
            Err(error @ (StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => {
                let results = batch.iter().map(|_| Err(again(&error))).collect();
                answer(batch, results);
            }
            Err(error) if batch.len() == 1 => answer(batch, vec![Err(error)]),
            Err(error) => {
                tracing::debug!(%error, writes = batch.len(), "a batch is tried one by one");
                self.commit_singly(batch).await;
            }
        }
        true
    }

    // After two writes that were contended or timed out, the remaining writes do not wait for a
    // third.
    async fn commit_singly(&mut self, batch: Vec<Write>) {
        let mut contended = 0;
        for write in batch {
            if write.reply.is_closed() {
                continue;
            }
            if contended > 1 {
                let why = "the writes before this one were held up".into();
                answer(vec![write], vec![Err(StoreError::Contended(why))]);
                continue;
            }
            let single = [write];
            let result = match self.commit_uses(&single).await {
                Ok(mut results) => results.pop().unwrap_or(Ok(Committed::default())),
                Err(error) => {
                    let passing = matches!(
                        error,
                        StoreError::Contended(_)
                            | StoreError::Unavailable(_)
                            | StoreError::PartUnavailable(_)
                    );
                    contended += u32::from(passing);
                    Err(error)
                }
            };
            answer(single.into(), vec![result]);
        }
    }

    // Uses are rarely outdated, so that a query before the commit is worth it only then. A sharded
    // cluster has no statement for both.
    async fn commit_uses(&mut self, batch: &[Write]) -> StoreResult<Vec<StoreResult<Committed>>> {
        if !self.database.is_sharded() {
            match self.commit(batch, false).await {
                Err(StoreError::OutdatedRow) => {}
                committed => return committed,
            }
        }
        self.commit(batch, true).await
    }

    /// Commits `batch`. With `uses_first`, those that are outdated fail alone; without it, they
    /// fail the batch.
    async fn commit(
        &mut self,
        batch: &[Write],
        uses_first: bool,
    ) -> StoreResult<Vec<StoreResult<Committed>>> {
        let preparing = Prepared::of(batch, (&self.database, &self.lane), uses_first);
        let prepared = with_deadline(&self.database, preparing).await?;
        if prepared.chained.is_none() && !prepared.changes_rows() {
            prepared.transaction.finish().await?;
            return Ok(results(prepared.members, None));
        }
        let new = new_rows::generations(&prepared.members);
        let used = Used::of(prepared.used, new, &self.checked);
        let uses = match uses_first {
            true => Uses::default(),
            false => Uses::of(&prepared.members),
        };
        // New rows, then the check of the keys under which they are sealed, then the events.
        let mut steps = new_rows::steps(&prepared.members);
        steps.extend(used.check());
        steps.extend(uses.check());
        steps.extend(prepared.chained.as_ref().map(Chained::step));
        let tracked = batch.iter().any(|write| write.tracking.operation.is_some());
        match prepared.transaction.commit_with(&steps, tracked).await {
            Ok(ended) => {
                if let Some(epoch) = ended.epoch {
                    self.checked.note(&used, epoch);
                }
                if let Some(chained) = prepared.chained {
                    self.lane.committed(chained.appended);
                }
                Ok(results(prepared.members, ended.position))
            }
            Err(error) => {
                let scopes = batch.iter().flat_map(Write::scopes);
                match &error {
                    StoreError::OutcomeUnknown(_) => self.lane.abandon(scopes),
                    _ => self.lane.refused(scopes),
                }
                Err(error)
            }
        }
    }
}

fn results(members: Vec<Member<'_>>, position: Option<WalPosition>) -> Vec<StoreResult<Committed>> {
    let committed = |member: Member<'_>| member.committed(position);
    members.into_iter().map(committed).collect()
}

fn answer(batch: Vec<Write>, results: Vec<StoreResult<Committed>>) {
    for (write, result) in batch.into_iter().zip(results) {
        write.reply.send(result);
    }
}

// The same error for each member of a batch.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::OutcomeUnknown(why) => StoreError::OutcomeUnknown(why.clone()),
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        StoreError::PartUnavailable(why) => StoreError::PartUnavailable(why.clone()),
        StoreError::Conflict => StoreError::Conflict,
        StoreError::RetiredKey => StoreError::RetiredKey,
        StoreError::OutdatedRow => StoreError::OutdatedRow,
        StoreError::Contended(why) => StoreError::Contended(why.clone()),
        StoreError::OrganizationGone => StoreError::OrganizationGone,
        other => StoreError::Internal(other.to_string()),
    }
}
