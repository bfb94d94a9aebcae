//! The record of an OAuth 2.0 client.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::backup::bytes;

/// A row of `oauth_clients`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "columns of the table")]
pub struct OauthClientRow {
    pub client_id: Uuid,
    pub name: String,
    pub limits: String,
    pub access_token_duration: i64,
    pub created_at: DateTime<Utc>,
    pub version: i64,
    #[serde(with = "bytes")]
    pub digest: Vec<u8>,
    #[serde(with = "bytes")]
    pub proof: Vec<u8>,
    pub deleted_at: Option<DateTime<Utc>>,
}
