use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Vault;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

const INTERVAL: Duration = Duration::from_secs(5);

/// Forgets upstreams that did not answer and to which nothing is sent any more. Stops when dropped.
pub(crate) struct UpstreamForgetter {
    _task: AbortOnDropHandle<()>,
}

impl UpstreamForgetter {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        let task = tokio::spawn(async move {
            loop {
                sleep(INTERVAL).await;
                vault.forget_idle_upstreams();
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}
