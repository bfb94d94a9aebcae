//! Inserts the rows of a backup.

use strongroom_domain::audit::stored::StoredTime;
use strongroom_domain::backup::key_record::ApiKeyRow;
use strongroom_domain::backup::record::{
    CheckpointRow, EventRow, Header, OrgKeyRow, OrganizationRow, Record, RotationRow,
};
use strongroom_domain::backup::root_record::AuditRootRow;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::backup::insert_credentials::credentials;
use crate::backup::insert_oauth;
use crate::pg_time::PgTime;
use crate::sql;
use crate::sql::backup as backup_sql;
use crate::transaction::OrgTransaction;
use crate::transaction::statement::Bound;

type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Inserts the rows that belong to no organization.
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

/// Inserts rows of organization `org`, all of one kind.
pub(super) async fn rows(
    transaction: &OrgTransaction,
    org: Uuid,
    rows: &[Record],
) -> StoreResult<()> {
    match rows.first() {
        Some(Record::Credential(_)) => {
            let rows = rows.iter().filter_map(|record| match record {
                Record::Credential(row) => Some(row),
                _ => None,
            });
            credentials(transaction, &org, &rows.collect::<Vec<_>>()).await
        }
        Some(Record::Event(_)) => events(transaction, &org, rows).await,
        _ => {
            let bound: Vec<Bound<'_>> =
                rows.iter().filter_map(|row| statement(&org, row)).collect();
            transaction.run_all(&bound).await?;
            Ok(())
        }
    }
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
            &row.proof_key,
            &row.details,
            &row.mac,
            // Their marks may be missing.
            &None::<i16>,
        ]);
    }
    transaction.insert(&sql::AUDIT_INSERT, &params).await?;
    Ok(())
}

fn statement<'a>(org: &'a Uuid, record: &'a Record) -> Option<Bound<'a>> {
    let (sql, params): (&str, Params<'a>) = match record {
        Record::Organization(row) => organization(row),
        Record::OrgKey(row) => org_key(org, row),
        Record::ApiKey(row) => api_key(org, row),
        Record::OauthClient(row) => insert_oauth::client(org, row),
        Record::Rotation(row) => rotation(org, row),
        Record::CredentialUse(row) => (
            sql::CREDENTIAL_USES_MERGE.for_rows(1).1,
            vec![org, &row.cred_id, &row.last_used_at, &row.last_used_by],
        ),
        Record::KeyUse(row) => (
            sql::KEY_USES_MERGE.for_rows(1).1,
            vec![org, &row.key_id, &row.last_used_at],
        ),
        Record::Checkpoint(row) => checkpoint(org, row),
        Record::Ancestor(row) => (
            backup_sql::RESTORE_ANCESTOR,
            vec![org, &row.ancestor_id, &row.distance, &row.proof],
        ),
        Record::AuditRoot(row) => audit_root(row),
        Record::AuditLeaf(row) => (
            backup_sql::RESTORE_AUDIT_LEAF,
            vec![org, &row.at, &row.heads, &row.number, &row.path],
        ),
        Record::Header(_)
        | Record::Installation {}
        | Record::Credential(_)
        | Record::Event(_)
        | Record::OrganizationEnd(_)
        | Record::End(_) => return None,
    };
    Some(Bound { sql, params })
}

fn audit_root(row: &AuditRootRow) -> (&'static str, Params<'_>) {
    (
        backup_sql::RESTORE_AUDIT_ROOT,
        vec![
            &row.at,
            &row.leaves,
            &row.root,
            &row.previous,
            &row.public_key,
            &row.signature,
        ],
    )
}

fn organization(row: &OrganizationRow) -> (&'static str, Params<'_>) {
    (
        backup_sql::RESTORE_ORGANIZATION,
        vec![
            &row.org_id,
            &row.name,
            &row.parent_id,
            &row.created_at,
            &row.deleted_at,
            &row.destroy_after,
            &row.destroyed_at,
        ],
    )
}

fn org_key<'a>(org: &'a Uuid, row: &'a OrgKeyRow) -> (&'static str, Params<'a>) {
    (
        sql::ORG_KEY_INSERT,
        vec![
            org,
            &row.generation,
            &row.root_key_id,
            &row.wrapped_key,
            &row.active,
            &row.created_at,
        ],
    )
}

fn api_key<'a>(org: &'a Uuid, row: &'a ApiKeyRow) -> (&'static str, Params<'a>) {
    (
        backup_sql::RESTORE_API_KEY,
        vec![
            org,
            &row.key_id,
            &row.role,
            &row.limits,
            &row.name,
            &row.digest,
            &row.created_at,
            &row.expires_at,
            &row.revoked_at,
            &row.ends_at,
            &row.end_proof,
        ],
    )
}

fn rotation<'a>(org: &'a Uuid, row: &'a RotationRow) -> (&'static str, Params<'a>) {
    (
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
    )
}

fn checkpoint<'a>(org: &'a Uuid, row: &'a CheckpointRow) -> (&'static str, Params<'a>) {
    (
        sql::CHECKPOINT_PUT,
        vec![
            org,
            &row.lane,
            &row.seq,
            &row.mac,
            &row.pruned_before,
            &row.signature,
        ],
    )
}
