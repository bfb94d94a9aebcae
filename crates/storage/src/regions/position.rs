//! The WAL positions of the primary and of a region.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::replication::WalPosition;
use tokio_postgres::types::PgLsn;

use crate::connect::database::Database;
use crate::rows::get;
use crate::sql::operations as op_sql;
use crate::transaction::{OrgTransaction, with_deadline};

/// Pause between two queries of the primary's position.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A database's position at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) standby: bool,
    pub(super) position: WalPosition,
    /// The commit time of the newest transaction that a standby has replayed.
    pub(super) replayed_at: Option<DateTime<Utc>>,
    /// The database's clock.
    pub(super) now: DateTime<Utc>,
}

/// The position of the database that `transaction` runs on.
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
    with_deadline(database, async {
        let transaction = OrgTransaction::begin(database, &[]).await?;
        let sample = sample(&transaction).await?;
        transaction.finish().await?;
        Ok(sample)
    })
    .await
}

/// The primary's last known position.
#[derive(Default)]
pub(super) struct PrimaryPosition(Mutex<Option<Sample>>);

impl PrimaryPosition {
    pub(super) fn get(&self) -> Option<Sample> {
        *self.0.lock()
    }

    pub(super) async fn watch(self: Arc<Self>, database: Database) {
        loop {
            match sample_once(&database).await {
                Ok(sample) => *self.0.lock() = Some(sample),
                Err(error) => tracing::debug!(%error, "the primary's position is unknown"),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
