//! The records of API keys and of ancestors.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backup::bytes;

/// A row of `api_keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct ApiKeyRow {
    pub key_id: Uuid,
    pub role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<String>,
    pub name: String,
    #[serde(with = "bytes")]
    pub digest: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    #[serde(
        default,
        with = "bytes::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub end_proof: Option<Vec<u8>>,
}

/// A row of `organization_ancestors`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct AncestorRow {
    pub ancestor_id: Uuid,
    pub distance: i16,
    #[serde(with = "bytes")]
    pub proof: Vec<u8>,
}
