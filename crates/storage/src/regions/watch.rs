//! Polls the database of one region.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use strongroom_domain::OrgId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::replication::{OperationId, PendingWrite, WalPosition};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::connect::database::Database;
use crate::regions::lag::{Behind, Progress, time};
use crate::regions::position::{PrimaryPosition, Sample, sample};
use crate::store::operations::visible;
use crate::transaction::OrgTransaction;

/// Pause between two polls while requests wait and the region advances.
const MIN_INTERVAL: Duration = Duration::from_millis(2);
/// Pause while requests wait and the region does not advance.
const MAX_INTERVAL: Duration = Duration::from_millis(50);
/// Pause while no request waits.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);
/// Most operations in one poll.
const MAX_OPERATIONS: usize = 1000;
/// Longest time for a response before the region counts as unreachable.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Polls one region's database for its position and for operations that requests wait for.
pub(super) struct RegionWatcher {
    pub(super) name: String,
    database: Database,
    primary: Arc<PrimaryPosition>,
    /// The lag above which the region counts as lagging.
    max_lag: Duration,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    next_id: u64,
    waits: HashMap<u64, PendingWait>,
    progress: Progress,
    lagging: bool,
}

/// A request that waits until the region shows an operation.
struct PendingWait {
    scope: OrgScope,
    operation: OperationId,
    /// The operation is queried once the region has reached this position.
    from: WalPosition,
    arrived: oneshot::Sender<()>,
}

/// The part of a [`PendingWait`] that a poll needs.
struct WaitQuery {
    id: u64,
    scope: OrgScope,
    operation: OperationId,
    from: WalPosition,
}

/// Removes its [`PendingWait`] when dropped.
struct WaitGuard<'w> {
    watcher: &'w RegionWatcher,
    id: u64,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.watcher.state().waits.remove(&self.id);
    }
}

