use std::sync::Arc;
use std::time::Duration;

use strongroom_pgdev::{Cluster, PgError};
use tokio::task::spawn_blocking;

use crate::error::CommandError;

/// How often it is checked whether PostgreSQL runs.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// Pause after a restart that failed.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// A PostgreSQL server that is restarted when it dies.
pub(super) struct Supervised {
    name: String,
    port: u16,
    start: Arc<dyn Fn() -> Result<Cluster, PgError> + Send + Sync>,
    /// `None` after it has died, until it is restarted.
    cluster: Option<Cluster>,
}

impl Supervised {
    /// Supervises `cluster`; `start` starts it again, on the same port.
    pub(super) fn new(
        name: String,
        cluster: Cluster,
        start: impl Fn() -> Result<Cluster, PgError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            port: cluster.port(),
            start: Arc::new(start),
            cluster: Some(cluster),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The running cluster.
    pub(super) fn cluster(&self) -> Result<&Cluster, CommandError> {
        let stopped = || CommandError::Failed(format!("{} is not running", self.name));
        self.cluster.as_ref().ok_or_else(stopped)
    }

    /// Restarts PostgreSQL whenever it dies; completes when a restart fails.
    pub(super) async fn keep_running(&mut self) -> CommandError {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            if self.cluster.as_ref().is_some_and(Cluster::is_running) {
                continue;
            }
            if let Err(error) = self.restart().await {
                return error;
            }
        }
    }

    /// Restarts PostgreSQL whenever it dies, repeatedly when a restart fails.
    pub(super) async fn keep_trying(&mut self) {
        loop {
            let error = self.keep_running().await;
            tracing::error!(%error, "cannot start {}; trying again", self.name);
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    // When this is canceled, the runtime waits for the start and drops the new cluster, which stops
    // it.
    async fn restart(&mut self) -> Result<(), CommandError> {
        // Dropping the dead cluster releases its folder for the next one.
        if self.cluster.take().is_some() {
            tracing::warn!("{} has died; restarting it", self.name);
        }
        let start = self.start.clone();
        let cluster = spawn_blocking(move || start())
            .await
            .map_err(|error| CommandError::Failed(error.to_string()))??;
        if cluster.port() != self.port {
            return Err(CommandError::Failed(format!(
                "{} died, and another process has taken its port {}",
                self.name, self.port
            )));
        }
        self.cluster = Some(cluster);
        Ok(())
    }

    /// Stops PostgreSQL; by force after `timeout`.
    pub(super) fn stop(self, timeout: Duration) -> Result<(), CommandError> {
        match self.cluster {
            Some(cluster) => Ok(cluster.stop(timeout)?),
            None => Ok(()),
        }
    }
}
