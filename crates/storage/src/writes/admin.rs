//! What the operator's writes do to the tables, in the transaction of their batch.

use chrono::{DateTime, Utc};
use strongroom_domain::OrgId;
use strongroom_domain::api_key::{OWN_PERMISSIONS, StoredApiKey};
use strongroom_domain::crypto::RootKeyId;
use strongroom_domain::keyring::stored::StoredOrgKey;
use strongroom_domain::organization::NewOrganization;
use strongroom_domain::permission::Role;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::rotation::RotationStart;
use tokio_postgres::types::ToSql;

use crate::rows::get;
use crate::sql;
use crate::transaction::OrgTransaction;
use crate::writes::write::{Write, WriteOp};
use crate::writes::{console_sessions, installation, oauth};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Carries out `write` if it is an operator's write. The inner result is the failure of this write
/// alone, which has changed nothing; the outer one fails the batch.
pub(crate) async fn administer(
    transaction: &OrgTransaction,
    write: &Write,
) -> StoreResult<StoreResult<()>> {
    let (org, at) = (write.scope.org(), write.event.at);
    match &write.op {
        WriteOp::AddOrganization(new) => add_organization(transaction, new).await,
        WriteOp::DeleteOrganization {
            destroy_after,
            children,
        } => {
            let params: Params<'_> = &[&org.0, &at, destroy_after];
            delete_organization(transaction, org, *children, params).await
        }
        WriteOp::RenameOrganization(name) => {
            let params: Params<'_> = &[&org.0, name];
            change_organization(transaction, sql::ORGANIZATION_RENAME, params).await
        }
        WriteOp::RestoreOrganization => {
            change_organization(transaction, sql::ORGANIZATION_RESTORE, &[&org.0]).await
        }
        WriteOp::DestroyOrganization { at_once } => {
            destroy_organization(transaction, org, at, *at_once).await
        }
        WriteOp::StartRotation {
            previous,
            key,
            start,
        } => start_rotation(transaction, org, *previous, key, start).await,
        WriteOp::RewrapOrgKeys(keys) => rewrap_org_keys(transaction, org, keys).await,
        WriteOp::AddApiKey(key) => insert_api_key(transaction, key).await.map(Ok),
        WriteOp::RevokeApiKey(id) => revoke_api_key(transaction, &[&org.0, &id.0, &at]).await,
        WriteOp::ReplaceApiKey { old, new } => {
            let params: Params<'_> = &[&org.0, &old.0, &at];
            replace_api_key(transaction, params, new).await
        }
        WriteOp::ScheduleKeyEnd { id, end } => {
            let params: Params<'_> = &[&org.0, &id.0, &end.at, &end.proof];
            schedule_key_end(transaction, params).await
        }
        WriteOp::Installation(change) => installation::change(transaction, change, at).await,
        WriteOp::Oauth(write) => oauth::change(transaction, org, write, at).await,
        WriteOp::ConsoleSession(write) => console_sessions::change(transaction, org, write).await,
        WriteOp::Insert(_)
        | WriteOp::Change { .. }
        | WriteOp::Delete { .. }
        | WriteOp::Restore { .. }
        | WriteOp::PutPolicy { .. }
        | WriteOp::RecordIfCurrent(_)
        | WriteOp::Record => Ok(Ok(())),
    }
}

async fn add_organization(
    transaction: &OrgTransaction,
    new: &NewOrganization,
) -> StoreResult<StoreResult<()>> {
    let (organization, key) = (&new.organization, &new.key);
    let (id, parent) = (organization.id, organization.parent.map(|id| id.0));
    if let Some(parent) = &parent {
        let held = transaction.query(sql::ORGANIZATION_HOLD, &[parent]).await?;
        if held.is_empty() {
            return Ok(Err(StoreError::OrganizationGone));
        }
    }
    let params: Params<'_> = &[&id.0, &organization.name, &parent, &organization.created_at];
    transaction
        .execute(sql::ORGANIZATION_INSERT, params)
        .await?;
    let params: Params<'_> = &[
        &id.0,
        &key.generation,
        &key.root_key.0,
        &key.wrapped,
        &key.active,
        &organization.created_at,
    ];
    transaction.execute(sql::ORG_KEY_INSERT, params).await?;
    for ancestor in &new.ancestors {
        let params: Params<'_> = &[&id.0, &ancestor.id.0, &ancestor.distance, &ancestor.proof];
        transaction.execute(sql::ANCESTOR_INSERT, params).await?;
    }
    if let Some(key) = &new.api_key {
        insert_api_key(transaction, key).await?;
    }
    check_root_key(transaction, key.root_key).await?;
    Ok(Ok(()))
}

// The lock excludes new sub-organizations before they are counted.
async fn delete_organization(
    transaction: &OrgTransaction,
    org: OrgId,
    children: i64,
    params: Params<'_>,
) -> StoreResult<StoreResult<()>> {
    let locked = transaction.query(sql::ORGANIZATION_LOCK, &[&org.0]).await?;
    if locked.is_empty() {
        return Ok(Err(StoreError::NotFound));
    }
    let counted = transaction.query(sql::CHILDREN_COUNT, &[&org.0]).await?;
    let counted: i64 = counted.first().map_or(Ok(0), |row| get(row, "children"))?;
    if counted != children {
        return Ok(Err(StoreError::Conflict));
    }
    let sessions = sql::ALL_CONSOLE_SESSIONS_DELETE;
    transaction.execute(sessions, &[&org.0]).await?;
    change_organization(transaction, sql::ORGANIZATION_DELETE, params).await
}

