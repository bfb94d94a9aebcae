//! Per-organization fallback when a shard is unreachable: each organization is tried alone, so that
//! those whose shard is reachable do not wait for the others.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use strongroom_domain::OrgId;
use strongroom_domain::ports::error::StoreError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::batch::fair_queue::BatchItem;

/// Most organizations that are tried at the same time.
const TOGETHER: usize = 4;
/// How long an organization's requests are refused without another try after its shard was
/// unreachable.
const PAUSE: Duration = Duration::from_millis(500);
/// Most requests that may wait in the fallback.
const CAPACITY: usize = 4096;

/// Executes one organization's requests.
#[async_trait]
pub(crate) trait SingleOrgExecutor: Send + Sync + 'static {
    /// One request with its reply.
    type Item: BatchItem;

    /// Executes `items`, all of one organization, and answers each. Returns whether the
    /// organization's shard was reachable.
    async fn execute(&self, items: Vec<Self::Item>) -> bool;
}

/// The requests that must not share a batch: those of organizations whose shard was unreachable at
/// the last try, and of the organizations that shared a batch with them.
pub(crate) struct ShardFallback<M> {
    queue: mpsc::UnboundedSender<Vec<M>>,
    quarantined: Quarantine,
}

#[derive(Clone, Default)]
struct Quarantine(Arc<Mutex<HashSet<OrgId>>>);

impl Quarantine {
    fn with<T>(&self, change: impl FnOnce(&mut HashSet<OrgId>) -> T) -> T {
        change(&mut self.0.lock())
    }
}

impl<M: BatchItem> ShardFallback<M> {
    /// Starts the worker on the current runtime. It ends when this value is dropped.
    pub(crate) fn start(work: impl SingleOrgExecutor<Item = M>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let quarantined = Quarantine::default();
        let worker = FallbackWorker {
            work: Arc::new(work),
            quarantined: quarantined.clone(),
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            busy: HashSet::new(),
            unreachable_since: HashMap::new(),
        };
        tokio::spawn(worker.run(waiting));
        Self { queue, quarantined }
    }

    /// Takes over a batch that failed because a shard is unreachable. A batch of one organization
    /// is refused: then it is that organization's shard.
    pub(crate) fn take(&self, batch: Vec<M>, why: &str) {
        let orgs: HashSet<OrgId> = batch.iter().map(BatchItem::org).collect();
        let alone = orgs.len() == 1;
        tracing::warn!(
            cause = why,
            organizations = orgs.len(),
            "part of the database is unavailable; trying each organization separately"
        );
        self.quarantined
            .with(|quarantined| quarantined.extend(orgs));
        if !alone {
            let _ = self.queue.send(batch);
            return;
        }
        for item in batch {
            item.refuse(StoreError::PartUnavailable(why.to_owned()));
        }
    }

    /// Takes over the requests of quarantined organizations, and returns the others.
    pub(crate) fn sift(&self, batch: Vec<M>) -> Vec<M> {
        let (taken, rest): (Vec<M>, Vec<M>) = self.quarantined.with(|quarantined| {
            let quarantined_item = |item: &M| quarantined.contains(&item.org());
            batch.into_iter().partition(quarantined_item)
        });
        if !taken.is_empty() {
            let _ = self.queue.send(taken);
        }
        rest
    }
}

struct FallbackWorker<W: SingleOrgExecutor> {
    work: Arc<W>,
    quarantined: Quarantine,
    waiting: HashMap<OrgId, Vec<W::Item>>,
    /// Organizations with waiting requests, in the order of arrival.
    turns: VecDeque<OrgId>,
    busy: HashSet<OrgId>,
    unreachable_since: HashMap<OrgId, Instant>,
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, (OrgId, bool)>>;

impl<W: SingleOrgExecutor> FallbackWorker<W> {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Vec<W::Item>>) {
        let mut running = Running::new();
        let mut open = true;
        while open || !running.is_empty() {
            tokio::select! {
                items = queue.recv(), if open => match items {
                    Some(items) => self.admit(items),
                    None => open = false,
                },
                Some((org, reachable)) = running.next() => self.settle(org, reachable),
            }
            self.begin(&mut running);
        }
    }

    fn admit(&mut self, items: Vec<W::Item>) {
        let mut room = CAPACITY.saturating_sub(self.waiting.values().map(Vec::len).sum());
        for item in items {
            let org = item.org();
            let since = self.unreachable_since.get(&org);
            if since.is_some_and(|since| since.elapsed() < PAUSE) {
                item.refuse(unreachable_moments_ago());
            } else if room == 0 {
                item.refuse(StoreError::Overloaded);
            } else {
                room -= 1;
                let waiting = self.waiting.entry(org).or_default();
                if waiting.is_empty() && !self.busy.contains(&org) {
                    self.turns.push_back(org);
                }
                waiting.push(item);
            }
        }
    }

    fn begin(&mut self, running: &mut Running<'_>) {
        while running.len() < TOGETHER {
            let Some(org) = self.turns.pop_front() else {
                return;
            };
            let items = self.waiting.remove(&org).unwrap_or_default();
            let work = self.work.clone();
            self.busy.insert(org);
            running.push(Box::pin(async move { (org, work.execute(items).await) }));
        }
    }

    fn settle(&mut self, org: OrgId, reachable: bool) {
        self.busy.remove(&org);
        if !reachable {
            self.unreachable_since.insert(org, Instant::now());
            for item in self.waiting.remove(&org).unwrap_or_default() {
                item.refuse(unreachable_moments_ago());
            }
            return;
        }
        self.unreachable_since.remove(&org);
        match self.waiting.contains_key(&org) {
            true => self.turns.push_back(org),
            false => {
                self.quarantined
                    .with(|quarantined| quarantined.remove(&org));
            }
        }
    }
}

fn unreachable_moments_ago() -> StoreError {
    StoreError::PartUnavailable("it was away a moment ago".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::fair_queue::tests::{Request, org};

    /// Answers for all organizations but one, whose shard never answers.
    struct Work {
        away: OrgId,
        tried: mpsc::UnboundedSender<OrgId>,
    }

    #[async_trait]
    impl SingleOrgExecutor for Work {
        type Item = Request;
        async fn execute(&self, items: Vec<Request>) -> bool {
            let org = items[0].org();
            let _ = self.tried.send(org);
            if org == self.away {
                std::future::pending::<()>().await;
            }
            for item in items {
                item.succeed();
            }
            true
        }
    }

    #[tokio::test]
    async fn one_that_is_away_keeps_no_other_waiting() {
        let (tried, mut seen) = mpsc::unbounded_channel();
        let away = org(0);
        let fallback = ShardFallback::start(Work { away, tried });
        let (batch, replies): (Vec<_>, Vec<_>) =
            (0..20).map(|n| Request::new(org(n), 0, 0)).unzip();
        fallback.take(batch, "test");
        let mut replies = replies.into_iter();
        let _never_answered = replies.next();
        for reply in replies {
            reply.await.unwrap().unwrap();
        }
        assert_eq!(seen.recv().await, Some(away));
        // Those that answered share batches again, the other one does not.
        while fallback.quarantined.with(|quarantined| quarantined.len()) > 1 {
            tokio::task::yield_now().await;
        }
        let (own, other) = (Request::new(away, 0, 0).0, Request::new(org(1), 0, 0).0);
        let rest = fallback.sift(vec![own, other]);
        assert_eq!(
            rest.iter().map(BatchItem::org).collect::<Vec<_>>(),
            [org(1)]
        );
    }
}
