//! Converts PostgreSQL's rows to credentials and their other values.

use chrono::{DateTime, Utc};
use strongroom_domain::audit::chain::Chain;
use strongroom_domain::credential::{CredentialInfo, Deletion, SealedCredential};
use strongroom_domain::crypto::Digest;
use strongroom_domain::entity_tag::EntityTag;
use strongroom_domain::expiry::Expiry;
use strongroom_domain::history::{Kept, SealedValue, Stage, StoredVersion};
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{CredentialId, OrgId};
use tokio_postgres::Row;

use crate::rows::{get, named};

pub(crate) fn sealed_credential(row: &Row) -> StoreResult<(OrgId, SealedCredential)> {
    let credential = SealedCredential {
        key_generation: get(row, "key_generation")?,
        wrapped_key: get(row, "wrapped_key")?,
        sealed_blob: get(row, "sealed_blob")?,
        ..unsealed_credential(row)?
    };
    let is_newer = credential.expiry.is_some()
        || credential.history.is_some()
        || credential.value_version != credential.version;
    if is_newer && !credential.binds_value() {
        return Err(StoreError::Malformed(
            "columns that the seal does not cover",
        ));
    }
    Ok((OrgId(get(row, "org_id")?), credential))
}

/// What a credential's row says of it, without what is sealed.
fn unsealed_credential(row: &Row) -> StoreResult<SealedCredential> {
    let version = get(row, "version")?;
    Ok(SealedCredential {
        id: CredentialId(get(row, "cred_id")?),
        provider: named(row, "provider", Provider::parse)?,
        kind: named(row, "cred_type", CredentialType::parse)?,
        label: Label::stored(get(row, "label")?),
        version,
        value_version: get::<Option<i64>>(row, "value_version")?.unwrap_or(version),
        expiry: expiry(row)?,
        key_generation: 0,
        wrapped_key: Vec::new(),
        sealed_blob: Vec::new(),
        updated_at: get(row, "updated_at")?,
        pieces_user: get(row, "pieces_user")?,
        history: history(row)?,
        deletion: deletion(row)?,
    })
}

/// A value of a credential that is not the current one.
pub(crate) fn stored_version(row: &Row) -> StoreResult<StoredVersion> {
    let stage: Option<&str> = get(row, "stage")?;
    let stage = stage.map(|stage| Stage::parse(stage).ok_or(StoreError::Malformed("stage")));
    Ok(StoredVersion {
        value_version: get(row, "value_version")?,
        stage: stage.transpose()?,
        staged_at: get(row, "staged_at")?,
        expiry: expiry(row)?,
        kept: kept(row)?,
        digest: get(row, "digest")?,
    })
}

fn kept(row: &Row) -> StoreResult<Kept> {
    let key_generation: Option<i32> = get(row, "key_generation")?;
    let wrapped_key: Option<Vec<u8>> = get(row, "wrapped_key")?;
    let sealed_blob: Option<Vec<u8>> = get(row, "sealed_blob")?;
    let destroyed_at: Option<DateTime<Utc>> = get(row, "destroyed_at")?;
    match (key_generation, wrapped_key, sealed_blob, destroyed_at) {
        (Some(key_generation), Some(wrapped_key), Some(sealed_blob), None) => {
            Ok(Kept::Sealed(SealedValue {
                key_generation,
                wrapped_key,
                sealed_blob,
            }))
        }
        (None, None, None, Some(at)) => Ok(Kept::Destroyed(at)),
        _ => Err(StoreError::Malformed("destroyed_at")),
    }
}

fn history(row: &Row) -> StoreResult<Option<Digest>> {
    let history: Option<&[u8]> = get(row, "history")?;
    let history = history.map(|history| history.try_into());
    history
        .transpose()
        .map_err(|_| StoreError::Malformed("history"))
}

pub(crate) fn deletion(row: &Row) -> StoreResult<Option<Deletion>> {
    let at: Option<DateTime<Utc>> = get(row, "deleted_at")?;
    let recover_until: Option<DateTime<Utc>> = get(row, "recover_until")?;
    match (at, recover_until) {
        (None, None) => Ok(None),
        (Some(at), Some(recover_until)) => Ok(Some(Deletion { at, recover_until })),
        _ => Err(StoreError::Malformed("recover_until")),
    }
}

fn expiry(row: &Row) -> StoreResult<Option<Expiry>> {
    let at: Option<DateTime<Utc>> = get(row, "expires_at")?;
    let source: Option<&str> = get(row, "expires_source")?;
    Expiry::stored(at, source).ok_or(StoreError::Malformed("expires_source"))
}

/// A credential of a list, without its deletion and its last-used time.
pub(crate) fn credential_info(org: OrgId, row: &Row) -> StoreResult<CredentialInfo> {
    let version = get(row, "version")?;
    let etag: Option<&[u8]> = get(row, "etag")?;
    Ok(CredentialInfo {
        id: CredentialId(get(row, "cred_id")?),
        org,
        provider: named(row, "provider", Provider::parse)?,
        kind: named(row, "cred_type", CredentialType::parse)?,
        label: Label::stored(get(row, "label")?),
        value_version: get::<Option<i64>>(row, "value_version")?.unwrap_or(version),
        expiry: expiry(row)?,
        updated_at: get(row, "updated_at")?,
        etag: etag.and_then(|etag| EntityTag::of_version(etag, version)),
        last_used: None,
        deletion: None,
    })
}

/// The entity tag of a credential, computed from its whole row.
pub(crate) fn computed_tag(
    org: OrgId,
    row: &Row,
    chain: &Chain,
) -> StoreResult<(CredentialId, EntityTag)> {
    let credential = SealedCredential {
        sealed_blob: get(row, "sealed_blob")?,
        ..unsealed_credential(row)?
    };
    Ok((credential.id, chain.entity_tag(org, &credential)))
}
