use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::caller::Caller;
use strongroom_domain::{Vault, VaultError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::rest;
use crate::keepers::scheduled;

/// How often what is older than 24 hours is forgotten.
const EVERY: Duration = Duration::from_secs(3600);
/// Organizations that are asked about together.
const AT_ONCE: usize = 200;

/// Forgets operations and repeatable requests that are too old to be asked about. Stops when dropped.
pub(crate) struct OperationKeeper(JoinHandle<()>);

impl OperationKeeper {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        Self(tokio::spawn(async move {
            let mut every = interval(EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                if let Err(error) = forget(&vault).await {
                    tracing::warn!(%error, "old operations could not be forgotten; trying again later");
                }
            }
        }))
    }
}

impl Drop for OperationKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

// Every server does so when it starts, and there may be many organizations. What fails for some is done for the others.
async fn forget(vault: &Vault) -> Result<(), VaultError> {
    let mut forgotten = Ok(());
    for some in vault.organizations().await?.chunks(AT_ONCE) {
        let begun = Instant::now();
        let callers = some.iter().map(|organization| scheduled(organization.id));
        let callers: Vec<Caller> = callers.collect();
        forgotten = vault.forget_operations(&callers).await.and(forgotten);
        rest(begun).await;
    }
    forgotten
}
