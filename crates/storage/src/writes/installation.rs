//! What changes of the installation do to the tables, in the transaction of their batch.

use chrono::{DateTime, Utc};
use strongroom_domain::crypto::{PassphraseParams, RootKeyId};
use strongroom_domain::keyring::stored::StoredRootKey;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::ports::installation::InstallationChange;
use strongroom_domain::rotation::{RootKeyState, RotationStart};
use tokio_postgres::types::ToSql;

use crate::sql;
use crate::transaction::OrgTransaction;

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Makes `change`. The inner result is the failure of this change alone, which has changed nothing;
/// the outer one fails the batch.
pub(super) async fn change(
    transaction: &OrgTransaction,
    change: &InstallationChange,
    at: DateTime<Utc>,
) -> StoreResult<StoreResult<()>> {
    match change {
        InstallationChange::AdvanceRecordFormat(to) => {
            let params: Params<'_> = &[&to.format, &to.since];
            one(transaction, sql::RECORD_FORMAT_ADVANCE, params).await
        }
        InstallationChange::PrepareRootKey(key) => {
            let row = RootKeyRow::new(key)?;
            one(transaction, sql::ROOT_KEY_PREPARE, &row.params()).await
        }
        InstallationChange::ActivateRootKey {
            id,
            superseded,
            start,
            total,
        } => activate_root_key(transaction, *id, *superseded, start, *total).await,
        InstallationChange::RetireRootKey { id, from } => {
            move_root_key(transaction, *id, *from, RootKeyState::Retired).await
        }
        InstallationChange::FinishRootRotation(id) => {
            let finished = one(transaction, sql::ROOT_ROTATION_FINISH, &[&id.0, &at]).await?;
            if finished.is_ok() {
                transaction.execute(sql::ROOT_KEYS_UNNEEDED, &[]).await?;
            }
            Ok(finished)
        }
        InstallationChange::RewrapServiceKey { key, from } => {
            let params: Params<'_> = &[&key.purpose, &from.0, &key.root_key.0, &key.wrapped];
            one(transaction, sql::SERVICE_KEY_REWRAP, params).await
        }
    }
}

// The guarded update of the active key comes first: nothing else is changed unless it applies, and
// it locks the row.
async fn activate_root_key(
    transaction: &OrgTransaction,
    id: RootKeyId,
    superseded: RootKeyId,
    start: &RotationStart,
    total: i64,
) -> StoreResult<StoreResult<()>> {
    let (prepared, active) = (RootKeyState::Prepared, RootKeyState::Active);
    let is_prepared = transaction
        .query(sql::ROOT_KEY_IN_STATE, &[&id.0, &prepared.as_str()])
        .await?;
    if is_prepared.is_empty() {
        return Ok(Err(StoreError::Conflict));
    }
    let to = RootKeyState::Superseded;
    let moved = move_root_key(transaction, superseded, active, to).await?;
    if moved.is_err() {
        return Ok(moved);
    }
    let _ = move_root_key(transaction, id, prepared, active).await?;
    let params: Params<'_> = &[&id.0, &total, &start.throttle, &start.at];
    transaction
        .execute(sql::ROOT_ROTATION_INSERT, params)
        .await?;
    Ok(Ok(()))
}

async fn move_root_key(
    transaction: &OrgTransaction,
    id: RootKeyId,
    from: RootKeyState,
    to: RootKeyState,
) -> StoreResult<StoreResult<()>> {
    let params: Params<'_> = &[&id.0, &from.as_str(), &to.as_str()];
    one(transaction, sql::ROOT_KEY_STATE, params).await
}

// A statement that changes one row, unless it is no longer in the expected state.
async fn one(
    transaction: &OrgTransaction,
    sql: &str,
    params: Params<'_>,
) -> StoreResult<StoreResult<()>> {
    match transaction.execute(sql, params).await? {
        0 => Ok(Err(StoreError::Conflict)),
        _ => Ok(Ok(())),
    }
}

/// A root key's columns, in the order of the parameters of both INSERTs.
pub(crate) struct RootKeyRow<'a> {
    key: &'a StoredRootKey,
    salt: Option<Vec<u8>>,
    memory: Option<i32>,
    passes: Option<i32>,
    lanes: Option<i32>,
}

impl<'a> RootKeyRow<'a> {
    pub(crate) fn new(key: &'a StoredRootKey) -> StoreResult<Self> {
        let passphrase = key.passphrase.as_ref();
        let number = |value: fn(&PassphraseParams) -> u32| {
            passphrase
                .map(|params| i32::try_from(value(params)))
                .transpose()
                .map_err(|error| StoreError::Internal(error.to_string()))
        };
        Ok(Self {
            key,
            salt: passphrase.map(|params| params.salt.to_vec()),
            memory: number(|params| params.memory_kib)?,
            passes: number(|params| params.passes)?,
            lanes: number(|params| params.lanes)?,
        })
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 7] {
        [
            &self.key.id.0,
            &self.key.check_value,
            &self.salt,
            &self.memory,
            &self.passes,
            &self.lanes,
            &self.key.created_at,
        ]
    }
}
