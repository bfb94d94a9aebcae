//! What becomes of a batch when part of the database is away: each organization goes on by itself, so that those
//! whose part is there do not wait for the others.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use strongroom_domain::OrgId;
use strongroom_domain::ports::error::StoreError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::batch::fair_queue::BatchItem;

/// Most organizations that are tried at a time.
const TOGETHER: usize = 4;
/// How long after an organization's part was away its requests are refused without asking again.
const PAUSE: Duration = Duration::from_millis(500);
/// Most requests that wait here.
const CAPACITY: usize = 4096;

/// Carries out one organization's requests.
#[async_trait]
pub(crate) trait SingleOrgExecutor: Send + Sync + 'static {
    /// One request with its reply.
    type Item: BatchItem;

    /// Carries out `members`, all of one organization, and answers every one. Whether its part of the database
    /// was there.
    async fn execute(&self, members: Vec<Self::Item>) -> bool;
}

/// Takes the requests that shall not share a batch: those of organizations whose part of the database was away
/// when it was last asked for, and of those that shared a batch with them.
pub(crate) struct ShardFallback<M> {
    queue: mpsc::UnboundedSender<Vec<M>>,
    quarantined: Quarantine,
}

#[derive(Clone, Default)]
struct Quarantine(Arc<Mutex<HashSet<OrgId>>>);

impl Quarantine {
    fn with<T>(&self, look: impl FnOnce(&mut HashSet<OrgId>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<M: BatchItem> ShardFallback<M> {
    /// Starts on the current runtime. It ends when this is dropped.
    pub(crate) fn start(work: impl SingleOrgExecutor<Item = M>) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let quarantined = Quarantine::default();
        let ward = FallbackWorker {
            work: Arc::new(work),
            quarantined: quarantined.clone(),
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            busy: HashSet::new(),
            away_since: HashMap::new(),
        };
        tokio::spawn(ward.tend(waiting));
        Self { queue, quarantined }
    }

    /// Takes over all of a batch that failed because part of the database is away; refuses it when it is clear whose
    /// part that is.
    pub(crate) fn take(&self, batch: Vec<M>, why: &str) {
        let orgs: HashSet<OrgId> = batch.iter().map(BatchItem::org).collect();
        let alone = orgs.len() == 1;
        tracing::warn!(
            cause = why,
            organizations = orgs.len(),
            "part of the database is away; each organization is tried by itself"
        );
        self.quarantined
            .with(|quarantined| quarantined.extend(orgs));
        if !alone {
            let _ = self.queue.send(batch);
            return;
        }
        for member in batch {
            member.refuse(StoreError::PartUnavailable(why.to_owned()));
        }
    }

    /// Takes over what belongs to quarantined, and gives back the others.
    pub(crate) fn sift(&self, batch: Vec<M>) -> Vec<M> {
        let (taken, rest): (Vec<M>, Vec<M>) = self.quarantined.with(|quarantined| {
            let suspected = |member: &M| quarantined.contains(&member.org());
            batch.into_iter().partition(suspected)
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
    /// Organizations with something waiting, in the order in which they came.
    turns: VecDeque<OrgId>,
    busy: HashSet<OrgId>,
    away_since: HashMap<OrgId, Instant>,
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, (OrgId, bool)>>;

impl<W: SingleOrgExecutor> FallbackWorker<W> {
    async fn tend(mut self, mut queue: mpsc::UnboundedReceiver<Vec<W::Item>>) {
        let mut running = Running::new();
        let mut open = true;
        while open || !running.is_empty() {
            tokio::select! {
                members = queue.recv(), if open => match members {
                    Some(members) => self.admit(members),
                    None => open = false,
                },
                Some((org, there)) = running.next() => self.settle(org, there),
            }
            self.begin(&mut running);
        }
    }

    fn admit(&mut self, members: Vec<W::Item>) {
        let mut room = CAPACITY.saturating_sub(self.waiting.values().map(Vec::len).sum());
        for member in members {
            let org = member.org();
            let away = self.away_since.get(&org);
            if away.is_some_and(|since| since.elapsed() < PAUSE) {
                member.refuse(away_a_moment_ago());
            } else if room == 0 {
                member.refuse(StoreError::Overloaded);
            } else {
                room -= 1;
                let waiting = self.waiting.entry(org).or_default();
                if waiting.is_empty() && !self.busy.contains(&org) {
                    self.turns.push_back(org);
                }
                waiting.push(member);
            }
        }
    }

    fn begin(&mut self, running: &mut Running<'_>) {
        while running.len() < TOGETHER {
            let Some(org) = self.turns.pop_front() else {
                return;
            };
            let members = self.waiting.remove(&org).unwrap_or_default();
            let work = self.work.clone();
            self.busy.insert(org);
            running.push(Box::pin(async move { (org, work.execute(members).await) }));
        }
    }

    fn settle(&mut self, org: OrgId, there: bool) {
        self.busy.remove(&org);
        if !there {
            self.away_since.insert(org, Instant::now());
            for member in self.waiting.remove(&org).unwrap_or_default() {
                member.refuse(away_a_moment_ago());
            }
            return;
        }
        self.away_since.remove(&org);
        match self.waiting.contains_key(&org) {
            true => self.turns.push_back(org),
            false => {
                self.quarantined
                    .with(|quarantined| quarantined.remove(&org));
            }
        }
    }
}

fn away_a_moment_ago() -> StoreError {
    StoreError::PartUnavailable("it was away a moment ago".into())
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    struct Asked(OrgId, oneshot::Sender<Result<(), StoreError>>);

    impl BatchItem for Asked {
        fn org(&self) -> OrgId {
            self.0
        }
        fn refuse(self, error: StoreError) {
            let _ = self.1.send(Err(error));
        }
    }

    /// Answers for all organizations but one, whose part never answers.
    struct Work {
        away: OrgId,
        tried: mpsc::UnboundedSender<OrgId>,
    }

    #[async_trait]
    impl SingleOrgExecutor for Work {
        type Item = Asked;
        async fn execute(&self, members: Vec<Asked>) -> bool {
            let org = members[0].0;
            let _ = self.tried.send(org);
            if org == self.away {
                std::future::pending::<()>().await;
            }
            for member in members {
                let _ = member.1.send(Ok(()));
            }
            true
        }
    }

    fn org(n: u128) -> OrgId {
        OrgId(uuid::Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn one_that_is_away_keeps_no_other_waiting() {
        let (tried, mut seen) = mpsc::unbounded_channel();
        let away = org(0);
        let fallback = ShardFallback::start(Work { away, tried });
        let (batch, replies): (Vec<_>, Vec<_>) = (0..20)
            .map(|n| {
                let (reply, answer) = oneshot::channel();
                (Asked(org(n), reply), answer)
            })
            .unzip();
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
        let (own, other) = (oneshot::channel().0, oneshot::channel().0);
        let rest = fallback.sift(vec![Asked(away, own), Asked(org(1), other)]);
        assert_eq!(
            rest.iter().map(BatchItem::org).collect::<Vec<_>>(),
            [org(1)]
        );
    }
}
