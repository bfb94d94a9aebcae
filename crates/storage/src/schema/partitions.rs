//! Creates audit partitions ahead of time.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::sql;

/// Pause between two checks for missing partitions.
const CHECK_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// Creates audit partitions ahead of time. Stops when dropped.
pub struct PartitionMaintainer {
    _task: AbortOnDropHandle<()>,
}

impl PartitionMaintainer {
    /// Creates partitions now and then every six hours.
    pub fn start(database: Database) -> Self {
        let task = tokio::spawn(async move {
            let mut interval = tokio::time::interval(CHECK_INTERVAL);
            loop {
                interval.tick().await;
                if let Err(error) = ensure_audit_partitions(&database).await {
                    tracing::warn!(%error, "audit partitions could not be made ahead of time");
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

/// Creates the audit partitions of this month and the next three.
///
/// # Errors
/// [`ConnectError`].
pub async fn ensure_audit_partitions(database: &Database) -> Result<(), ConnectError> {
    let client = database.setup_client().await?;
    client.query(sql::ENSURE_PARTITIONS, &[]).await?;
    Ok(())
}
