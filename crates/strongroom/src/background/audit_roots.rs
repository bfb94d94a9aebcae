//! Signs the newest heads of all audit trails, and logs their root.

use std::time::Duration;

use chrono::TimeDelta;
use strongroom_domain::{Clock, SystemClock, Vault, VaultError};
use tokio::time::sleep;

/// How often the job looks whether a root is due.
const INTERVAL: Duration = Duration::from_secs(1);

/// Signs a root now, unless the newest one is not older than `interval`, and then every `interval`.
/// Never returns.
pub(super) async fn run_forever(vault: &Vault, interval: Duration) {
    let mut failing = false;
    loop {
        match sign_if_due(vault, interval).await {
            Ok(()) => failing = false,
            Err(_) if failing => {}
            Err(error) => {
                tracing::warn!(%error, "cannot sign the heads of audit trails; trying again");
                failing = true;
            }
        }
        sleep(INTERVAL).await;
    }
}

async fn sign_if_due(vault: &Vault, interval: Duration) -> Result<(), VaultError> {
    let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
    let newest = vault.newest_audit_root().await?;
    let now = SystemClock.now();
    // A root of a server whose clock was ahead does not count.
    if newest.is_some_and(|root| (now - root.at).abs() < interval) {
        return Ok(());
    }
    let root = vault.sign_audit_root().await?;
    vault.show_results().await?;
    tracing::info!(line = root.to_line(), trails = root.leaves, "audit root");
    Ok(())
}
