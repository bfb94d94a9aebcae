use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::replication::WalPosition;
use tokio_postgres::types::PgLsn;

use super::watch::{Behind, Progress};
use crate::database::Database;
use crate::rows::get;
use crate::sql::operations as op_sql;
use crate::transaction::{OrgTransaction, within};

/// How often the primary is asked how far it is.
const EVERY: Duration = Duration::from_millis(500);

/// A database's position at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) standby: bool,
    pub(super) position: WalPosition,
    /// When the newest transaction that a standby has replayed was committed.
    pub(super) replayed_at: Option<DateTime<Utc>>,
    /// The database's clock.
    pub(super) now: DateTime<Utc>,
}

/// How far the database is that `transaction` runs on.
pub(super) async fn sample(transaction: &OrgTransaction) -> StoreResult<Sample> {
    let rows = transaction.query(op_sql::REGION_POSITION, &[]).await?;
    let row = rows
        .first()
        .ok_or_else(|| StoreError::Internal("no position".into()))?;
    // A standby that has replayed nothing yet is at the beginning.
    let position: Option<PgLsn> = get(row, "position")?;
    Ok(Sample {
        standby: get(row, "standby")?,
        position: position.map_or_else(WalPosition::default, |at| WalPosition(at.into())),
        replayed_at: get(row, "replayed_at")?,
        now: get(row, "now")?,
    })
}

async fn sample_once(database: &Database) -> StoreResult<Sample> {
    within(database, async {
        let transaction = OrgTransaction::begin(database, &[]).await?;
        let sample = sample(&transaction).await?;
        transaction.finish().await?;
        Ok(sample)
    })
    .await
}

/// Where the primary is, as far as was heard of it.
#[derive(Default)]
pub(super) struct PrimaryPosition(Mutex<Option<Sample>>);

impl PrimaryPosition {
    pub(super) fn get(&self) -> Option<Sample> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn watch(self: Arc<Self>, database: Database) {
        loop {
            match sample_once(&database).await {
                Ok(sample) => {
                    *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
                }
                Err(error) => tracing::debug!(%error, "the primary did not say how far it is"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Bytes of log between the primary and a region.
pub(super) fn bytes(primary: Option<Sample>, region: &Progress) -> Option<u64> {
    let region = region.sample?;
    Some(primary?.position.0.saturating_sub(region.position.0))
}

/// How old what a region shows is. Two clocks bound it, and the smaller one counts: the time since the newest
/// transaction that it has replayed was committed, which is too long when nothing was written for a while, and
/// the time for which it has been seen behind.
pub(super) fn time(primary: Option<Sample>, region: &Progress) -> Option<Duration> {
    let (primary, seen) = (primary?, region.sample?);
    if !seen.standby || seen.position >= primary.position {
        return Some(Duration::ZERO);
    }
    let replayed = seen
        .replayed_at
        .map(|at| (primary.now - at).to_std().unwrap_or_default());
    let behind = match region.behind {
        Behind::Not => Some(Duration::ZERO),
        Behind::Since(at) => Some(at.elapsed()),
        Behind::Unknown => None,
    };
    match (replayed, behind) {
        (Some(replayed), Some(behind)) => Some(replayed.min(behind)),
        (one, other) => one.or(other),
    }
}
