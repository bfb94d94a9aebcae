//! Work that one server at a time does for all.

use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::Vault;
use strongroom_storage::{ConnectError, Database, WorkLock};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::settings::BackgroundSettings;
use super::{attester, audit_roots, daily_totals, lifecycle, scrubber};

/// Longest time from a start, or from the end of another server's work, to the first run; also the
/// interval at which a server tries to take the lock.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(60);

/// Scrubs all organizations, attests them and their audit trails, purges what is due, and counts
/// events per day, on one server at a time. Stops when dropped.
pub(crate) struct SharedWork {
    _task: AbortOnDropHandle<()>,
}

impl SharedWork {
    /// Begins within a minute.
    pub(crate) fn start(
        vault: Arc<Vault>,
        database: Database,
        settings: BackgroundSettings,
    ) -> Self {
        let task = tokio::spawn(async move {
            let intervals = [settings.scrub_interval, settings.audit_root_interval];
            let intervals = intervals.into_iter().flatten();
            let shortest =
                intervals.chain([settings.purge_interval, settings.daily_totals_interval]);
            let shortest = shortest.min();
            let delay = shortest.unwrap_or(FIRST_RUN_WITHIN).min(FIRST_RUN_WITHIN);
            loop {
                sleep(delay).await;
                if let Err(error) = run_while_locked(&vault, &database, settings).await {
                    tracing::warn!(%error, "cannot start the integrity scrub; trying again");
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

// Returns at once when another server holds the lock, otherwise only when the lock is lost.
async fn run_while_locked(
    vault: &Vault,
    database: &Database,
    settings: BackgroundSettings,
) -> Result<(), ConnectError> {
    let Some(mut lock) = WorkLock::try_take(database).await? else {
        return Ok(());
    };
    let scrub = async {
        match settings.scrub_interval {
            Some(interval) => scrubber::run_forever(vault, interval).await,
            None => std::future::pending().await,
        }
    };
    let sign = async {
        match settings.audit_root_interval {
            Some(interval) => audit_roots::run_forever(vault, interval).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = lock.lost() => {
            tracing::warn!("lost the lock of background work with its connection");
        }
        () = scrub => {}
        () = sign => {}
        () = attester::run_forever(vault) => {}
        () = lifecycle::run_forever(vault, settings.purge_interval) => {}
        () = daily_totals::run_forever(vault, settings.daily_totals_interval) => {}
    }
    Ok(())
}
