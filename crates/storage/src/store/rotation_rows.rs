//! Rows of rotations.

use strongroom_domain::OrgId;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::rotation::{Progress, Rotation, RotationState};
use tokio_postgres::Row;

use crate::connect::database::Database;
use crate::rows::{get, named};
use crate::sql;
use crate::transaction::{OrgTransaction, with_deadline};

/// The rotations of all organizations, newest first.
pub(crate) async fn all_rotations(database: &Database) -> StoreResult<Vec<Rotation>> {
    with_deadline(database, async {
        let transaction = OrgTransaction::begin_listing(database).await?;
        let rows = transaction.query(sql::ROTATIONS_LISTING, &[]).await?;
        transaction.finish().await?;
        rows.iter().map(rotation).collect()
    })
    .await
}

/// A rotation of an organization key.
pub(crate) fn rotation(row: &Row) -> StoreResult<Rotation> {
    Ok(Rotation {
        org_id: OrgId(get(row, "org_id")?),
        generation: get(row, "generation")?,
        re_encrypt: get(row, "re_encrypt")?,
        progress: progress(row)?,
    })
}

/// The columns common to rotations of organization keys and root keys.
pub(crate) fn progress(row: &Row) -> StoreResult<Progress> {
    Ok(Progress {
        state: named(row, "state", RotationState::parse)?,
        rows_total: get(row, "rows_total")?,
        rows_done: get(row, "rows_done")?,
        throttle: get(row, "throttle")?,
        started_at: get(row, "started_at")?,
        updated_at: get(row, "updated_at")?,
        finished_at: get(row, "finished_at")?,
    })
}
