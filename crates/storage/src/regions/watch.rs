//! Watching one region.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

/// Pause between two looks while somebody waits and the region moves.
const SHORTEST: Duration = Duration::from_millis(2);
/// The same while it stands still.
const LONGEST: Duration = Duration::from_millis(50);
/// Pause while nobody waits.
const IDLE: Duration = Duration::from_millis(500);
/// Most operations that one look asks about.
const LARGEST: usize = 1000;
/// Longest time that a region may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// One region's database, and who waits for it.
pub(super) struct Watch {
    pub(super) name: String,
    database: Database,
    primary: Arc<PrimaryPosition>,
    /// Beyond it the region counts as lagging.
    max_lag: Duration,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    waiting: HashMap<u64, Waiting>,
    progress: Progress,
    lagging: bool,
}

struct Waiting {
    scope: OrgScope,
    operation: OperationId,
    /// It is looked for once the region has come this far.
    from: WalPosition,
    arrived: oneshot::Sender<()>,
}

/// What one look asks of those that wait.
struct Asking {
    number: u64,
    scope: OrgScope,
    operation: OperationId,
    from: WalPosition,
}

/// Somebody who waits; forgotten when dropped.
struct Ticket<'w> {
    watch: &'w Watch,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.watch.state().waiting.remove(&self.number);
    }
}

impl Watch {
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
        let waiting = Waiting {
            scope,
            operation: awaited.operation,
            from: awaited.position,
            arrived,
        };
        let _ticket = self.enter(waiting);
        self.wake.notify_one();
        // The sender is dropped only together with the ticket, or once it was used.
        let _ = arrival.await;
    }

    /// Whether the region shows the operation now; one that does not answer does not.
    pub(super) async fn shows(&self, scope: OrgScope, operation: OperationId) -> bool {
        let asking = async {
            let transaction = OrgTransaction::begin(&self.database, &[scope]).await?;
            let found = visible(&transaction, &[(scope, operation)]).await?;
            transaction.finish().await?;
            StoreResult::Ok(!found.is_empty())
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await;
        answer.is_ok_and(|answer| answer.unwrap_or(false))
    }

    pub(super) fn progress(&self) -> Progress {
        self.state().progress
    }

    pub(super) fn waiting(&self) -> u64 {
        self.state().waiting.len() as u64
    }

    /// Watches the region for as long as the process lives.
    pub(super) async fn run(self: Arc<Self>) {
        let mut pause = SHORTEST;
        let mut last = WalPosition::default();
        loop {
            match self.look().await {
                Ok(position) => {
                    let stands = position == last;
                    pause = if stands {
                        LONGEST.min(pause * 2)
                    } else {
                        SHORTEST
                    };
                    last = position;
                }
                Err(error) => {
                    if std::mem::replace(&mut self.state().progress.up, false) {
                        tracing::warn!(region = self.name, %error, "a region's database does not answer");
                    }
                    pause = IDLE;
                }
            }
            if self.waiting() > 0 {
                tokio::time::sleep(pause).await;
            } else {
                let _ = tokio::time::timeout(IDLE, self.wake.notified()).await;
                pause = SHORTEST;
            }
        }
    }

    /// Looks how far the region is, and for the operations that may have arrived.
    async fn look(&self) -> StoreResult<WalPosition> {
        let looking = async {
            let mut asking = self.asking();
            let scopes: Vec<_> = asking.iter().map(|one| one.scope).collect();
            let transaction = OrgTransaction::begin(&self.database, &scopes).await?;
            let seen = sample(&transaction).await?;
            asking.retain(|one| one.from <= seen.position);
            let asked: Vec<_> = asking
                .iter()
                .map(|one| (one.scope, one.operation))
                .collect();
            let found = if asked.is_empty() {
                HashSet::new()
            } else {
                visible(&transaction, &asked).await?
            };
            transaction.finish().await?;
            Ok((seen, asking, found))
        };
        let (seen, asked, found) = tokio::time::timeout(PATIENCE, looking)
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".into())))?;
        self.note(seen);
        let mut state = self.state();
        for one in asked {
            if found.contains(&(one.scope.org(), one.operation)) {
                if let Some(waiting) = state.waiting.remove(&one.number) {
                    let _ = waiting.arrived.send(());
                }
            } else if let Some(waiting) = state.waiting.get_mut(&one.number) {
                // Nothing new shows before the region has moved on.
                waiting.from = WalPosition(seen.position.0 + 1);
            }
        }
        Ok(seen.position)
    }

    fn note(&self, seen: Sample) {
        let primary = self.primary.get();
        let mut state = self.state();
        let behind = primary.is_some_and(|primary| seen.position < primary.position);
        let progress = &mut state.progress;
        if !std::mem::replace(&mut progress.up, true) {
            tracing::info!(
                region = self.name,
                standby = seen.standby,
                "a region's database answers"
            );
        }
        progress.sample = Some(seen);
        progress.behind = match progress.behind {
            _ if !behind && primary.is_some() => Behind::Not,
            Behind::Not if behind => Behind::Since(Instant::now()),
            as_before => as_before,
        };
        let lag = time(primary, progress);
        self.tell_of_lag(&mut state, lag);
    }

    // Told when it begins and when it ends, and between the two bounds it is as it was.
    fn tell_of_lag(&self, state: &mut State, lag: Option<Duration>) {
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

    /// Those that wait; when there are many, the ones that have waited for the longest part of the log.
    fn asking(&self) -> Vec<Asking> {
        let state = self.state();
        let asking = |(number, one): (&u64, &Waiting)| Asking {
            number: *number,
            scope: one.scope,
            operation: one.operation,
            from: one.from,
        };
        let mut all: Vec<_> = state.waiting.iter().map(asking).collect();
        if all.len() > LARGEST {
            all.sort_by_key(|one| one.from);
            all.truncate(LARGEST);
        }
        all
    }

    fn enter(&self, waiting: Waiting) -> Ticket<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.waiting.insert(number, waiting);
        Ticket {
            watch: self,
            number,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
