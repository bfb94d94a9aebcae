use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::caller::Caller;
use strongroom_domain::ports::lifecycle::LifecycleCounts;
use strongroom_domain::{CredentialId, OrgId, Vault, VaultError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::pause::pause_after;
use crate::callers::{operator_of, scheduled};

/// Organizations in one statement.
const CHUNK: usize = 200;

/// Counts the credentials that expire and those that are deleted, for the metrics of this server.
/// Stops when dropped.
pub(crate) struct LifecycleCounter {
    _task: AbortOnDropHandle<()>,
}

impl LifecycleCounter {
    pub(crate) fn start(vault: Arc<Vault>, every: Duration) -> Self {
        let task = tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = count(&vault).await {
                    tracing::warn!(%error, "cannot count what expires; trying again later");
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

async fn count(vault: &Vault) -> Result<(), VaultError> {
    let mut counts = LifecycleCounts::default();
    for chunk in vault.organization_ids().await?.chunks(CHUNK) {
        let begun = Instant::now();
        let callers: Vec<Caller> = chunk.iter().copied().map(scheduled).collect();
        counts = counts.and(&vault.lifecycle_counts(&callers).await?);
        pause_after(begun).await;
    }
    vault.show_lifecycle(&counts);
    Ok(())
}

/// Purges deleted credentials past their window, and former values beyond those that organizations
/// keep, now and then after every `interval`. Never returns.
pub(super) async fn run_forever(vault: &Vault, interval: Duration) {
    loop {
        if let Err(error) = run(vault).await {
            tracing::warn!(%error, "cannot purge what is due; trying again later");
        }
        sleep(interval).await;
    }
}

// A failure for one organization does not keep the others from being purged.
async fn run(vault: &Vault) -> Result<(), VaultError> {
    let mut result = Ok(());
    let (mut purged, mut pruned) = (0, 0);
    for org in vault.organization_ids().await? {
        let begun = Instant::now();
        match purge(vault, org).await {
            Ok(done) => {
                purged += done.0;
                pruned += done.1;
            }
            Err(error) => result = Err(error),
        }
        pause_after(begun).await;
    }
    if purged + pruned > 0 {
        tracing::info!(
            credentials = purged,
            histories = pruned,
            "purged what was due"
        );
    }
    result
}

async fn purge(vault: &Vault, org: OrgId) -> Result<(u64, u64), VaultError> {
    let caller = operator_of(org);
    let (mut purged, mut pruned) = (0, 0);
    let mut place = None;
    loop {
        let (done, next) = vault.purge_step(&caller, place).await?;
        purged += done;
        place = next;
        if place.is_none() {
            break;
        }
    }
    let mut after = Some(CredentialId(Uuid::nil()));
    while let Some(start) = after {
        let (done, next) = vault.prune_step(&caller, start).await?;
        pruned += done;
        after = next;
    }
    Ok((purged, pruned))
}
