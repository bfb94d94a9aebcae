//! Rows of relay policies.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use strongroom_domain::credential::StoredCredential;
use strongroom_domain::history::SealedValue;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::relay::stored::{CredentialWithPolicy, StoredPolicy, TrailedPolicy};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::credential_rows;
use crate::rows::{get, text};

/// A credential with its policy.
pub(crate) fn credential_with_policy(row: &Row) -> StoreResult<CredentialWithPolicy> {
    let (_, sealed) = credential_rows::sealed_credential(row)?;
    let credential = StoredCredential {
        sealed,
        last_used: None,
        stamp: text(row, "stamp")?,
    };
    Ok(CredentialWithPolicy {
        stamp: used_stamp(&credential.stamp, row)?.unwrap_or_default(),
        credential: Arc::new(credential),
        policy: trailed_policy(row)?,
    })
}

/// The stamp of a use: that of the credential, followed by that of its policy. `None` if there is
/// no policy.
pub(crate) fn used_stamp(of_credential: &str, row: &Row) -> StoreResult<Option<Arc<str>>> {
    let of_policy: Option<&str> = get(row, "policy_stamp")?;
    Ok(of_policy.map(|of_policy| format!("{of_credential}{of_policy}").into()))
}

/// A policy, and what the audit trail says of it.
pub(crate) fn trailed_policy(row: &Row) -> StoreResult<TrailedPolicy> {
    Ok(TrailedPolicy {
        policy: stored_policy(row)?,
        recorded_version: get(row, "recorded_version")?,
        recorded: get(row, "recorded")?,
    })
}

/// A policy, if there is one.
pub(crate) fn stored_policy(row: &Row) -> StoreResult<Option<StoredPolicy>> {
    let Some(version) = get(row, "policy_version")? else {
        return Ok(None);
    };
    let sealed: (Option<i32>, Option<Vec<u8>>, Option<Vec<u8>>) = (
        get(row, "policy_key_generation")?,
        get(row, "policy_wrapped_key")?,
        get(row, "sealed_policy")?,
    );
    let sealed = match sealed {
        (Some(key_generation), Some(wrapped_key), Some(sealed_blob)) => Some(SealedValue {
            key_generation,
            wrapped_key,
            sealed_blob,
        }),
        (None, None, None) => None,
        _ => return Err(StoreError::Malformed("a relay policy's row")),
    };
    let updated_at: DateTime<Utc> = get(row, "policy_updated_at")?;
    Ok(Some(StoredPolicy {
        version,
        updated_at,
        sealed,
        digest: get(row, "policy_digest")?,
    }))
}

/// The parameters that store a policy: the columns in their order.
pub(crate) struct PolicyParams<'a> {
    pub(crate) org: &'a Uuid,
    pub(crate) id: &'a Uuid,
    pub(crate) policy: &'a StoredPolicy,
    key_generation: Option<i32>,
    wrapped_key: Option<&'a [u8]>,
    sealed_policy: Option<&'a [u8]>,
}

impl<'a> PolicyParams<'a> {
    pub(crate) fn of(org: &'a Uuid, id: &'a Uuid, policy: &'a StoredPolicy) -> Self {
        let sealed = policy.sealed.as_ref();
        Self {
            org,
            id,
            policy,
            key_generation: sealed.map(|sealed| sealed.key_generation),
            wrapped_key: sealed.map(|sealed| sealed.wrapped_key.as_slice()),
            sealed_policy: sealed.map(|sealed| sealed.sealed_blob.as_slice()),
        }
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            self.org,
            self.id,
            &self.policy.version,
            &self.policy.updated_at,
            &self.key_generation,
            &self.wrapped_key,
            &self.sealed_policy,
            &self.policy.digest,
        ]
    }
}
