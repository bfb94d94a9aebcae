//! Credentials: those that expire, and deleted ones whose window has ended.

use chrono::{DateTime, Utc};
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::lifecycle::LifecycleCounts;
use strongroom_storage::{ConnectError, Database, doctor};

use super::finding::{Finding, attempt};
use crate::callers::operator_of;

const EXPIRY: &str = "expiry";
const PURGES: &str = "purges";
/// Organizations in one statement.
const CHUNK: usize = 200;

/// Both checks.
pub(super) async fn findings(database: &Database, now: DateTime<Utc>) -> Vec<Finding> {
    attempt(EXPIRY, counts(database, now).await, |counts| {
        vec![expiry(&counts), purges(&counts)]
    })
}

async fn counts(database: &Database, now: DateTime<Utc>) -> Result<LifecycleCounts, ConnectError> {
    let mut sum = LifecycleCounts::default();
    for chunk in doctor::organizations(database).await?.chunks(CHUNK) {
        let callers = chunk.iter().map(|one| operator_of(one.id));
        let callers: Vec<Caller> = callers.collect();
        let counts = LifecycleCounts::read(database, &callers, now).await;
        sum = sum.and(&counts.map_err(|error| ConnectError::Failed(error.to_string()))?);
    }
    Ok(sum)
}

// What expires is the organizations' affair, so it is no warning.
fn expiry(counts: &LifecycleCounts) -> Finding {
    let [expired, week, month, _] = counts.expiring;
    if month == 0 {
        return Finding::ok(EXPIRY, "no credential is known to expire within 30 days");
    }
    let found = format!(
        "{expired} credential(s) have expired, {} more expire within 7 days, and {} more within \
         30 days; `strongroom credential list --expiring-within 30d` names those of an \
         organization",
        week - expired,
        month - week
    );
    Finding::note(EXPIRY, found)
}

fn purges(counts: &LifecycleCounts) -> Finding {
    if counts.purge_due == 0 {
        let found = format!("{} deleted credential(s) can be restored", counts.deleted);
        return Finding::ok(PURGES, found);
    }
    let found = format!(
        "{} deleted credential(s) can no longer be restored, and are still stored; a running \
         server purges them after every purge_interval",
        counts.purge_due
    );
    Finding::note(PURGES, found)
}
