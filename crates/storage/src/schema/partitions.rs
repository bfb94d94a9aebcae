//! Audit partitions ahead of time.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::sql;

/// How often audit partitions are made ahead of time.
const PARTITIONS_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Makes audit partitions ahead of time. Stops when dropped.
pub struct PartitionMaintainer(JoinHandle<()>);

impl PartitionMaintainer {
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

impl Drop for PartitionMaintainer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
