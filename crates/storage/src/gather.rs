use async_trait::async_trait;
use strongroom_domain::store::{StoreError, StoreResult};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Where one member of a batch gets its answer.
pub(crate) type Reply<T> = oneshot::Sender<StoreResult<T>>;

/// Carries out whatever requests have gathered while the batch before was under way.
#[async_trait]
pub(crate) trait Worker: Send + 'static {
    /// One request with its reply.
    type Member: Send + 'static;

    /// Carries out `members` and answers every one.
    async fn run(&mut self, members: Vec<Self::Member>);
}

/// A bounded queue in front of one worker. A batch never waits for company: the worker takes what is there,
/// so an idle service answers at once, and under load batches grow by themselves.
pub(crate) struct Gather<M> {
    queue: mpsc::Sender<M>,
}

impl<M: Send + 'static> Gather<M> {
    /// Starts `worker` on `runtime`. It ends when the queue is dropped.
    pub(crate) fn start<W: Worker<Member = M>>(
        runtime: &Handle,
        mut worker: W,
        capacity: usize,
        largest: usize,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel(capacity);
        runtime.spawn(async move {
            let mut batch = Vec::with_capacity(largest);
            while waiting.recv_many(&mut batch, largest).await > 0 {
                worker.run(std::mem::take(&mut batch)).await;
            }
        });
        Self { queue }
    }

    /// Queues the request that `member` makes around its reply, and waits for the answer.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] at once when the queue is full; else what the worker answers.
    pub(crate) async fn ask<T>(&self, member: impl FnOnce(Reply<T>) -> M) -> StoreResult<T> {
        answer(self.begin(member)?).await
    }

    /// Queues the request and does not wait. Whoever drops what comes back takes the request back.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] when the queue is full.
    pub(crate) fn begin<T>(
        &self,
        member: impl FnOnce(Reply<T>) -> M,
    ) -> StoreResult<oneshot::Receiver<StoreResult<T>>> {
        let (reply, begun) = oneshot::channel();
        self.queue
            .try_send(member(reply))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => {
                    StoreError::Unavailable("the server is shutting down".into())
                }
            })?;
        Ok(begun)
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
