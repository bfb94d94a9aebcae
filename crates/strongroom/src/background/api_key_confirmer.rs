use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Vault;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// How often the database is asked whether an API key has changed; a fraction of the time for
/// which a cached key is used without confirmation.
const INTERVAL: Duration = Duration::from_secs(1);

/// Confirms cached API keys while none has changed in the database, so that requests need not look
/// them up again. Stops when dropped.
pub(crate) struct ApiKeyConfirmer {
    _task: AbortOnDropHandle<()>,
}

impl ApiKeyConfirmer {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        let task = tokio::spawn(async move {
            loop {
                // After a failure the cached keys expire, and requests look them up again.
                let _ = vault.confirm_keys().await;
                sleep(INTERVAL).await;
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}
