use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_pgdev::{Cluster, PgError};

use crate::error::CommandError;

/// How often it is looked whether PostgreSQL still runs.
const LOOK: Duration = Duration::from_millis(200);
/// Pause after a start that failed.
const RETRY: Duration = Duration::from_secs(2);

/// A PostgreSQL that is started again when it dies.
#[derive(Clone)]
pub(super) struct Supervised(Arc<Inner>);

struct Inner {
    what: String,
    port: u16,
    start: Box<dyn Fn() -> Result<Cluster, PgError> + Send + Sync>,
    running: Mutex<Running>,
}

enum Running {
    Yes(Cluster),
    /// It died, and could not be started again yet.
    No,
    /// It is meant to have ended.
    Stopped,
}

impl Supervised {
    /// Looks after `cluster`; `start` starts it again, on the port that it has.
    pub(super) fn new(
        what: String,
        cluster: Cluster,
        start: impl Fn() -> Result<Cluster, PgError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            what,
            port: cluster.port(),
            start: Box::new(start),
            running: Mutex::new(Running::Yes(cluster)),
        }))
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port
    }

    /// Works with the cluster, when it runs.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Cluster) -> Result<T, PgError>,
    ) -> Result<T, CommandError> {
        match &*self.lock() {
            Running::Yes(cluster) => Ok(work(cluster)?),
            Running::No | Running::Stopped => Err(CommandError::Failed(format!(
                "{} does not run",
                self.0.what
            ))),
        }
    }

    /// Starts PostgreSQL again whenever it dies; completes when that fails.
    pub(super) async fn keep_alive(&self) -> CommandError {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.look().await {
                return error;
            }
        }
    }

    /// Starts PostgreSQL again whenever it dies, and tries again when that fails.
    pub(super) async fn keep_trying(&self) {
        loop {
            let error = self.keep_alive().await;
            tracing::error!(%error, "{} cannot be started; trying again", self.0.what);
            tokio::time::sleep(RETRY).await;
        }
    }

    // A start takes its time, in which this thread shall do other things.
    async fn look(&self) -> Result<(), CommandError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.restart_if_dead())
            .await
            .map_err(|error| CommandError::Failed(error.to_string()))?
    }

    fn restart_if_dead(&self) -> Result<(), CommandError> {
        let Inner {
            what, port, start, ..
        } = &*self.0;
        let mut running = self.lock();
        match &*running {
            Running::Stopped => return Ok(()),
            Running::Yes(cluster) if cluster.is_running() => return Ok(()),
            Running::Yes(_) => tracing::warn!("{what} has died; starting it again"),
            Running::No => {}
        }
        // Its folder has to be free for the next one.
        *running = Running::No;
        let cluster = start()?;
        if cluster.port() != *port {
            return Err(CommandError::Failed(format!(
                "{what} died, and meanwhile something else took its port {port}"
            )));
        }
        *running = Running::Yes(cluster);
        Ok(())
    }

    /// Stops PostgreSQL for good, the hard way after `patience`.
    pub(super) fn stop(&self, patience: Duration) -> Result<(), CommandError> {
        match std::mem::replace(&mut *self.lock(), Running::Stopped) {
            Running::Yes(cluster) => Ok(cluster.stop(patience)?),
            Running::No | Running::Stopped => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // Whoever panicked while holding it left the cluster itself as it was.
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
