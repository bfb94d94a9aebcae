use std::sync::Mutex;
use std::time::Duration;

use strongroom_pgdev::{Binaries, Cluster, ClusterConfig};

use super::folder::DevFolder;
use crate::error::CommandError;

/// How often it is looked whether PostgreSQL still runs.
const LOOK: Duration = Duration::from_millis(200);

/// The instance's PostgreSQL. When it dies it is started again.
pub(super) struct PrivateCluster {
    binaries: Binaries,
    config: ClusterConfig,
    port: u16,
    running: Mutex<Option<Cluster>>,
}

impl PrivateCluster {
    /// Starts PostgreSQL in `folder`, after making it when it is not there.
    pub(super) fn start(folder: &DevFolder) -> Result<Self, CommandError> {
        let binaries = Binaries::find()?;
        let mut memory = folder.remember()?;
        let mut config = ClusterConfig {
            data: folder.cluster(),
            log: folder.cluster_log(),
            superuser_password: memory.postgres_password.clone(),
            port: memory.port,
            settings: Vec::new(),
        };
        if !config.data.exists() {
            tracing::info!(folder = %config.data.display(), "making a private PostgreSQL");
        }
        let cluster = Cluster::start(&binaries, config.clone())?;
        let port = cluster.port();
        config.port = Some(port);
        if memory.port != config.port {
            memory.port = config.port;
            folder.keep(&memory)?;
        }
        Ok(Self {
            binaries,
            config,
            port,
            running: Mutex::new(Some(cluster)),
        })
    }

    /// A URL for the superuser.
    pub(super) fn superuser_url(&self, database: &str) -> String {
        let password = &self.config.superuser_password;
        url("postgres", password, self.port, database)
    }

    /// A URL for another role.
    pub(super) fn url(&self, role: &str, password: &str, database: &str) -> String {
        url(role, password, self.port, database)
    }

    /// Starts PostgreSQL again whenever it dies; completes when that fails.
    pub(super) async fn keep_alive(&self) -> CommandError {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.restart_if_dead() {
                return error;
            }
        }
    }

    fn restart_if_dead(&self) -> Result<(), CommandError> {
        let mut running = self.lock();
        if running.as_ref().is_some_and(Cluster::is_running) {
            return Ok(());
        }
        tracing::warn!("PostgreSQL has died; starting it again");
        running.take();
        let cluster = Cluster::start(&self.binaries, self.config.clone())?;
        let port = cluster.port();
        *running = Some(cluster);
        if port == self.port {
            return Ok(());
        }
        Err(CommandError::Failed(format!(
            "PostgreSQL died, and meanwhile something else took its port {}",
            self.port
        )))
    }

    /// Stops PostgreSQL, the hard way after `patience`.
    pub(super) fn stop(&self, patience: Duration) -> Result<(), CommandError> {
        match self.lock().take() {
            Some(cluster) => Ok(cluster.stop(patience)?),
            None => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Cluster>> {
        // Whoever panicked while holding it left the cluster itself as it was.
        self.running
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn url(role: &str, password: &str, port: u16, database: &str) -> String {
    format!("postgresql://{role}:{password}@127.0.0.1:{port}/{database}")
}
