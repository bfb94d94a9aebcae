//! What a restore writes.

use strongroom_domain::audit::stored::StoredTime;
use strongroom_domain::backup::record::{CredentialRow, EventRow, Header, Record};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::pg_time::PgTime;
use crate::sql;
use crate::sql::backup as backup_sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Bound;

type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// The service's own rows.
pub(super) async fn service(transaction: &OrgTransaction, header: &Header) -> StoreResult<()> {
    for row in &header.root_keys {
        let kdf = row.kdf.as_ref();
        let number = |value: Option<u32>| {
            let value = value.map(i32::try_from).transpose();
            value.map_err(|error| StoreError::Internal(error.to_string()))
        };
        let salt = kdf.map(|kdf| &kdf.salt);
        let memory = number(kdf.map(|kdf| kdf.memory_kib))?;
        let passes = number(kdf.map(|kdf| kdf.passes))?;
        let lanes = number(kdf.map(|kdf| kdf.lanes))?;
        let params: Params<'_> = vec![
            &row.root_key_id,
            &row.check_value,
            &salt,
            &memory,
            &passes,
            &lanes,
            &row.created_at,
            &row.state,
        ];
        transaction
            .execute(backup_sql::RESTORE_ROOT_KEY, &params)
            .await?;
    }
    for row in &header.service_keys {
        let params: Params<'_> = vec![&row.purpose, &row.root_key_id, &row.wrapped_key];
        transaction
            .execute(backup_sql::RESTORE_SERVICE_KEY, &params)
            .await?;
    }
    for row in &header.root_rotations {
        let params: Params<'_> = vec![
            &row.root_key_id,
            &row.state,
            &row.rows_total,
            &row.rows_done,
            &row.throttle,
            &row.started_at,
            &row.updated_at,
            &row.finished_at,
        ];
        transaction
            .execute(backup_sql::RESTORE_ROOT_ROTATION, &params)
            .await?;
    }
    Ok(())
}

/// Rows of organization `org`, all of one kind.
pub(super) async fn rows(
    transaction: &OrgTransaction,
    org: Uuid,
    rows: &[Record],
) -> StoreResult<()> {
    match rows.first() {
        Some(Record::Credential(_)) => {
            let params = rows.iter().flat_map(|record| match record {
                Record::Credential(row) => credential(&org, row),
                _ => Vec::new(),
            });
            let params: Params<'_> = params.collect();
            transaction
                .insert(&sql::CREDENTIALS_INSERT, &params)
                .await?;
            Ok(())
        }
        Some(Record::Event(_)) => events(transaction, &org, rows).await,
        _ => {
            let bound: Vec<Bound<'_>> = rows.iter().filter_map(|row| single(&org, row)).collect();
            transaction.run_all(&bound).await?;
            Ok(())
        }
    }
}

/// `row` in the place of the credential of its id.
pub(super) async fn over(
    transaction: &OrgTransaction,
    org: Uuid,
    row: &CredentialRow,
) -> StoreResult<()> {
    let params = credential(&org, row);
    let replaced = transaction
        .execute(backup_sql::RESTORE_CREDENTIAL_OVER, &params)
        .await?;
    if replaced == 0 {
        return Err(StoreError::NotFound);
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
    ]
}

async fn events(transaction: &OrgTransaction, org: &Uuid, rows: &[Record]) -> StoreResult<()> {
    let events = rows.iter().filter_map(|record| match record {
        Record::Event(row) => Some((row, PgTime(StoredTime(row.at)))),
        _ => None,
    });
    let events: Vec<(&EventRow, PgTime)> = events.collect();
    let mut params: Params<'_> = Vec::with_capacity(events.len() * sql::AUDIT_INSERT.columns);
    for (row, at) in &events {
        params.extend_from_slice(&[
            org,
            &row.lane,
            &row.seq,
            at,
            &row.action,
            &row.outcome,
            &row.actor,
            &row.request_id,
            &row.source,
            &row.cred_id,
            &row.key_id,
            &row.version,
            &row.digest,
            &row.heads,
            &row.mac,
        ]);
    }
    transaction.insert(&sql::AUDIT_INSERT, &params).await?;
    Ok(())
}

fn single<'a>(org: &'a Uuid, record: &'a Record) -> Option<Bound<'a>> {
    let (sql, params): (&str, Params<'a>) = match record {
        Record::Organization(row) => (
            backup_sql::RESTORE_ORGANIZATION,
            vec![
                &row.org_id,
                &row.name,
                &row.created_at,
                &row.deleted_at,
                &row.destroy_after,
                &row.destroyed_at,
            ],
        ),
        Record::OrgKey(row) => (
            sql::ORG_KEY_INSERT,
            vec![
                org,
                &row.generation,
                &row.root_key_id,
                &row.wrapped_key,
                &row.active,
                &row.created_at,
            ],
        ),
        Record::ApiKey(row) => (
            backup_sql::RESTORE_API_KEY,
            vec![
                org,
                &row.key_id,
                &row.role,
                &row.name,
                &row.digest,
                &row.created_at,
                &row.expires_at,
                &row.revoked_at,
            ],
        ),
        Record::Rotation(row) => (
            backup_sql::RESTORE_ROTATION,
            vec![
                org,
                &row.generation,
                &row.re_encrypt,
                &row.state,
                &row.rows_total,
                &row.rows_done,
                &row.throttle,
                &row.started_at,
                &row.updated_at,
                &row.finished_at,
            ],
        ),
        Record::CredentialUse(row) => (
            sql::CREDENTIAL_USES_MERGE.for_rows(1).1,
            vec![org, &row.cred_id, &row.last_used_at, &row.last_used_by],
        ),
        Record::KeyUse(row) => (
            sql::KEY_USES_MERGE.for_rows(1).1,
            vec![org, &row.key_id, &row.last_used_at],
        ),
        Record::Checkpoint(row) => (
            sql::CHECKPOINT_PUT,
            vec![
                org,
                &row.lane,
                &row.seq,
                &row.mac,
                &row.pruned_before,
                &row.signature,
            ],
        ),
        Record::Header(_)
        | Record::Credential(_)
        | Record::Event(_)
        | Record::OrganizationEnd(_)
        | Record::End(_) => return None,
    };
    Some(Bound { sql, params })
}
