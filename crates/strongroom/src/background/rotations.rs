//! Runs rotations step by step, at the configured rate.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use strongroom_domain::caller::Caller;
use strongroom_domain::rotation::Rotation;
use strongroom_domain::{OrgId, Step, Vault, VaultError};
use tokio::time::Instant;

use crate::error::CommandError;

/// Organizations whose keys are re-wrapped concurrently.
const CONCURRENCY: usize = 16;
/// Longest wait for writes that began before a key became active.
const WRITERS_TIMEOUT: Duration = Duration::from_secs(60);
/// After this many passes over all rows without progress, the remaining rows cannot be moved.
const MAX_FRUITLESS_PASSES: u32 = 20;
/// Pause before a step is repeated that found rows locked by others.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Called with the number of rows that each step has moved.
pub(crate) type Observer<'a> = &'a (dyn Fn(i64) + Sync);

/// Completes `rotation` from its current state.
pub(crate) async fn rotate(
    vault: &Vault,
    caller: &Caller,
    rotation: &Rotation,
    observe: Observer<'_>,
) -> Result<(), CommandError> {
    await_writers(vault).await?;
    let mut after = None;
    let (mut behind, mut passes) = (i64::MAX, 0);
    loop {
        let started = Instant::now();
        match vault.rotation_step(caller, rotation, after).await? {
            Step::Finished => return Ok(()),
            Step::Rows(rows, last) => {
                after = Some(last);
                observe(rows);
                pace(started, rows, rotation.progress.throttle).await;
            }
            Step::Again(left) => {
                after = None;
                passes = if left < behind { 0 } else { passes + 1 };
                behind = left;
                if passes == MAX_FRUITLESS_PASSES {
                    return Err(CommandError::Failed(format!(
                        "{left} credentials cannot be moved to the new key because they cannot be \
                         decrypted; `strongroom verify` lists them. All others use the new key. \
                         Purge these credentials or restore them from a backup, then run this \
                         command again."
                    )));
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Wraps all organizations' keys and the service keys with the active root key, and ends the
/// rotation after a whole pass that found nothing to re-wrap.
pub(crate) async fn rewrap_everything(
    vault: &Vault,
    throttle: Option<i32>,
    caller: impl Fn(OrgId) -> Caller,
    observe: Observer<'_>,
) -> Result<(), CommandError> {
    await_writers(vault).await?;
    let installation = caller(OrgId::INSTALLATION);
    observe(vault.rewrap_service_keys(&installation).await?);
    loop {
        let (rewrapped, failed) = rewrap_pass(vault, throttle, &caller, observe).await?;
        if rewrapped == 0 && failed > 0 {
            return Err(CommandError::Failed(format!(
                "the keys of {failed} organizations cannot be re-wrapped because they cannot be \
                 decrypted; `strongroom verify` lists them. All other keys are wrapped with the \
                 new root key. Restore or delete these organizations, then run this command again."
            )));
        }
        if rewrapped == 0 {
            vault.finish_root_rotation(&installation).await?;
            return Ok(());
        }
    }
}

// Returns how many rows were re-wrapped, and how many organizations failed.
async fn rewrap_pass(
    vault: &Vault,
    throttle: Option<i32>,
    caller: impl Fn(OrgId) -> Caller,
    observe: Observer<'_>,
) -> Result<(i64, u64), CommandError> {
    let mut work = Vec::new();
    for organization in vault.organizations().await? {
        let org = organization.id;
        let result = rewrap_one(vault, caller(org), throttle);
        work.push(result.map(move |result| (org, result)).boxed());
    }
    let concurrency = if throttle.is_some() { 1 } else { CONCURRENCY };
    let mut results = stream::iter(work).buffer_unordered(concurrency);
    let (mut rewrapped, mut failed) = (0, 0);
    while let Some((org, result)) = results.next().await {
        match result {
            Ok(rows) => {
                observe(rows);
                rewrapped += rows;
            }
            // The old root key may have leaked: the other organizations are re-wrapped all the
            // same.
            Err(error @ VaultError::Integrity(_)) => {
                tracing::error!(%org, %error, "cannot re-wrap an organization's key");
                failed += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((rewrapped, failed))
}

async fn rewrap_one(
    vault: &Vault,
    caller: Caller,
    throttle: Option<i32>,
) -> Result<i64, VaultError> {
    let started = Instant::now();
    let rows = vault.rewrap_organization(&caller).await?;
    pace(started, rows, throttle).await;
    Ok(rows)
}

async fn await_writers(vault: &Vault) -> Result<(), CommandError> {
    Ok(retry_unavailable(|| vault.await_writers()).await?)
}

/// Repeats `work` while it is blocked by others, for up to a minute.
pub(crate) async fn retry_unavailable<T, W: Future<Output = Result<T, VaultError>>>(
    mut work: impl FnMut() -> W,
) -> Result<T, VaultError> {
    let until = Instant::now() + WRITERS_TIMEOUT;
    loop {
        match work().await {
            Err(VaultError::Unavailable(_)) if Instant::now() < until => {
                tokio::time::sleep(RETRY_DELAY).await;
            }
            other => return other,
        }
    }
}

async fn pace(started: Instant, rows: i64, throttle: Option<i32>) {
    if let (Some(rate), Ok(rows)) = (throttle, i32::try_from(rows)) {
        let due = Duration::from_secs_f64(f64::from(rows) / f64::from(rate));
        tokio::time::sleep_until(started + due).await;
    }
}
