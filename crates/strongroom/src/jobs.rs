//! Drives rotations step by step, at the pace that was asked for.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use strongroom_domain::caller::Caller;
use strongroom_domain::rotation::Rotation;
use strongroom_domain::{OrgId, Step, Vault, VaultError};
use tokio::time::Instant;

use crate::error::CommandError;

/// Organizations whose keys are re-wrapped at a time.
const AT_A_TIME: usize = 16;
/// Longest wait for writers that were under way when a key became active.
const WRITERS_PATIENCE: Duration = Duration::from_secs(60);
/// After so many whole passes in which nothing moved, what is left cannot be moved.
const FRUITLESS_PASSES: u32 = 20;
/// Pause before a step is tried again that found rows held by others.
const AGAIN: Duration = Duration::from_millis(100);

/// Called with the number of rows that each step has done.
pub(crate) type Observer<'a> = &'a (dyn Fn(i64) + Sync);

/// Carries `rotation` to its end, from wherever it stands.
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
        match vault.rotation_step(caller, rotation, after).await {
            Ok(Step::Finished) => return Ok(()),
            Ok(Step::Rows(rows, last)) => {
                after = Some(last);
                observe(rows);
                pace(started, rows, rotation.progress.throttle).await;
            }
            Ok(Step::Again(left)) => {
                after = None;
                passes = if left < behind { 0 } else { passes + 1 };
                behind = left;
                if passes == FRUITLESS_PASSES {
                    return Err(CommandError::Failed(format!(
                        "{left} credentials cannot be brought under the new key, since they do not open: \
                         `strongroom verify` names them. All others are under it. Delete or restore them, then \
                         run this again."
                    )));
                }
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Wraps every organization's keys and the service keys by the active root key, and ends the rotation once a
/// whole pass has found nothing left.
pub(crate) async fn rewrap_everything(
    vault: &Vault,
    throttle: Option<i32>,
    caller: impl Fn(OrgId) -> Caller,
    observe: Observer<'_>,
) -> Result<(), CommandError> {
    await_writers(vault).await?;
    observe(vault.rewrap_service_keys().await?);
    let at_a_time = if throttle.is_some() { 1 } else { AT_A_TIME };
    loop {
        let mut work = Vec::new();
        for organization in vault.organizations().await? {
            let org = organization.id;
            let rewrapped = rewrap_one(vault, caller(org), throttle);
            work.push(rewrapped.map(move |rewrapped| (org, rewrapped)).boxed());
        }
        let mut work = stream::iter(work).buffer_unordered(at_a_time);
        let (mut found, mut failed) = (0, 0);
        while let Some((org, rewrapped)) = work.next().await {
            match rewrapped {
                Ok(rows) => {
                    observe(rows);
                    found += rows;
                }
                // One that does not open must not keep the others under a root key that may have leaked.
                Err(error @ VaultError::Integrity(_)) => {
                    tracing::error!(%org, %error, "an organization's key cannot be re-wrapped");
                    failed += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if found == 0 && failed > 0 {
            return Err(CommandError::Failed(format!(
                "the keys of {failed} organizations cannot be re-wrapped, since they do not open: `strongroom \
                 verify` names them. All others are under the new root key. Restore them, or delete these \
                 organizations, then run this again."
            )));
        }
        if found == 0 {
            vault.finish_root_rotation().await?;
            return Ok(());
        }
    }
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
    Ok(patiently(|| vault.await_writers()).await?)
}

/// Tries `work` again while others stand in its way, for up to a minute.
pub(crate) async fn patiently<T, W: Future<Output = Result<T, VaultError>>>(
    mut work: impl FnMut() -> W,
) -> Result<T, VaultError> {
    let until = Instant::now() + WRITERS_PATIENCE;
    loop {
        match work().await {
            Err(VaultError::Unavailable(_)) if Instant::now() < until => {
                tokio::time::sleep(AGAIN).await;
            }
            other => return other,
        }
    }
}

async fn pace(started: Instant, rows: i64, throttle: Option<i32>) {
    if let (Some(most), Ok(rows)) = (throttle, i32::try_from(rows)) {
        let due = Duration::from_secs_f64(f64::from(rows) / f64::from(most));
        tokio::time::sleep_until(started + due).await;
    }
}
