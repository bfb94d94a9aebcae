//! A bounded queue in front of one worker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use strongroom_domain::health::condition::Condition;
use strongroom_domain::health::count::Count;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::health::histogram::Histogram;
use strongroom_domain::health::status::QueueStatus;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use crate::batch::fair_queue::{BatchItem, FairQueue};
use crate::batch::wakeups::woken_with_others;
use crate::writes::write::Reply;

/// Carries out the requests that were queued while the previous batch ran.
#[async_trait]
pub(crate) trait Worker: Send + 'static {
    /// One request with its reply.
    type Item: BatchItem;

    /// Carries out `items` and answers every one.
    async fn run(&mut self, items: Vec<Self::Item>);
}

/// A bounded queue in front of one worker. The worker never waits for a batch to fill: it takes
/// what is queued, so an idle service answers at once, and batches grow under load.
pub(crate) struct BatchQueue<M: BatchItem> {
    queue: Arc<Queue<M>>,
}

/// Upper bounds of the histogram of batch sizes.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Upper bounds of the histogram of batch times, in microseconds.
const TIMES: &[u64] = &[
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];

/// How long a request that nothing waits for waits for the company of others.
const LONGEST_LATER: Duration = Duration::from_millis(20);
/// The others that it joins: fewer would wait noticeably longer for the larger batch.
const COMPANY: usize = 4;

/// A queue's name, bounds and counters.
pub(crate) struct QueueConfig {
    pub(crate) name: &'static str,
    /// Most requests that may wait.
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
        config: QueueConfig,
    ) -> Self {
        let queue = Arc::new(Queue::new(config));
        let waiting = queue.clone();
        runtime.spawn(async move {
            while let Some((batch, spans)) = waiting.take(waiting.config.largest).await {
                let (size, started) = (batch.len() as u64, Instant::now());
                worker.run(batch).await;
                drop(spans);
                waiting.note(size, started);
            }
        });
        Self { queue }
    }

    /// Queues the request that `item` builds around its reply, and waits for the answer.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when the queue is full; else what the worker answers.
    pub(crate) async fn ask<T>(&self, item: impl FnOnce(Reply<T>) -> M) -> StoreResult<T> {
        answer(self.begin(item)).await
    }

    /// Queues the request and does not wait. Dropping the receiver withdraws the request.
    pub(crate) fn begin<T>(
        &self,
        item: impl FnOnce(Reply<T>) -> M,
    ) -> oneshot::Receiver<StoreResult<T>> {
        let (reply, begun) = oneshot::channel();
        self.put(item(reply));
        begun
    }

    /// Queues a request that nothing waits for. It joins the next batch of several others, so that
    /// it does not delay them by a batch of its own, or is taken after a moment.
    pub(crate) fn begin_later<T>(
        &self,
        item: impl FnOnce(Reply<T>) -> M,
    ) -> oneshot::Receiver<StoreResult<T>> {
        let (reply, begun) = oneshot::channel();
        self.queue.put_later(item(reply));
        begun
    }

    /// Queues a request that already has a reply.
    pub(crate) fn put(&self, item: M) {
        self.queue.put(item);
    }

    /// Whether no request waits or is carried out.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.queue.lock();
        waiting.len == 0 && !waiting.busy
    }

    /// Whether more than one batch of requests waits.
    pub(crate) fn is_crowded(&self) -> bool {
        self.queue.lock().len > self.queue.config.largest
    }

    /// If requests wait, waits until the worker takes its next batch.
    pub(crate) async fn next_taken(&self) {
        self.queue.next_taken().await;
    }
}

impl<M: BatchItem> BatchQueue<M> {
    /// The state of the queue at this moment.
    pub(crate) fn status(&self) -> QueueStatus {
        let queue = &self.queue;
        QueueStatus {
            name: queue.config.name,
            waiting: queue.lock().len,
            capacity: queue.config.capacity,
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
    woken_with_others(begun).await.unwrap_or_else(|_| {
        Err(StoreError::OutcomeUnknown(
            "the worker went away without an answer".into(),
        ))
    })
}

/// The waiting requests, the notifications about them, and the counters.
struct Queue<M> {
    waiting: Mutex<FairQueue<M>>,
    config: QueueConfig,
    changed: Notify,
    taken: Notify,
    refused: Count,
    sizes: Histogram,
    times: Histogram,
}

impl<M: BatchItem> Queue<M> {
    fn new(config: QueueConfig) -> Self {
        Self {
            waiting: Mutex::new(FairQueue::new()),
            config,
            changed: Notify::new(),
            taken: Notify::new(),
            refused: Count::default(),
            sizes: Histogram::new(SIZES),
            times: Histogram::new(TIMES),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FairQueue<M>> {
        self.waiting.lock()
    }

    /// Adds `item`. When the queue is full, the last request of the busiest organization is
    /// refused.
    fn put(&self, mut item: M) {
        item.trace().enter_queue(self.config.name);
        let refused = {
            let mut waiting = self.lock();
            let refused = match waiting.len < self.config.capacity {
                true => None,
                false => waiting.evict_from_busiest(),
            };
            waiting.add(item);
            refused
        };
        self.changed.notify_one();
        if let Some(refused) = refused {
            self.refused.add(1);
            let QueueConfig { name, capacity, .. } = self.config;
            let cause = format_args!("{capacity} wait in the queue of {name}");
            self.config
                .counters
                .conditions
                .record(Condition::QueueFull, cause);
            refused.refuse(StoreError::Overloaded);
        }
    }

    /// Adds `item` to those that wait for the company of others.
    fn put_later(&self, mut item: M) {
        item.trace().enter_queue(self.config.name);
        let mut waiting = self.lock();
        if waiting.len + waiting.later.len() >= self.config.capacity {
            drop(waiting);
            self.refused.add(1);
            item.refuse(StoreError::Overloaded);
            return;
        }
        waiting.add_later(item, Instant::now() + LONGEST_LATER);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Counts a batch of `size` requests that was carried out.
    fn note(&self, size: u64, started: Instant) {
        self.sizes.observe(size);
        let time = started.elapsed().as_micros();
        self.times.observe(u64::try_from(time).unwrap_or(u64::MAX));
        self.config.counters.conditions.absent(Condition::QueueFull);
    }

    /// Up to `largest` requests, once there is one; `None` when the queue is closed and empty.
    async fn take(&self, largest: usize) -> Option<(Vec<M>, Vec<Span>)> {
        loop {
            let later = {
                let mut waiting = self.lock();
                waiting.busy = false;
                if waiting.len >= COMPANY || waiting.closed || waiting.is_late(Instant::now()) {
                    waiting.admit_later();
                }
                if waiting.len > 0 {
                    let taken = waiting.take(largest);
                    waiting.busy = true;
                    self.taken.notify_waiters();
                    drop(waiting);
                    return Some(begin(taken));
                }
                if waiting.closed {
                    return None;
                }
                waiting.later_until
            };
            let changed = self.changed.notified();
            match later {
                None => changed.await,
                Some(until) => {
                    let _ = timeout_at(until, changed).await;
                }
            }
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

/// Ends the waiting of `taken`. Returns them with spans that last until they are carried out.
fn begin<M: BatchItem>(mut taken: Vec<M>) -> (Vec<M>, Vec<Span>) {
    let spans = taken
        .iter_mut()
        .filter_map(|item| item.trace().leave_queue());
    let spans = spans.collect();
    (taken, spans)
}

#[cfg(test)]
mod tests;
