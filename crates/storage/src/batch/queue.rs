//! A bounded queue in front of one worker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use strongroom_domain::health::condition::Condition;
use strongroom_domain::health::count::Count;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::health::histogram::Histogram;
use strongroom_domain::health::status::QueueStatus;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::trace::{TRACE, trace_parent};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tracing::Span;

use crate::batch::fair_queue::{BatchItem, FairQueue, Queued};
use crate::writes::write::Reply;

/// Carries out whatever requests have gathered while the batch before was under way.
#[async_trait]
pub(crate) trait Worker: Send + 'static {
    /// One request with its reply.
    type Item: BatchItem;

    /// Carries out `members` and answers every one.
    async fn run(&mut self, members: Vec<Self::Item>);
}

/// A bounded queue in front of one worker. A batch never waits for company: the worker takes what is there,
/// so an idle service answers at once, and under load batches grow by themselves.
pub(crate) struct BatchQueue<M: BatchItem> {
    queue: Arc<Queue<M>>,
}

/// The ranges of batches' sizes.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
/// The ranges of batches' times, in microseconds.
const TIMES: &[u64] = &[
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];

/// What a queue is like.
pub(crate) struct QueueConfig {
    pub(crate) name: &'static str,
    /// Most requests that wait.
    pub(crate) capacity: usize,
    /// Most requests in a batch.
    pub(crate) largest: usize,
    pub(crate) counters: Arc<Counters>,
}

impl<M: BatchItem> BatchQueue<M> {
    /// Starts `worker` on `runtime`. It ends when this is dropped.
    pub(crate) fn start<W: Worker<Item = M>>(
        runtime: &Handle,
        mut worker: W,
        line: QueueConfig,
    ) -> Self {
        let queue = Arc::new(Queue::new(line));
        let waiting = queue.clone();
        runtime.spawn(async move {
            while let Some((batch, spans)) = waiting.take(waiting.line.largest).await {
                let (size, started) = (batch.len() as u64, Instant::now());
                worker.run(batch).await;
                drop(spans);
                waiting.note(size, started);
            }
        });
        Self { queue }
    }

    /// Queues the request that `member` makes around its reply, and waits for the answer.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when the queue is full; else what the worker answers.
    pub(crate) async fn ask<T>(&self, member: impl FnOnce(Reply<T>) -> M) -> StoreResult<T> {
        answer(self.begin(member)).await
    }

    /// Queues the request and does not wait. Whoever drops what comes back takes the request back.
    pub(crate) fn begin<T>(
        &self,
        member: impl FnOnce(Reply<T>) -> M,
    ) -> oneshot::Receiver<StoreResult<T>> {
        let (reply, begun) = oneshot::channel();
        self.put(member(reply));
        begun
    }

    /// Queues a request whose answer somebody waits for already.
    pub(crate) fn put(&self, member: M) {
        self.queue.put(member);
    }

    /// Waits until the worker takes what waits, or as much as goes into a batch, if anything waits.
    pub(crate) async fn next_taken(&self) {
        self.queue.next_taken().await;
    }
}

impl<M: BatchItem> BatchQueue<M> {
    /// How the queue stands now.
    pub(crate) fn status(&self) -> QueueStatus {
        let queue = &self.queue;
        QueueStatus {
            name: queue.line.name,
            waiting: queue.lock().len,
            capacity: queue.line.capacity,
            refused: queue.refused.get(),
            sizes: queue.sizes.distribution(),
            times: queue.times.distribution(),
        }
    }
}

impl<M: BatchItem> Drop for BatchQueue<M> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Waits for the answer to a request that was begun.
pub(crate) async fn answer<T>(begun: oneshot::Receiver<StoreResult<T>>) -> StoreResult<T> {
    begun.await.unwrap_or_else(|_| {
        Err(StoreError::OutcomeUnknown(
            "the worker went away without an answer".into(),
        ))
    })
}

/// What waits, who is told of it, and what is counted.
struct Queue<M> {
    waiting: Mutex<FairQueue<M>>,
    line: QueueConfig,
    changed: Notify,
    taken: Notify,
    refused: Count,
    sizes: Histogram,
    times: Histogram,
}

