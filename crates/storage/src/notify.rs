//! Notices of changed keys.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;

/// How long after a lost connection the next try comes.
const RETRY: Duration = Duration::from_secs(1);

/// Hears of revoked API keys and deleted organizations. Stops when dropped.
pub struct RevocationListener(JoinHandle<()>);

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

impl Drop for RevocationListener {
    fn drop(&mut self) {
        self.0.abort();
    }
}
