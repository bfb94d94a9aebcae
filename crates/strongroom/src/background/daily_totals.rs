//! Keeps the totals of reveals and relays per day.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::caller::Caller;
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultError};
use tokio::time::{Instant, sleep};

use super::pause::pause_after;
use crate::callers::scheduled;

/// Organizations in one statement.
const CHUNK: usize = 200;
/// How often all organizations are counted, also those without new events: their old totals are
/// forgotten then.
const COUNT_ALL: TimeDelta = TimeDelta::hours(24);

/// Counts the events of organizations that have new ones, now and then after every `interval`.
/// Never returns.
pub(super) async fn run_forever(vault: &Vault, interval: Duration) {
    let (mut last, mut last_of_all) = (None, None);
    loop {
        let begun = SystemClock.now();
        let since = last.filter(|_| last_of_all.is_some_and(|at| begun - at < COUNT_ALL));
        match run(vault, since).await {
            Ok(()) => {
                last = Some(begun);
                last_of_all = last_of_all.filter(|_| since.is_some()).or(last);
            }
            Err(error) => tracing::warn!(%error, "cannot count events per day; trying again later"),
        }
        sleep(interval).await;
    }
}

// A failure for one organization does not keep the others from being counted.
async fn run(vault: &Vault, since: Option<DateTime<Utc>>) -> Result<(), VaultError> {
    let mut result = Ok(());
    for chunk in vault.organization_ids().await?.chunks(CHUNK) {
        let begun = Instant::now();
        let orgs = match since {
            Some(since) => {
                let callers: Vec<Caller> = chunk.iter().copied().map(scheduled).collect();
                vault.organizations_to_count(&callers, since).await?
            }
            None => chunk.to_vec(),
        };
        pause_after(begun).await;
        for org in orgs {
            if let Err(error) = count(vault, org).await {
                result = Err(error);
            }
        }
    }
    result
}

async fn count(vault: &Vault, org: OrgId) -> Result<(), VaultError> {
    let begun = Instant::now();
    let mut count = vault.begin_daily_count(&scheduled(org)).await?;
    pause_after(begun).await;
    let mut goes_on = true;
    while goes_on {
        let begun = Instant::now();
        goes_on = vault.daily_count_step(&mut count).await?;
        pause_after(begun).await;
    }
    Ok(())
}
