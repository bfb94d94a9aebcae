use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::database::Database;
use crate::error::ConnectError;
use crate::sql;

/// How long after a lost connection the next try comes.
const RETRY: Duration = Duration::from_secs(1);
/// How often audit partitions are made ahead of time.
const PARTITIONS_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Hears of revoked API keys and deleted organizations. Stops when dropped.
pub struct RevocationListener(JoinHandle<()>);

/// Makes audit partitions ahead of time. Stops when dropped.
pub struct PartitionKeeper(JoinHandle<()>);

impl RevocationListener {
    /// Calls `forget` at every notice, and whenever notices may have been missed.
    pub fn start(database: Database, forget: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self(tokio::spawn(async move {
            let mut deaf = false;
            loop {
                let ended = listen(&database, &forget, &mut deaf).await;
                forget();
                if let Err(error) = ended
                    && !std::mem::replace(&mut deaf, true)
                {
                    tracing::warn!(%error, "notices of revoked keys are not heard; trying again");
                }
                tokio::time::sleep(RETRY).await;
            }
        }))
    }
}

async fn listen(
    database: &Database,
    forget: &Arc<dyn Fn() + Send + Sync>,
    deaf: &mut bool,
) -> Result<(), ConnectError> {
    let notified = forget.clone();
    let (client, connection) = database.dedicated(move || notified()).await?;
    client.batch_execute("listen strongroom_keys").await?;
    if std::mem::take(deaf) {
        tracing::info!("notices of revoked keys are heard again");
    }
    // A key revoked while nobody listened.
    forget();
    let _ = connection.await;
    Ok(())
}

impl PartitionKeeper {
    /// Makes partitions now and then again every few hours.
    pub fn start(database: Database) -> Self {
        Self(tokio::spawn(async move {
            let mut every = tokio::time::interval(PARTITIONS_EVERY);
            loop {
                every.tick().await;
                if let Err(error) = ensure_audit_partitions(&database).await {
                    tracing::warn!(%error, "audit partitions could not be made ahead of time");
                }
            }
        }))
    }
}

/// Makes the audit partitions of this month and the next three.
///
/// # Errors
/// [`ConnectError`].
pub async fn ensure_audit_partitions(database: &Database) -> Result<(), ConnectError> {
    let client = database.setup_client().await?;
    client.query(sql::ENSURE_PARTITIONS, &[]).await?;
    Ok(())
}

impl Drop for RevocationListener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for PartitionKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
