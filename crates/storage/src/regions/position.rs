//! How far the primary and a region are in the log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::replication::WalPosition;
use tokio_postgres::types::PgLsn;

use crate::connect::database::Database;
use crate::rows::get;
use crate::sql::operations as op_sql;
use crate::transaction::{OrgTransaction, with_deadline};

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
    with_deadline(database, async {
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
