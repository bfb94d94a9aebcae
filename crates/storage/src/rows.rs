//! Converts PostgreSQL's rows to domain values.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_domain::ancestor::Ancestor;
use strongroom_domain::api_key::end::ScheduledEnd;
use strongroom_domain::api_key::limits::KeyLimits;
use strongroom_domain::api_key::{OWN_PERMISSIONS, StoredApiKey};
use strongroom_domain::audit::heads::LaneHead;
use strongroom_domain::console_session::{HolderKind, StoredSession};
use strongroom_domain::crypto::{PassphraseParams, RootKeyId};
use strongroom_domain::keyring::stored::{StoredOrgKey, StoredRootKey, StoredServiceKey};
use strongroom_domain::last_used::LastUsed;
use strongroom_domain::oauth::client::StoredClient;
use strongroom_domain::oauth::token::StoredToken;
use strongroom_domain::organization::Organization;
use strongroom_domain::permission::{PermissionSet, Role};
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::rotation::RootKeyState;
use strongroom_domain::{KeyId, LaneId, OrgId};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

/// The last-used time of a row; `None` if the row has none or it cannot be read. A malformed time
/// must not prevent access to the credential.
pub(crate) fn last_used(row: &Row) -> Option<LastUsed> {
    let at: Option<DateTime<Utc>> = get(row, "last_used_at").ok()?;
    let by: Option<Uuid> = get(row, "last_used_by").ok()?;
    Some(LastUsed {
        at: at?,
        by: by.map(KeyId),
    })
}

/// The lane head of a row with `lane`, `seq` and `mac`.
pub(crate) fn lane_head(row: &Row) -> StoreResult<LaneHead> {
    let mac: &[u8] = get(row, "mac")?;
    Ok(LaneHead {
        lane: LaneId(get(row, "lane")?),
        seq: get(row, "seq")?,
        mac: mac.try_into().map_err(|_| StoreError::Malformed("mac"))?,
    })
}

pub(crate) fn org_id(row: &Row) -> StoreResult<OrgId> {
    Ok(OrgId(get(row, "org_id")?))
}

/// The value of a column. A missing column or wrong type is a defect, reported as an error.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> StoreResult<T> {
    row.try_get(column)
        .map_err(|error| StoreError::Internal(format!("column {column}: {error}")))
}

/// A text that is kept.
pub(crate) fn text(row: &Row, column: &str) -> StoreResult<Arc<str>> {
    get::<&str>(row, column).map(Arc::from)
}

