use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::LimitMetrics;

/// Connections beyond the last place that are told so at a time; others are closed without a word.
pub(super) const MOST_TOLD: usize = 256;
/// How long one of them may take to hear it.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the same thing about connections is logged, at most.
pub(super) const LOGGED_EVERY: Duration = Duration::from_secs(60);

const FULL: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\n",
    "connection: close\r\n",
    "content-type: application/json\r\n",
    "cache-control: no-store\r\n",
    "x-content-type-options: nosniff\r\n",
    "retry-after: 1\r\n",
    "content-length: 131\r\n\r\n",
    "{\"meta\":{},\"errors\":[{\"httpcode\":503,\"message\":\"the server has as many connections as it may have\",",
    "\"code\":\"too_many_connections\"}]}"
);

/// As many connections as the server may have, over all its workers.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    told: Arc<Semaphore>,
    metrics: Arc<LimitMetrics>,
    logged: Cache<(), ()>,
}

/// A place that is taken until this is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<LimitMetrics>,
}

impl Places {
    pub(super) fn new(most: usize, metrics: Arc<LimitMetrics>) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            told: Arc::new(Semaphore::new(MOST_TOLD)),
            metrics,
            logged: Cache::builder().time_to_live(LOGGED_EVERY).build(),
        }
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<Place> {
        let permit = self.free.clone().try_acquire_owned().ok();
        let Some(permit) = permit else {
            self.metrics.refused_connections.inc();
            if self.logged.entry(()).or_insert(()).is_fresh() {
                tracing::warn!(
                    "connections are refused: there are max_connections (logged once a minute)"
                );
            }
            return None;
        };
        self.metrics.connections.inc();
        self.metrics.accepted.inc();
        Some(Place {
            _permit: permit,
            metrics: self.metrics.clone(),
        })
    }

    /// Tells a client that there is no place for it, whatever it asks.
    pub(super) async fn refuse(&self, mut io: TcpStream) {
        let Ok(_told) = self.told.try_acquire() else {
            return;
        };
        // What it has sent is read, since closing on unread bytes would take the answer back.
        let telling = async {
            io.write_all(FULL.as_bytes()).await?;
            io.shutdown().await?;
            tokio::io::copy(&mut io.take(64 * 1024), &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(PATIENCE, telling).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let (head, body) = FULL.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}", body.len());
        assert!(head.ends_with(&length), "{length}");
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
