//! Converts PostgreSQL's rows to records of a backup.

use std::collections::HashMap;

use strongroom_domain::backup::credential_record::{CredentialRow, PolicyRow, VersionRow};
use strongroom_domain::backup::key_record::{AncestorRow, ApiKeyRow};
use strongroom_domain::backup::oauth_record::OauthClientRow;
use strongroom_domain::backup::record::{
    CheckpointRow, CredentialLastUsedRow, KeyLastUsedRow, OrgKeyRow, OrganizationRow, RotationRow,
};
use strongroom_domain::backup::root_record::{AuditLeafRow, AuditRootRow};
use strongroom_domain::ports::error::StoreResult;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::rows::get;

pub(super) fn organization(row: &Row) -> StoreResult<OrganizationRow> {
    Ok(OrganizationRow {
        org_id: get(row, "org_id")?,
        name: get(row, "name")?,
        parent_id: get(row, "parent_id")?,
        created_at: get(row, "created_at")?,
        deleted_at: get(row, "deleted_at")?,
        destroy_after: get(row, "destroy_after")?,
        destroyed_at: get(row, "destroyed_at")?,
    })
}

pub(super) fn org_key(row: &Row) -> StoreResult<OrgKeyRow> {
    Ok(OrgKeyRow {
        generation: get(row, "generation")?,
        root_key_id: get(row, "root_key_id")?,
        wrapped_key: get(row, "wrapped_key")?,
        active: get(row, "active")?,
        created_at: get(row, "created_at")?,
    })
}

pub(super) fn api_key(row: &Row) -> StoreResult<ApiKeyRow> {
    Ok(ApiKeyRow {
        key_id: get(row, "key_id")?,
        role: get(row, "role")?,
        limits: get(row, "limits")?,
        name: get(row, "name")?,
        digest: get(row, "digest")?,
        created_at: get(row, "created_at")?,
        expires_at: get(row, "expires_at")?,
        revoked_at: get(row, "revoked_at")?,
        ends_at: get(row, "ends_at")?,
        end_proof: get(row, "end_proof")?,
    })
}

pub(super) fn oauth_client(row: &Row) -> StoreResult<OauthClientRow> {
    Ok(OauthClientRow {
        client_id: get(row, "client_id")?,
        name: get(row, "name")?,
        limits: get(row, "limits")?,
        access_token_duration: get(row, "access_token_duration")?,
        created_at: get(row, "created_at")?,
        version: get(row, "version")?,
        digest: get(row, "digest")?,
        proof: get(row, "proof")?,
        deleted_at: get(row, "deleted_at")?,
    })
}

pub(super) fn ancestor(row: &Row) -> StoreResult<AncestorRow> {
    Ok(AncestorRow {
        ancestor_id: get(row, "ancestor_id")?,
        distance: get(row, "distance")?,
        proof: get(row, "proof")?,
    })
}

pub(super) fn rotation(row: &Row) -> StoreResult<RotationRow> {
    Ok(RotationRow {
        generation: get(row, "generation")?,
        root_key_id: None,
        re_encrypt: get(row, "re_encrypt")?,
        ..progress(row)?
    })
}

pub(super) fn root_rotation(row: &Row) -> StoreResult<RotationRow> {
    Ok(RotationRow {
        root_key_id: get(row, "root_key_id")?,
        ..progress(row)?
    })
}

fn progress(row: &Row) -> StoreResult<RotationRow> {
    Ok(RotationRow {
        generation: None,
        root_key_id: None,
        re_encrypt: false,
        state: get(row, "state")?,
        rows_total: get(row, "rows_total")?,
        rows_done: get(row, "rows_done")?,
        throttle: get(row, "throttle")?,
        started_at: get(row, "started_at")?,
        updated_at: get(row, "updated_at")?,
        finished_at: get(row, "finished_at")?,
    })
}