// Servers write only names that they know, so an unknown name was not written by a server.
pub(crate) fn named<T>(
    row: &Row,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> StoreResult<T> {
    let text: &str = get(row, column)?;
    parse(text).ok_or(StoreError::Malformed(column))
}

pub(crate) fn org_key(row: &Row) -> StoreResult<StoredOrgKey> {
    Ok(StoredOrgKey {
        generation: get(row, "generation")?,
        root_key: RootKeyId(get(row, "root_key_id")?),
        wrapped: get(row, "wrapped_key")?,
        active: get(row, "active")?,
    })
}

pub(crate) fn api_key(org: OrgId, row: &Row) -> StoreResult<StoredApiKey> {
    Ok(StoredApiKey {
        org,
        id: KeyId(get(row, "key_id")?),
        limits: Arc::new(key_limits(row)?),
        name: get(row, "name")?,
        digest: get(row, "digest")?,
        created_at: get(row, "created_at")?,
        expires_at: get(row, "expires_at")?,
        revoked_at: get(row, "revoked_at")?,
        ends: scheduled_end(row)?,
        revocation_undone: false,
        recorded_end: None,
    })
}

fn key_limits(row: &Row) -> StoreResult<KeyLimits> {
    let role = named(row, "role", |role| match role {
        OWN_PERMISSIONS => Some(None),
        role => Role::parse(role).map(Some),
    })?;
    let text: Option<&str> = get(row, "limits")?;
    let limits = match (role, text) {
        (Some(role), None) => Some(KeyLimits::of_role(role)),
        (role, Some(text)) => KeyLimits::parse(role, text),
        (None, None) => None,
    };
    limits.ok_or(StoreError::Malformed("limits"))
}

pub(crate) fn oauth_client(row: &Row) -> StoreResult<StoredClient> {
    // No proof covers limits that no server wrote.
    let limits = KeyLimits::parse(None, get(row, "limits")?);
    let limits = limits.unwrap_or_else(|| KeyLimits::of_permissions(PermissionSet::default()));
    Ok(StoredClient {
        org: org_id(row)?,
        id: KeyId(get(row, "client_id")?),
        name: get(row, "name")?,
        limits: Arc::new(limits),
        access_token_duration: get(row, "access_token_duration")?,
        created_at: get(row, "created_at")?,
        version: get(row, "version")?,
        digest: get(row, "digest")?,
        proof: get(row, "proof")?,
        recorded_version: get(row, "recorded_version")?,
        recorded: get(row, "recorded")?,
    })
}

pub(crate) fn access_token(row: &Row) -> StoreResult<StoredToken> {
    Ok(StoredToken {
        org: org_id(row)?,
        id: KeyId(get(row, "token_id")?),
        client: KeyId(get(row, "client_id")?),
        // No digest covers scopes that no server wrote.
        scopes: PermissionSet::parse_scope(get(row, "scopes")?).unwrap_or_default(),
        issued_at: get(row, "issued_at")?,
        expires_at: get(row, "expires_at")?,
        digest: get(row, "digest")?,
        issued: get(row, "issued")?,
        revoked: get(row, "revoked")?,
    })
}

pub(crate) fn console_session(row: &Row) -> StoreResult<StoredSession> {
    let kind = HolderKind::parse(get(row, "holder_kind")?);
    Ok(StoredSession {
        org: org_id(row)?,
        id: KeyId(get(row, "session_id")?),
        holder_kind: kind.ok_or(StoreError::Malformed("holder_kind"))?,
        holder: KeyId(get(row, "holder_id")?),
        created_at: get(row, "created_at")?,
        last_seen_at: get(row, "last_seen_at")?,
        digest: get(row, "digest")?,
        began: get(row, "began")?,
        ended: get(row, "ended")?,
    })
}

/// The scheduled end of an API key.
pub(crate) fn scheduled_end(row: &Row) -> StoreResult<Option<ScheduledEnd>> {
    let at: Option<DateTime<Utc>> = get(row, "ends_at")?;
    let proof: Option<Vec<u8>> = get(row, "end_proof")?;
    Ok(at.map(|at| ScheduledEnd {
        at,
        proof: proof.unwrap_or_default(),
    }))
}

/// An ancestor of an organization.
pub(crate) fn ancestor(row: &Row) -> StoreResult<Ancestor> {
    Ok(Ancestor {
        id: OrgId(get(row, "ancestor_id")?),
        distance: get(row, "distance")?,
        proof: get(row, "proof")?,
    })
}

pub(crate) fn organization(row: &Row) -> StoreResult<Organization> {
    Ok(Organization {
        id: OrgId(get(row, "org_id")?),
        name: get(row, "name")?,
        parent: get::<Option<Uuid>>(row, "parent_id")?.map(OrgId),
        created_at: get(row, "created_at")?,
        deleted_at: get(row, "deleted_at")?,
        destroy_after: get(row, "destroy_after")?,
        destroyed_at: get(row, "destroyed_at")?,
    })
}

/// A service key.
pub(crate) fn service_key(row: &Row) -> StoreResult<StoredServiceKey> {
    Ok(StoredServiceKey {
        purpose: get(row, "purpose")?,
        root_key: RootKeyId(get(row, "root_key_id")?),
        wrapped: get(row, "wrapped_key")?,
    })
}

/// A root key.
pub(crate) fn root_key(row: &Row) -> StoreResult<StoredRootKey> {
    let salt: Option<Vec<u8>> = get(row, "kdf_salt")?;
    let number = |column: &str| {
        let value: Option<i32> = get(row, column)?;
        u32::try_from(value.unwrap_or_default())
            .map_err(|_| StoreError::Internal(format!("column {column} is negative")))
    };
    let passphrase = match salt {
        None => None,
        Some(salt) => Some(PassphraseParams {
            salt: salt
                .try_into()
                .map_err(|_| StoreError::Internal("column kdf_salt is not 16 bytes long".into()))?,
            memory_kib: number("kdf_memory_kib")?,
            passes: number("kdf_passes")?,
            lanes: number("kdf_lanes")?,
        }),
    };
    Ok(StoredRootKey {
        id: RootKeyId(get(row, "root_key_id")?),
        check_value: get(row, "check_value")?,
        passphrase,
        state: named(row, "state", RootKeyState::parse)?,
        created_at: get(row, "created_at")?,
    })
}