impl RegionWatcher {
    pub(super) fn new(
        name: String,
        database: Database,
        primary: Arc<PrimaryPosition>,
        max_lag: Duration,
    ) -> Self {
        Self {
            name,
            database,
            primary,
            max_lag,
            state: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Completes when the region shows the operation.
    pub(super) async fn arrival(&self, scope: OrgScope, awaited: PendingWrite) {
        let (arrived, arrival) = oneshot::channel();
        let _guard = self.register(PendingWait {
            scope,
            operation: awaited.operation,
            from: awaited.position,
            arrived,
        });
        self.wake.notify_one();
        // The sender is dropped only after it was used, or together with the guard.
        let _ = arrival.await;
    }

    /// Whether the region shows the operation now; false if the region does not respond.
    pub(super) async fn shows(&self, scope: OrgScope, operation: OperationId) -> bool {
        let query = async {
            let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
            let found = visible(&transaction, &[(scope, operation)]).await?;
            transaction.finish().await?;
            StoreResult::Ok(!found.is_empty())
        };
        let answer = tokio::time::timeout(RESPONSE_TIMEOUT, query).await;
        answer.is_ok_and(|answer| answer.unwrap_or(false))
    }

    pub(super) fn progress(&self) -> Progress {
        self.state().progress
    }

    pub(super) fn waiting(&self) -> u64 {
        self.state().waits.len() as u64
    }

    /// Polls the region until the task is aborted.
    pub(super) async fn run(self: Arc<Self>) {
        let mut pause = MIN_INTERVAL;
        let mut last = WalPosition::default();
        loop {
            match self.poll().await {
                Ok(position) => {
                    pause = if position == last {
                        MAX_INTERVAL.min(pause * 2)
                    } else {
                        MIN_INTERVAL
                    };
                    last = position;
                }
                Err(error) => {
                    if std::mem::replace(&mut self.state().progress.up, false) {
                        let region = &self.name;
                        tracing::warn!(region, %error, "a region's database does not answer");
                    }
                    pause = IDLE_INTERVAL;
                }
            }
            if self.waiting() > 0 {
                tokio::time::sleep(pause).await;
            } else {
                let _ = tokio::time::timeout(IDLE_INTERVAL, self.wake.notified()).await;
                pause = MIN_INTERVAL;
            }
        }
    }

    /// Reads the region's position, and completes the waits whose operation it shows.
    async fn poll(&self) -> StoreResult<WalPosition> {
        let (sample, queries, visible) = tokio::time::timeout(RESPONSE_TIMEOUT, self.query())
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".into())))?;
        self.note(sample);
        let mut state = self.state();
        for query in queries {
            if visible.contains(&(query.scope.org(), query.operation)) {
                if let Some(wait) = state.waits.remove(&query.id) {
                    let _ = wait.arrived.send(());
                }
            } else if let Some(wait) = state.waits.get_mut(&query.id) {
                // The operation cannot become visible before the region advances.
                wait.from = WalPosition(sample.position.0 + 1);
            }
        }
        Ok(sample.position)
    }

    async fn query(&self) -> StoreResult<(Sample, Vec<WaitQuery>, HashSet<(OrgId, OperationId)>)> {
        let mut queries = self.wait_queries();
        let scopes: Vec<_> = queries.iter().map(|query| query.scope).collect();
        let transaction = OrgTransaction::begin(&self.database, &scopes).await?;
        let sample = sample(&transaction).await?;
        queries.retain(|query| query.from <= sample.position);
        let wanted: Vec<_> = queries
            .iter()
            .map(|query| (query.scope, query.operation))
            .collect();
        let visible = if wanted.is_empty() {
            HashSet::new()
        } else {
            visible(&transaction, &wanted).await?
        };
        transaction.finish().await?;
        Ok((sample, queries, visible))
    }

    fn note(&self, sample: Sample) {
        let primary = self.primary.get();
        let mut state = self.state();
        let behind = primary.is_some_and(|primary| sample.position < primary.position);
        let progress = &mut state.progress;
        if !std::mem::replace(&mut progress.up, true) {
            tracing::info!(
                region = self.name,
                standby = sample.standby,
                "a region's database answers"
            );
        }
        progress.sample = Some(sample);
        progress.behind = match progress.behind {
            _ if !behind && primary.is_some() => Behind::Not,
            Behind::Not if behind => Behind::Since(Instant::now()),
            unchanged => unchanged,
        };
        let lag = time(primary, progress);
        self.log_lag_change(&mut state, lag);
    }

    // Logs the beginning and the end. Between half of `max_lag` and `max_lag`, nothing changes.
    fn log_lag_change(&self, state: &mut State, lag: Option<Duration>) {
        let Some(lag) = lag else { return };
        let (region, seconds) = (&self.name, lag.as_secs_f64());
        if !state.lagging && lag > self.max_lag {
            state.lagging = true;
            tracing::error!(region, seconds, "a region lags behind the primary");
        } else if state.lagging && lag <= self.max_lag / 2 {
            state.lagging = false;
            tracing::info!(region, seconds, "over: a region lags behind the primary");
        }
    }

    /// The pending waits; of more than [`MAX_OPERATIONS`], those with the lowest positions.
    fn wait_queries(&self) -> Vec<WaitQuery> {
        let state = self.state();
        let query = |(id, wait): (&u64, &PendingWait)| WaitQuery {
            id: *id,
            scope: wait.scope,
            operation: wait.operation,
            from: wait.from,
        };
        let mut queries: Vec<_> = state.waits.iter().map(query).collect();
        if queries.len() > MAX_OPERATIONS {
            queries.sort_by_key(|query| query.from);
            queries.truncate(MAX_OPERATIONS);
        }
        queries
    }

    fn register(&self, wait: PendingWait) -> WaitGuard<'_> {
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        state.waits.insert(id, wait);
        WaitGuard { watcher: self, id }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
