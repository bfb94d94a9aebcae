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
    // Few are deleted or have other values, and the batch has no columns for that.
    let is_plain = |row: &&&CredentialRow| row.deleted_at.is_none() && row.history.is_none();
    let plain = rows.iter().filter(is_plain);
    let params: Params<'_> = plain.flat_map(|row| credential(org, row)).collect();
    if !params.is_empty() {
        transaction
            .insert(&sql::CREDENTIALS_INSERT, &params)
            .await?;
    }
    for row in rows.iter().filter(|row| !is_plain(row)) {
        let params = whole_credential(org, row);
        let sql = backup_sql::RESTORE_CREDENTIAL;
        transaction.execute(sql, &params).await?;
    }
    for row in rows {
        insert_versions(transaction, org, row).await?;
    }
    Ok(())
}

/// Replaces the credential with the id of `row`.
pub(super) async fn replace_credential(
    transaction: &OrgTransaction,
    org: Uuid,
    row: &CredentialRow,
) -> StoreResult<()> {
    let params = whole_credential(&org, row);
    let replaced = transaction
        .execute(backup_sql::RESTORE_CREDENTIAL_OVER, &params)
        .await?;
    if replaced == 0 {
        return Err(StoreError::NotFound);
    }
    insert_versions(transaction, &org, row).await
}

/// Inserts the values that are not the current one, in place of those of a lost row, and the relay
/// policy, unless there is one.
async fn insert_versions(
    transaction: &OrgTransaction,
    org: &Uuid,
    row: &CredentialRow,
) -> StoreResult<()> {
    let ids = vec![row.cred_id];
    let params: Params<'_> = vec![org, &ids];
    transaction.execute(sql::VERSIONS_DELETE, &params).await?;
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
    if let Some(policy) = &row.relay_policy {
        let params: Params<'_> = vec![
            org,
            &row.cred_id,
            &policy.version,
            &policy.updated_at,
            &policy.key_generation,
            &policy.wrapped_key,
            &policy.sealed_policy,
            &policy.digest,
        ];
        transaction.execute(sql::POLICY_RESTORE, &params).await?;
    }
    Ok(())
}

fn whole_credential<'a>(org: &'a Uuid, row: &'a CredentialRow) -> Params<'a> {
    let mut params = credential(org, row);
    params.push(&row.deleted_at);
    params.push(&row.recover_until);
    params.push(&row.history);
    params
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
