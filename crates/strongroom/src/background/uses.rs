use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Vault;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How often it is looked whether so many uses wait that they shall not wait for the interval.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The share of the room for waiting uses that is not waited beyond.
const FULL_ENOUGH: f64 = 0.5;
/// Longest time for the last flush, when the server stops.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// Keeps last uses in batches. Stops when dropped.
pub(crate) struct UseFlusher(JoinHandle<()>);

impl UseFlusher {
    /// Flushes every `interval`, and earlier when many uses wait.
    pub(crate) fn start(vault: Arc<Vault>, interval: Duration) -> Self {
        Self(tokio::spawn(async move {
            let (mut last, mut held_up) = (Instant::now(), false);
            loop {
                sleep(LOOK_EVERY.min(interval)).await;
                if last.elapsed() < interval && vault.last_used_fill_level() < FULL_ENOUGH {
                    continue;
                }
                last = Instant::now();
                match vault.flush_last_used().await {
                    Ok(()) => held_up = false,
                    Err(_) if held_up => {}
                    Err(error) => {
                        tracing::warn!(%error, "last-used times cannot be stored; trying again");
                        held_up = true;
                    }
                }
            }
        }))
    }

    /// Ends it. What a flush under way has taken goes back, for the last one.
    pub(crate) async fn stop(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

/// Keeps what is left once the last request is finished.
pub(crate) async fn flush_last(vault: &Vault) {
    match tokio::time::timeout(LAST_PATIENCE, vault.flush_last_used()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "last-used times could not be stored"),
        Err(_) => tracing::warn!("last-used times could not be stored in time"),
    }
}

impl Drop for UseFlusher {
    fn drop(&mut self) {
        self.0.abort();
    }
}
