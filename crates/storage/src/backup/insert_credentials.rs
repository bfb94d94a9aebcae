//! Inserts the credentials of a backup, with their other values.

use strongroom_domain::backup::credential_record::CredentialRow;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::sql;
use crate::sql::backup as backup_sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::NO_TAG;

type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Inserts credentials of organization `org`.
pub(super) async fn credentials(
    transaction: &OrgTransaction,
    org: &Uuid,
    rows: &[&CredentialRow],
) -> StoreResult<()> {
    let params: Params<'_> = rows.iter().flat_map(|row| credential(org, row)).collect();
    transaction
        .insert(&sql::CREDENTIALS_INSERT, &params)
        .await?;
    for row in rows {
        credential_rest(transaction, org, row).await?;
    }
    Ok(())
}

/// Replaces the credential with the id of `row`.
pub(super) async fn replace_credential(
    transaction: &OrgTransaction,
    org: Uuid,
    row: &CredentialRow,
) -> StoreResult<()> {
    let ids = vec![row.cred_id];
    let params = credential(&org, row);
    let replaced = transaction
        .execute(backup_sql::RESTORE_CREDENTIAL_OVER, &params)
        .await?;
    if replaced == 0 {
        return Err(StoreError::NotFound);
    }
    let params: Params<'_> = vec![&org, &ids];
    transaction.execute(sql::VERSIONS_DELETE, &params).await?;
    credential_rest(transaction, &org, row).await
}

/// Writes what few credentials have: a deletion, and values that are not the current one.
async fn credential_rest(
    transaction: &OrgTransaction,
    org: &Uuid,
    row: &CredentialRow,
) -> StoreResult<()> {
    if row.deleted_at.is_some() || row.history.is_some() {
        let params: Params<'_> = vec![
            org,
            &row.cred_id,
            &row.deleted_at,
            &row.recover_until,
            &row.history,
        ];
        let sql = backup_sql::RESTORE_CREDENTIAL_REST;
        transaction.execute(sql, &params).await?;
    }
    for version in &row.versions {
        let params: Params<'_> = vec![
            org,
            &row.cred_id,
            &version.value_version,
            &version.stage,
            &version.staged_at,
            &version.expires_at,
            &version.expires_source,
            &version.key_generation,
            &version.wrapped_key,
            &version.sealed_blob,
            &version.destroyed_at,
            &version.digest,
        ];
        transaction.execute(sql::VERSION_PUT, &params).await?;
    }
    Ok(())
}

fn credential<'a>(org: &'a Uuid, row: &'a CredentialRow) -> Params<'a> {
    vec![
        org,
        &row.cred_id,
        &row.provider,
        &row.cred_type,
        &row.label,
        &row.version,
        &row.key_generation,
        &row.wrapped_key,
        &row.sealed_blob,
        &row.updated_at,
        &row.pieces_user,
        &NO_TAG,
        &row.value_version,
        &row.expires_at,
        &row.expires_source,
    ]
}
