//! Notifications of changed keys.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;

/// Pause before reconnecting after a lost connection.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Receives notifications of revoked API keys and deleted organizations. Stops when dropped.
pub struct RevocationListener {
    _task: AbortOnDropHandle<()>,
}

impl RevocationListener {
    /// Calls `forget` for every notification, and whenever notifications may have been missed.
    pub fn start(database: Database, forget: Arc<dyn Fn() + Send + Sync>) -> Self {
        let task = tokio::spawn(async move {
            let mut disconnected = false;
            loop {
                let ended = listen(&database, &forget, &mut disconnected).await;
                forget();
                if let Err(error) = ended
                    && !std::mem::replace(&mut disconnected, true)
                {
                    tracing::warn!(%error, "no notifications of revoked keys; reconnecting");
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

async fn listen(
    database: &Database,
    forget: &Arc<dyn Fn() + Send + Sync>,
    disconnected: &mut bool,
) -> Result<(), ConnectError> {
    let notified = forget.clone();
    let (client, connection) = database.dedicated(move || notified()).await?;
    client.batch_execute("listen strongroom_keys").await?;
    if std::mem::take(disconnected) {
        tracing::info!("notifications of revoked keys are received again");
    }
    // A key may have been revoked before LISTEN took effect.
    forget();
    let _ = connection.await;
    Ok(())
}
