use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Vault;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often it is asked whether keys have changed; several times while a looked-up key may be used without that.
const EVERY: Duration = Duration::from_secs(1);

/// Spares requests to look their API keys up again, as long as none has changed. Stops when dropped.
pub(crate) struct KeyConfirmer(JoinHandle<()>);

impl KeyConfirmer {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                // After a failure, keys are looked up again by themselves.
                let _ = vault.confirm_keys().await;
                sleep(EVERY).await;
            }
        }))
    }
}

impl Drop for KeyConfirmer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
