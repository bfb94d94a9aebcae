use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Vault;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

/// How often the number of buffered last-used times is compared with the limit for an early flush.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The share of the buffer at which a flush does not wait for the interval.
const EARLY_FLUSH: f64 = 0.5;
/// Longest time for the last flush, when the server stops.
const LAST_FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes last-used times to the database in batches. Stops when dropped.
pub(crate) struct LastUsedFlusher {
    task: AbortOnDropHandle<()>,
}

impl LastUsedFlusher {
    /// Flushes every `interval`, and earlier when many last-used times are buffered.
    pub(crate) fn start(vault: Arc<Vault>, interval: Duration) -> Self {
        let task = tokio::spawn(async move {
            let (mut last, mut failing) = (Instant::now(), false);
            loop {
                sleep(CHECK_INTERVAL.min(interval)).await;
                if last.elapsed() < interval && vault.last_used_fill_level() < EARLY_FLUSH {
                    continue;
                }
                last = Instant::now();
                match vault.flush_last_used().await {
                    Ok(()) => failing = false,
                    Err(_) if failing => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot write last-used times; trying again");
                        failing = true;
                    }
                }
            }
        });
        Self {
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Stops, and returns when the task has ended. A flush that is aborted puts its last-used
    /// times back into the buffer, for [`flush_last`].
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Writes the last-used times that are still buffered once the last request has finished.
pub(crate) async fn flush_last(vault: &Vault) {
    match tokio::time::timeout(LAST_FLUSH_TIMEOUT, vault.flush_last_used()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "cannot write the remaining last-used times"),
        Err(_) => tracing::warn!("writing the remaining last-used times took too long"),
    }
}