impl<M: BatchItem> Queue<M> {
    fn new(line: QueueConfig) -> Self {
        Self {
            waiting: Mutex::new(FairQueue::new()),
            line,
            changed: Notify::new(),
            taken: Notify::new(),
            refused: Count::default(),
            sizes: Histogram::new(SIZES),
            times: Histogram::new(TIMES),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FairQueue<M>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `member`. When there is no room, it or another one is refused at once.
    fn put(&self, member: M) {
        let member = self.queued(member);
        let refused = {
            let mut waiting = self.lock();
            let refused = match waiting.len < self.line.capacity {
                true => None,
                false => waiting.evict_from_busiest(),
            };
            waiting.add(member);
            refused
        };
        self.changed.notify_one();
        if let Some(refused) = refused {
            self.refused.add(1);
            let QueueConfig { name, capacity, .. } = self.line;
            let cause = format_args!("{capacity} wait in the queue of {name}");
            self.line
                .counters
                .conditions
                .note(Condition::QueueFull, cause);
            refused.member.refuse(StoreError::Overloaded);
        }
    }

    fn queued(&self, member: M) -> Queued<M> {
        let (request, queue) = (trace_parent(), self.line.name);
        let span = match request.is_none() {
            true => Span::none(),
            false => tracing::info_span!(target: TRACE, parent: &request, "queue", queue),
        };
        Queued {
            member,
            span,
            request,
        }
    }

    /// A batch of so many has been carried out.
    fn note(&self, size: u64, started: Instant) {
        self.sizes.observe(size);
        let time = started.elapsed().as_micros();
        self.times.observe(u64::try_from(time).unwrap_or(u64::MAX));
        self.line.counters.conditions.absent(Condition::QueueFull);
    }

    /// Up to `largest` of what waits, once there is something; none when the queue is closed.
    async fn take(&self, largest: usize) -> Option<(Vec<M>, Vec<Span>)> {
        loop {
            {
                let mut waiting = self.lock();
                if waiting.len > 0 {
                    let taken = waiting.take(largest);
                    self.taken.notify_waiters();
                    drop(waiting);
                    return Some(begin(taken));
                }
                if waiting.closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    async fn next_taken(&self) {
        let taken = self.taken.notified();
        if self.lock().len > 0 {
            taken.await;
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }
}

/// Ends the waiting of `taken`; what they are, and spans that last until they are carried out.
fn begin<M>(taken: Vec<Queued<M>>) -> (Vec<M>, Vec<Span>) {
    let mut spans = Vec::new();
    let members = taken.into_iter().map(|queued| {
        if !queued.span.is_disabled() {
            let parent = &queued.request;
            spans.push(tracing::info_span!(target: TRACE, parent: parent, "database"));
        }
        queued.member
    });
    (members.collect(), spans)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use strongroom_domain::OrgId;

    use super::*;
    use crate::batch::fair_queue::LARGEST_BYTES;

    struct Asked {
        org: OrgId,
        nth: usize,
        bytes: usize,
        reply: Reply<()>,
    }

    impl BatchItem for Asked {
        fn org(&self) -> OrgId {
            self.org
        }
        fn bytes(&self) -> usize {
            self.bytes
        }
        fn refuse(self, error: StoreError) {
            let _ = self.reply.send(Err(error));
        }
    }

    fn org(n: u128) -> OrgId {
        OrgId(uuid::Uuid::from_u128(n))
    }

    fn line(capacity: usize) -> QueueConfig {
        QueueConfig {
            name: "test",
            capacity,
            largest: 10,
            counters: Arc::default(),
        }
    }

    fn put(queue: &Queue<Asked>, org: OrgId, nth: usize) -> oneshot::Receiver<StoreResult<()>> {
        put_large(queue, org, nth, 0)
    }

    fn put_large(
        queue: &Queue<Asked>,
        org: OrgId,
        nth: usize,
        bytes: usize,
    ) -> oneshot::Receiver<StoreResult<()>> {
        let (reply, answer) = oneshot::channel();
        queue.put(Asked {
            org,
            nth,
            bytes,
            reply,
        });
        answer
    }

    #[tokio::test]
    async fn a_batch_is_bounded_in_bytes_and_takes_what_is_larger_by_itself() {
        let queue = Queue::new(line(100));
        let sizes = [LARGEST_BYTES / 2, LARGEST_BYTES / 2, 3 * LARGEST_BYTES, 1];
        let waiting: Vec<_> = (0..4)
            .map(|nth| put_large(&queue, org(1), nth, sizes[nth]))
            .collect();
        let mut batches = Vec::new();
        for _ in 0..3 {
            batches.push(queue.take(10).await.unwrap().0.len());
        }
        assert_eq!(batches, [2, 1, 1]);
        drop(waiting);
    }

    #[tokio::test]
    async fn a_flood_of_one_holds_up_no_other() {
        let queue = Queue::new(line(100));
        let flood: Vec<_> = (0..50).map(|nth| put(&queue, org(1), nth)).collect();
        let _others = (put(&queue, org(2), 0), put(&queue, org(3), 0));
        let (batch, _) = queue.take(4).await.unwrap();
        let taken: Vec<_> = batch.iter().map(|asked| (asked.org, asked.nth)).collect();
        assert_eq!(taken, [(org(1), 0), (org(2), 0), (org(3), 0), (org(1), 1)]);
        drop(flood);
    }

    #[tokio::test]
    async fn who_comes_behind_waits_for_one_batch_however_many_wait() {
        let queue = Queue::new(line(100));
        queue.next_taken().await;
        let waiting: Vec<_> = (0..50).map(|nth| put(&queue, org(1), nth)).collect();
        let behind = queue.next_taken();
        let mut behind = std::pin::pin!(behind);
        assert!(behind.as_mut().now_or_never().is_none());
        let (batch, _) = queue.take(10).await.unwrap();
        assert_eq!(batch.len(), 10);
        behind.await;
        drop(waiting);
    }

    #[tokio::test]
    async fn with_no_room_left_the_one_with_most_gives_way() {
        let queue = Queue::new(line(3));
        let mut flood: Vec<_> = (0..4).map(|nth| put(&queue, org(1), nth)).collect();
        // The third gave way to the fourth, and this one to another organization's.
        let mut other = put(&queue, org(2), 0);
        let refused = |answer: &mut oneshot::Receiver<StoreResult<()>>| {
            matches!(answer.try_recv(), Ok(Err(StoreError::Overloaded)))
        };
        assert!(!refused(&mut flood[0]) && !refused(&mut flood[1]) && !refused(&mut other));
        assert!(refused(&mut flood[2]) && refused(&mut flood[3]));
        let conditions = queue.line.counters.conditions.all();
        let told = conditions.filter(|(_, there, _)| *there);
        let told: Vec<_> = told
            .map(|(condition, _, failures)| (condition, failures))
            .collect();
        assert_eq!(told, [(Condition::QueueFull, 2)]);
        assert_eq!(queue.refused.get(), 2);
        let (batch, _) = queue.take(10).await.unwrap();
        assert_eq!(batch.len(), 3);
        queue.close();
        assert!(queue.take(10).await.is_none());
    }
}
