//! The records of a credential in a backup.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backup::bytes;

/// A row of `credentials`, sealed as in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct CredentialRow {
    pub cred_id: Uuid,
    pub provider: String,
    pub cred_type: String,
    pub label: String,
    pub version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_source: Option<String>,
    pub key_generation: i32,
    #[serde(with = "bytes")]
    pub wrapped_key: Vec<u8>,
    #[serde(with = "bytes")]
    pub sealed_blob: Vec<u8>,
    pub updated_at: DateTime<Utc>,
    pub pieces_user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recover_until: Option<DateTime<Utc>>,
    #[serde(
        with = "bytes::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub history: Option<Vec<u8>>,
    /// The rows of `credential_versions`, the lowest version first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionRow>,
    /// The row of `relay_policies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_policy: Option<PolicyRow>,
}

/// A row of `relay_policies`, sealed as in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct PolicyRow {
    pub version: i64,
    pub updated_at: DateTime<Utc>,
    pub key_generation: Option<i32>,
    #[serde(with = "bytes::optional")]
    pub wrapped_key: Option<Vec<u8>>,
    #[serde(with = "bytes::optional")]
    pub sealed_policy: Option<Vec<u8>>,
    #[serde(with = "bytes")]
    pub digest: Vec<u8>,
}

/// A row of `credential_versions`, sealed as in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct VersionRow {
    pub value_version: i64,
    pub stage: Option<String>,
    pub staged_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub expires_source: Option<String>,
    pub key_generation: Option<i32>,
    #[serde(with = "bytes::optional")]
    pub wrapped_key: Option<Vec<u8>>,
    #[serde(with = "bytes::optional")]
    pub sealed_blob: Option<Vec<u8>>,
    pub destroyed_at: Option<DateTime<Utc>>,
    #[serde(with = "bytes")]
    pub digest: Vec<u8>,
}
