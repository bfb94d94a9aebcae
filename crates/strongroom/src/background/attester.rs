//! Records the state of organizations in the newest record format, after an upgrade.

use std::time::Duration;

use strongroom_domain::{OrgId, Vault, VaultError};
use tokio::time::{Instant, sleep};

use super::pause::pause_after;
use crate::callers::scheduled;

/// How often the job looks whether it is due.
const INTERVAL: Duration = Duration::from_secs(5);
/// The pause after an attempt in which organizations failed.
const RETRY_AFTER: Duration = Duration::from_secs(600);
/// The time between two log lines about the progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Attests all organizations once the database has the newest record format, until all of them are.
/// Never returns.
pub(super) async fn run_forever(vault: &Vault) {
    loop {
        let mut pause = INTERVAL;
        if vault.attests_organizations() {
            match attest_all(vault).await {
                Ok(0) => {}
                Ok(failed) => {
                    tracing::error!(
                        failed,
                        "the state of organizations contradicts their trails"
                    );
                    pause = RETRY_AFTER;
                }
                Err(error) => tracing::warn!(%error, "cannot attest organizations; trying again"),
            }
        }
        sleep(pause).await;
    }
}

/// Attests all organizations that are not. Returns the number of those whose rows contradict their
/// trail.
async fn attest_all(vault: &Vault) -> Result<u64, VaultError> {
    let mut organizations = vault.organizations().await?;
    organizations.retain(|organization| organization.destroyed_at.is_none());
    let total = organizations.len();
    let (mut attested, mut failed, mut logged) = (0_u64, 0_u64, Instant::now());
    for (done, organization) in organizations.iter().enumerate() {
        let started = Instant::now();
        let org = organization.id;
        match vault.attest_organization(&scheduled(org)).await {
            Ok(new) => attested += u64::from(new),
            // Destroyed since the list was read.
            Err(VaultError::NotFound) => {}
            // The other organizations are attested all the same.
            Err(error @ VaultError::Integrity(_)) => {
                tracing::error!(%org, %error, "cannot attest an organization");
                failed += 1;
            }
            Err(error) => return Err(error),
        }
        if logged.elapsed() >= PROGRESS_INTERVAL {
            tracing::info!(done, total, "attesting organizations");
            logged = Instant::now();
        }
        pause_after(started).await;
    }
    let installation = scheduled(OrgId::INSTALLATION);
    if failed == 0 && vault.organizations_are_attested(&installation).await? {
        tracing::info!(total, attested, "all organizations are attested");
    }
    Ok(failed)
}
