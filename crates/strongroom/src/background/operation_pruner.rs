use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::caller::Caller;
use strongroom_domain::{Vault, VaultError};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::pause::pause_after;
use crate::callers::scheduled;

/// How often rows older than 24 hours are deleted.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Organizations in one statement.
const CHUNK: usize = 200;

/// Deletes expired operations, idempotency records, access tokens and sessions of the console.
/// Stops when dropped.
pub(crate) struct OperationPruner {
    _task: AbortOnDropHandle<()>,
}

impl OperationPruner {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        let task = tokio::spawn(async move {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = prune(&vault).await {
                    tracing::warn!(%error, "cannot delete what has expired; trying again later");
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

// Every server prunes when it starts, and there may be many organizations. A failure for some of
// them does not keep the others from being pruned.
async fn prune(vault: &Vault) -> Result<(), VaultError> {
    let mut result = Ok(());
    for chunk in vault.organization_ids().await?.chunks(CHUNK) {
        let begun = Instant::now();
        let callers: Vec<Caller> = chunk.iter().copied().map(scheduled).collect();
        result = vault.forget_operations(&callers).await.and(result);
        result = vault.forget_access_tokens(&callers).await.and(result);
        result = vault.forget_console_sessions(&callers).await.and(result);
        pause_after(begun).await;
    }
    result
}