pub(super) fn credential(row: &Row) -> StoreResult<CredentialRow> {
    Ok(CredentialRow {
        cred_id: get(row, "cred_id")?,
        provider: get(row, "provider")?,
        cred_type: get(row, "cred_type")?,
        label: get(row, "label")?,
        version: get(row, "version")?,
        value_version: get(row, "value_version")?,
        expires_at: get(row, "expires_at")?,
        expires_source: get(row, "expires_source")?,
        key_generation: get(row, "key_generation")?,
        wrapped_key: get(row, "wrapped_key")?,
        sealed_blob: get(row, "sealed_blob")?,
        updated_at: get(row, "updated_at")?,
        pieces_user: get(row, "pieces_user")?,
        deleted_at: get(row, "deleted_at")?,
        recover_until: get(row, "recover_until")?,
        history: get(row, "history")?,
        versions: Vec::new(),
        relay_policy: None,
    })
}

pub(super) fn version(row: &Row) -> StoreResult<VersionRow> {
    Ok(VersionRow {
        value_version: get(row, "value_version")?,
        stage: get(row, "stage")?,
        staged_at: get(row, "staged_at")?,
        expires_at: get(row, "expires_at")?,
        expires_source: get(row, "expires_source")?,
        key_generation: get(row, "key_generation")?,
        wrapped_key: get(row, "wrapped_key")?,
        sealed_blob: get(row, "sealed_blob")?,
        destroyed_at: get(row, "destroyed_at")?,
        digest: get(row, "digest")?,
    })
}

/// Adds the values that are not the current ones to their credentials.
pub(super) fn add_versions(credentials: &mut [CredentialRow], rows: &[Row]) -> StoreResult<()> {
    let places = credentials.iter().enumerate();
    let places: HashMap<Uuid, usize> = places.map(|(at, row)| (row.cred_id, at)).collect();
    for row in rows {
        let id: Uuid = get(row, "cred_id")?;
        if let Some(at) = places.get(&id) {
            credentials[*at].versions.push(version(row)?);
        }
    }
    Ok(())
}

/// Adds the relay policies to their credentials.
pub(super) fn add_policies(credentials: &mut [CredentialRow], rows: &[Row]) -> StoreResult<()> {
    for row in rows {
        let id: Uuid = get(row, "cred_id")?;
        let Some(version) = get(row, "policy_version")? else {
            continue;
        };
        let of_id = |row: &&mut CredentialRow| row.cred_id == id;
        if let Some(credential) = credentials.iter_mut().find(of_id) {
            credential.relay_policy = Some(PolicyRow {
                version,
                updated_at: get(row, "policy_updated_at")?,
                key_generation: get(row, "policy_key_generation")?,
                wrapped_key: get(row, "policy_wrapped_key")?,
                sealed_policy: get(row, "sealed_policy")?,
                digest: get(row, "policy_digest")?,
            });
        }
    }
    Ok(())
}

pub(super) fn credential_use(row: &Row) -> StoreResult<CredentialLastUsedRow> {
    Ok(CredentialLastUsedRow {
        cred_id: get(row, "cred_id")?,
        last_used_at: get(row, "last_used_at")?,
        last_used_by: get(row, "last_used_by")?,
    })
}

pub(super) fn key_use(row: &Row) -> StoreResult<KeyLastUsedRow> {
    Ok(KeyLastUsedRow {
        key_id: get(row, "key_id")?,
        last_used_at: get(row, "last_used_at")?,
    })
}

pub(super) fn checkpoint(row: &Row) -> StoreResult<CheckpointRow> {
    Ok(CheckpointRow {
        lane: get(row, "lane")?,
        seq: get(row, "seq")?,
        mac: get(row, "mac")?,
        pruned_before: get(row, "pruned_before")?,
        signature: get(row, "signature")?,
    })
}

pub(super) fn audit_root(row: &Row) -> StoreResult<AuditRootRow> {
    Ok(AuditRootRow {
        at: get(row, "at")?,
        leaves: get(row, "leaves")?,
        root: get(row, "root")?,
        previous: get(row, "previous")?,
        public_key: get(row, "public_key")?,
        signature: get(row, "signature")?,
    })
}

pub(super) fn audit_leaf(row: &Row) -> StoreResult<AuditLeafRow> {
    Ok(AuditLeafRow {
        at: get(row, "at")?,
        number: get(row, "number")?,
        heads: get(row, "heads")?,
        path: get(row, "path")?,
    })
}