// Checked after the key is written, never before, as with generations: a rotation of the root key
// waits for the writers that hold the table's lock.
async fn check_root_key(transaction: &OrgTransaction, used: RootKeyId) -> StoreResult<()> {
    let active = transaction.query(sql::ROOT_KEY_ACTIVE, &[]).await?;
    let active = active
        .first()
        .map(|row| get(row, "root_key_id"))
        .transpose()?;
    if active == Some(used.0) {
        Ok(())
    } else {
        Err(StoreError::RetiredKey)
    }
}

async fn change_organization(
    transaction: &OrgTransaction,
    sql: &str,
    params: Params<'_>,
) -> StoreResult<StoreResult<()>> {
    if transaction.execute(sql, params).await? == 0 {
        return Ok(Err(StoreError::NotFound));
    }
    transaction.query(sql::KEYS_CHANGED, &[]).await?;
    Ok(Ok(()))
}

// The guarded update comes first: it locks the row against a concurrent restore, and nothing else
// is changed unless it applies.
async fn destroy_organization(
    transaction: &OrgTransaction,
    org: OrgId,
    at: DateTime<Utc>,
    at_once: bool,
) -> StoreResult<StoreResult<()>> {
    let params: Params<'_> = &[&org.0, &at, &at_once];
    let destroyed = change_organization(transaction, sql::ORGANIZATION_DESTROY, params).await?;
    if destroyed.is_ok() {
        let params: Params<'_> = &[&org.0, &at];
        transaction.execute(sql::ORG_KEYS_DELETE, &[&org.0]).await?;
        transaction.execute(sql::API_KEYS_REVOKE, params).await?;
        transaction.execute(sql::OAUTH_CLIENTS_END, params).await?;
    }
    Ok(destroyed)
}

async fn start_rotation(
    transaction: &OrgTransaction,
    org: OrgId,
    previous: i32,
    key: &StoredOrgKey,
    start: &RotationStart,
) -> StoreResult<StoreResult<()>> {
    // Counted before the keys change: from then on all other changes of keys wait.
    let counted = transaction
        .query(sql::ALL_CREDENTIALS_COUNT, &[&org.0])
        .await?;
    let total: i64 = counted.first().map_or(Ok(0), |row| get(row, "total"))?;
    let params: Params<'_> = &[&org.0, &previous];
    if transaction.execute(sql::ORG_KEY_DEACTIVATE, params).await? == 0 {
        return Ok(Err(StoreError::Conflict));
    }
    let params: Params<'_> = &[
        &org.0,
        &key.generation,
        &key.root_key.0,
        &key.wrapped,
        &key.active,
        &start.at,
    ];
    transaction.execute(sql::ORG_KEY_INSERT, params).await?;
    let params: Params<'_> = &[
        &org.0,
        &key.generation,
        &start.re_encrypt,
        &start.throttle,
        &start.at,
        &total,
    ];
    transaction.execute(sql::ROTATION_INSERT, params).await?;
    check_root_key(transaction, key.root_key).await?;
    Ok(Ok(()))
}

async fn rewrap_org_keys(
    transaction: &OrgTransaction,
    org: OrgId,
    keys: &[(RootKeyId, StoredOrgKey)],
) -> StoreResult<StoreResult<()>> {
    for (from, key) in keys {
        let params: Params<'_> = &[
            &org.0,
            &key.generation,
            &from.0,
            &key.root_key.0,
            &key.wrapped,
        ];
        transaction.execute(sql::ORG_KEY_REWRAP, params).await?;
        check_root_key(transaction, key.root_key).await?;
    }
    Ok(Ok(()))
}

async fn insert_api_key(transaction: &OrgTransaction, key: &StoredApiKey) -> StoreResult<()> {
    let role = key.limits.role.map_or(OWN_PERMISSIONS, Role::as_str);
    let limits = match key.limits.plain_role() {
        Some(_) => None,
        None => Some(key.limits.to_text()),
    };
    let limits = limits.transpose();
    let limits = limits.map_err(|error| StoreError::Internal(error.to_string()))?;
    let params: Params<'_> = &[
        &key.org.0,
        &key.id.0,
        &role,
        &limits,
        &key.name,
        &key.digest,
        &key.created_at,
        &key.expires_at,
    ];
    transaction.execute(sql::API_KEY_INSERT, params).await?;
    Ok(())
}

async fn replace_api_key(
    transaction: &OrgTransaction,
    old: Params<'_>,
    new: &StoredApiKey,
) -> StoreResult<StoreResult<()>> {
    if transaction.execute(sql::API_KEY_END, old).await? == 0 {
        return Ok(Err(StoreError::NotFound));
    }
    let sessions = sql::CONSOLE_SESSIONS_OF_DELETE;
    transaction.execute(sessions, &old[..2]).await?;
    insert_api_key(transaction, new).await?;
    transaction.query(sql::KEYS_CHANGED, &[]).await?;
    Ok(Ok(()))
}

async fn schedule_key_end(
    transaction: &OrgTransaction,
    params: Params<'_>,
) -> StoreResult<StoreResult<()>> {
    let live = transaction.query(sql::API_KEY_LIVES, &params[..2]).await?;
    if live.is_empty() {
        return Ok(Err(StoreError::NotFound));
    }
    transaction
        .execute(sql::API_KEY_SCHEDULE_END, params)
        .await?;
    transaction.query(sql::KEYS_CHANGED, &[]).await?;
    Ok(Ok(()))
}

async fn revoke_api_key(
    transaction: &OrgTransaction,
    params: Params<'_>,
) -> StoreResult<StoreResult<()>> {
    if transaction.execute(sql::API_KEY_REVOKE, params).await? == 0 {
        return Ok(Err(StoreError::NotFound));
    }
    let sessions = sql::CONSOLE_SESSIONS_OF_DELETE;
    transaction.execute(sessions, &params[..2]).await?;
    transaction.query(sql::KEYS_CHANGED, &[]).await?;
    Ok(Ok(()))
}
